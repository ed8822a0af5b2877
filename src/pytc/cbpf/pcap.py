"""Run a program over the packets of a capture."""

from __future__ import annotations

from pytc.cbpf.ancillary import Ancillary, describe, untag
from pytc.cbpf.interpreter import Machine
from pytc.packets.link_types import ETHERNET
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pytc.bpf.insn.classic import ClassicInstruction
    from pytc.packets.packet import Packet

    Program = Sequence[ClassicInstruction]


class Verdict(NamedTuple):
    """The ``value`` that a program returned, a u32, 0 for no match; packets are numbered from 1."""

    number: int
    packet: Packet
    value: int


class Programs:
    """The program for each packet: one for all, or what a function returns for its LINKTYPE_, called once each."""

    def __init__(self, program: Program | Callable[[int], Program]) -> None:
        self._program = program
        self._known: dict[int, Program] = {}

    def for_packet(self, packet: Packet) -> Program:
        """Return the program for a packet; raises what the function raises."""
        program = self._program
        if not callable(program):
            return program
        if packet.link_type not in self._known:
            self._known[packet.link_type] = program(packet.link_type)
        return self._known[packet.link_type]


def start(
    program: Program, packet: Packet, *, values: Mapping[str, int] | None = None, untagged: bool = False
) -> Machine:
    """Return a machine at the first instruction, with the extensions that the packet shows, and ``values`` for others
    by bpf_asm's names.

    With ``untagged``, an Ethernet packet is as a filter on ingress sees it: without its outer VLAN tag.
    """
    data, known = packet.data, describe(packet.data, packet.link_type)
    if untagged and packet.link_type == ETHERNET:
        data, known = untag(data, known)
    if values:
        known = Ancillary(**{**known._asdict(), **values})
    return Machine(program, data, packet.length - len(packet.data) + len(data), known)


def run_capture(
    program: Program | Callable[[int], Program],
    packets: Iterable[Packet],
    *,
    values: Mapping[str, int] | None = None,
    untagged: bool = False,
) -> Iterator[Verdict]:
    """Yield the verdict on each packet; ``values`` and ``untagged`` are those of :func:`start`.

    ``program`` may be a function that returns one for a LINKTYPE_ number. Raises what reading the packets raises.
    """
    programs = Programs(program)
    for number, packet in enumerate(packets, 1):
        yield Verdict(
            number, packet, start(programs.for_packet(packet), packet, values=values, untagged=untagged).run()
        )
