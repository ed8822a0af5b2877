"""Expectations of a test run: verdicts, packets and context fields, and how the packets compare with them."""

from __future__ import annotations

from pytc.bpf.run.context import DEVICES, layout_of
from pytc.bpf.run.vlan_tag import split
from pytc.bpf.sys.constants import ProgramType
from pytc.commands.prog.inputs import read
from pytc.errors import UsageError
from pytc.packets.hexdump import diff
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytc.bpf.run.test_run import Run
    from pytc.bpf.run.verdicts import Verdicts
    from pytc.commands.shared.context import Context


class CheckedPacket(NamedTuple):
    """A packet that was run, by its number from 1: ``packet``, ``context`` and ``metadata`` are what the program got,
    ``verdict`` is the name of what it returned, ``verdict_text`` with the number. Each of the ``failures`` is a line,
    and perhaps more."""

    number: int
    packet: bytes
    run: Run
    verdict: str
    verdict_text: str
    context: Mapping[str, int]
    metadata: bytes
    failures: tuple[str, ...]

    @property
    def is_changed(self) -> bool:
        """True where the run changed the packet."""
        return self.packet != self.run.packet

    def changed_context(self) -> dict[str, tuple[int, int]]:
        """Return the fields of the context that the program changed, with their values before and after."""
        return {
            name: (self.context.get(name, 0), value)
            for name, value in self.run.context.items()
            if value != self.context.get(name, 0)
        }


class Expected(NamedTuple):
    """The words of ``expect``, ``expect-pcap``, ``expect-ctx`` and ``expect-metadata``."""

    verdicts: Sequence[str]
    packets: str
    context: Sequence[tuple[str, str]]
    metadata: bytes | None = None


class Expectations:
    """Compares the packets of a run, in their order, with what is expected; raises UsageError, CaptureError."""

    def __init__(self, context: Context, expected: Expected, verdicts: Verdicts, type: int) -> None:
        try:
            self._verdicts = [verdicts.expected(word) for word in expected.verdicts]
        except ValueError as error:
            raise UsageError(f"Error: {error}") from None
        self._names = verdicts
        self._context = field_values(context, expected.context)
        self._metadata = expected.metadata
        if self._metadata is not None and type != ProgramType.XDP:
            raise UsageError("Error: a test run returns metadata of XDP programs only")
        layout = layout_of(type)
        unknown = [name for name in self._context if layout is None or name not in layout.changeable]
        if unknown:
            fields = (
                ", ".join(layout.changeable)
                if layout is not None and layout.changeable
                else "none of the context's fields"
            )
            raise UsageError(f"Error: a test run does not return {unknown[0]}; it returns {fields}")
        self._path = expected.packets
        self._packets = context.own(read(self._path)) if self._path else None

    @property
    def any(self) -> bool:
        """True where anything is expected of each packet."""
        return bool(self._verdicts or self._context or self._path or self._metadata is not None)

    def check(self, number: int, run: Run) -> Iterator[str]:
        """Yield what is not as expected of a packet, counted from 1."""
        yield from self._check_verdict(number, run)
        for name, value in self._context.items():
            if run.context.get(name) != value:
                yield f"{name} is {run.context.get(name, 'not known')}, {value} was expected"
        if self._metadata is not None and run.metadata != self._metadata:
            yield f"metadata is {run.metadata.hex() or 'empty'}, {self._metadata.hex() or 'none'} was expected"
        if self._packets is not None:
            expected = next(self._packets, None)
            if expected is None:
                yield f"{self._path} has no packet {number}"
            elif not _are_equal(expected.data, run):
                yield (
                    f"the packet is not that of {self._path} (- expected, + came out)\n"
                    + diff(expected.data, run.packet, "  ").rstrip("\n")
                )

    def _check_verdict(self, number: int, run: Run) -> Iterator[str]:
        if not self._verdicts:
            return
        if len(self._verdicts) > 1 and number > len(self._verdicts):
            yield f"packet {number} is one more than the {len(self._verdicts)} expected verdicts"
            return
        expected = self._verdicts[number - 1 if len(self._verdicts) > 1 else 0]
        if not self._names.is_met(expected, run.verdict):
            yield f"{self._names.text(run.verdict)}, {self._names.expectation_text(expected)} was expected"

    def missing(self, count: int) -> list[str]:
        """Return what was expected of packets beyond the last one."""
        failures = ["there were no packets"] if self.any and not count else []
        if len(self._verdicts) > 1 and len(self._verdicts) > count:
            failures.append(f"{len(self._verdicts)} verdicts were expected, there were {count} packets")
        left = sum(1 for _ in self._packets) if self._packets is not None else 0
        if left:
            failures.append(f"{self._path} has {left} more packets than were run")
        return failures


def _are_equal(expected: bytes, run: Run) -> bool:
    """Compare a packet with one that came back, which may lack its tag."""
    if expected == run.packet:
        return True
    tagged = split(expected) if run.lacks_tag else None
    return tagged is not None and tagged.data == run.packet


def field_values(context: Context, fields: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the numbers of context fields; device fields take a name. Raises UsageError, DeviceNotFoundError."""
    numbers = {}
    for name, word in fields:
        if name in DEVICES and not word[:1].isdigit():
            numbers[name] = context.device_index(word)
            continue
        try:
            numbers[name] = int(word, 0)
        except ValueError:
            raise UsageError(f'Error: argument "{word}" is wrong: invalid {name}') from None
    return numbers


class Count(NamedTuple):
    """Packets with one verdict; ``duration`` is the sum of their nanoseconds."""

    packets: int = 0
    changed: int = 0
    duration: int = 0


class Tally:
    """The results of all packets: a :class:`Count` by the text and name of each verdict. ``reported`` are the packets
    to be listed one by one: those that failed, or all."""

    def __init__(self, *, report_all: bool) -> None:
        self.counts: dict[tuple[str, str], Count] = {}
        self.reported: list[CheckedPacket] = []
        self.packets = self.failed = 0
        self._report_all = report_all

    def add(self, checked: CheckedPacket) -> None:
        """Count a packet."""
        self.packets += 1
        self.failed += bool(checked.failures)
        key = checked.verdict_text, checked.verdict
        packets, changed, duration = self.counts.get(key, Count())
        self.counts[key] = Count(packets + 1, changed + checked.is_changed, duration + checked.run.duration)
        if self._report_all or checked.failures:
            self.reported.append(checked)

    @property
    def total(self) -> Count:
        """All verdicts together."""
        counts = self.counts.values()
        return Count(*(sum(column) for column in zip(*counts, strict=True))) if counts else Count()
