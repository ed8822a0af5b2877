"""Test runs of programs on packets, which are bytes, words, or packets of other libraries."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple, SupportsBytes

if TYPE_CHECKING:
    from pytc.packets.hexdump import Difference

#: A packet with its Ethernet header: bytes; words like ``"eth ip src 10.0.0.1 tcp dport 80"``; or an object that
#: ``bytes()`` takes, like those of scapy and dpkt.
Packet = bytes | bytearray | memoryview | str | SupportsBytes


class PacketResult(NamedTuple):
    """The result of a program's run on a packet.

    ``verdict`` is what the hook makes of its return value (``TC_ACT_OK``, ``XDP_DROP``, a class like ``1:10``),
    ``value`` the return value as u32; ``packet`` is the packet afterwards, ``before`` what it was; ``context`` has the
    fields ``mark``, ``priority``, ``cb0`` to ``cb4`` and ``tstamp`` afterwards; ``duration`` is nanoseconds for each
    run.
    """

    verdict: str
    value: int
    packet: bytes
    before: bytes
    context: Mapping[str, int]
    duration: int

    @property
    def differences(self) -> "list[Difference]":
        """The runs of bytes that the program changed."""
        from pytc.packets.hexdump import differences

        return differences(self.before, self.packet)

    @property
    def diff(self) -> str:
        """The same for people, as lines of a hexdump; empty where nothing changed."""
        from pytc.packets.hexdump import diff

        return diff(self.before, self.packet)


def packet_bytes(packet: Packet) -> bytes:
    """Return a packet's bytes; raises PacketError for words that make no sense."""
    if isinstance(packet, str):
        from pytc.packets.build import build

        return build(packet)
    return bytes(packet)


def run(
    fd: int, packet: Packet, *, context: Mapping[str, int] | None = None, repeat: int = 1, classes: bool = False
) -> PacketResult:
    """Run the program of a descriptor on a packet; see :meth:`pytc.Program.run`."""
    from pytc.bpf.run.test_run import Runner
    from pytc.bpf.run.verdicts import Verdicts

    data = packet_bytes(packet)
    with Runner(fd, context) as runner:
        done = runner.run(data, repeat=repeat)
        before = runner.unchanged(data)
    verdict = Verdicts(runner.type, classes=classes).name(done.verdict)
    return PacketResult(verdict, done.verdict, done.packet, before, done.context, done.duration)
