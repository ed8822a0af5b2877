"""Running a program over a capture."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from pytc.bpf.insn.classic import ClassicInstruction
from pytc.cbpf.ancillary import Ancillary, describe, untag
from pytc.cbpf.interpreter import Machine
from pytc.packets.capture import Packet
from pytc.packets.link_types import ETHERNET

Program = Sequence[ClassicInstruction]


class Verdict(NamedTuple):
    """Return value of a program for the packet of that ``number``, counted from 1: a u32, 0 for no match."""

    number: int
    packet: Packet
    value: int


class Programs:
    """The program for each packet: one for all, or what a function has for its LINKTYPE_, asked once."""

    def __init__(self, program: "Program | Callable[[int], Program]") -> None:
        self._program = program
        self._known: dict[int, Program] = {}

    def of(self, packet: Packet) -> Program:
        """Raises what the function raises."""
        found = self._known.get(packet.link_type)
        if found is None:
            program = self._program
            found = self._known[packet.link_type] = program(packet.link_type) if callable(program) else program
        return found


def machine(
    program: Program, packet: Packet, *, values: Mapping[str, int] | None = None, untagged: bool = False
) -> Machine:
    """A machine at the first instruction, with what is known of the packet; ``values`` are extensions by bpf_asm's
    names. With ``untagged``, an Ethernet packet is as a filter on ingress sees it: without its outer VLAN tag."""
    data, known = packet.data, describe(packet.data, packet.link_type)
    if untagged and packet.link_type == ETHERNET:
        data, known = untag(data, known)
    if values:
        known = Ancillary(**{**known._asdict(), **values})
    return Machine(program, data, packet.length - len(packet.data) + len(data), known)


def run_capture(
    program: "Program | Callable[[int], Program]",
    packets: Iterable[Packet],
    *,
    values: Mapping[str, int] | None = None,
    untagged: bool = False,
) -> Iterator[Verdict]:
    """The verdict on each packet; see :func:`machine`. ``program`` may be a function that has one for each LINKTYPE_.

    Raises what reading the packets raises.
    """
    programs = Programs(program)
    for number, packet in enumerate(packets, 1):
        yield Verdict(number, packet, machine(programs.of(packet), packet, values=values, untagged=untagged).run())
