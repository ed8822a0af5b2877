"""Test runs of programs on packets, which are bytes, words, or packets of other libraries."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, Protocol, SupportsBytes

from pytc.api.events import Event, EventStream
from pytc.contexts import ExitStack, contextmanager
from pytc.packets.hexdump import Difference

#: A packet with its Ethernet header: bytes; words like ``"eth ip src 10.0.0.1 tcp dport 80"``; or an object that
#: ``bytes()`` takes, like those of scapy and dpkt.
Packet = bytes | bytearray | memoryview | str | SupportsBytes


class Buffer(Protocol):
    """A map that programs send events through: a ring buffer or a perf event array."""

    @property
    def name(self) -> str:
        """The map's name."""

    def events(self, timeout: float | None = None) -> EventStream:
        """Read the events."""


class PacketResult(NamedTuple):
    """The result of a program's run on a packet.

    ``verdict`` is what the hook makes of its return value (``TC_ACT_OK``, ``XDP_DROP``, a class like ``1:10``),
    ``value`` the return value as u32; ``packet`` is the packet afterwards, ``before`` what it was; ``context`` has the
    fields ``mark``, ``priority``, ``cb0`` to ``cb4`` and ``tstamp`` afterwards; ``duration`` is nanoseconds for each
    run. ``events`` are those of the buffers that the run was to read, by the names of the maps.
    """

    verdict: str
    value: int
    packet: bytes
    before: bytes
    context: Mapping[str, int]
    duration: int
    events: Mapping[str, list[Event]] = {}

    @property
    def differences(self) -> list[Difference]:
        """The runs of bytes that the program changed."""
        from pytc.packets.hexdump import differences

        return differences(self.before, self.packet)

    @property
    def diff(self) -> str:
        """The changed bytes as lines of a hexdump, for people; empty where nothing changed."""
        from pytc.packets.hexdump import diff

        return diff(self.before, self.packet)


def packet_bytes(packet: Packet) -> bytes:
    """Return a packet's bytes; raises PacketError for words that make no sense."""
    if isinstance(packet, str):
        from pytc.packets.build import build

        return build(packet)
    return bytes(packet)


@contextmanager
def _reading(buffers: Iterable[Buffer]) -> Iterator[dict[str, list[Event]]]:
    """Read the events that come while the block runs: they are there after it."""
    events: dict[str, list[Event]] = {}
    with ExitStack() as opened:
        streams = {buffer.name: opened.enter_context(buffer.events(0)) for buffer in buffers}
        for stream in streams.values():
            list(stream)  # those of earlier runs
        yield events
        events.update({name: list(stream) for name, stream in streams.items()})


def run(
    fd: int,
    packet: Packet,
    *,
    context: Mapping[str, int] | None = None,
    repeat: int = 1,
    classes: bool = False,
    events: Iterable[Buffer] = (),
) -> PacketResult:
    """Run the program of a descriptor on a packet; see :meth:`pytc.Program.run`."""
    from pytc.bpf.run.test_run import Runner
    from pytc.bpf.run.verdicts import Verdicts

    data = packet_bytes(packet)
    with _reading(events) as read, Runner(fd, context) as runner:
        done = runner.run(data, repeat=repeat)
        before = runner.unchanged(data)
    verdict = Verdicts(runner.type, classes=classes).name(done.verdict)
    return PacketResult(verdict, done.verdict, done.packet, before, done.context, done.duration, read)
