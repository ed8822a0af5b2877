"""The results of a test run: as text and JSON, and as JUnit's XML."""

from __future__ import annotations

from pytc.commands.prog.subject import find_subject_map
from pytc.packets.hexdump import diff, differences
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pytc.bpf.codec.scalars import Value
    from pytc.bpf.maps.event_types import EventDecoder
    from pytc.bpf.maps.ring_buffer import EventSource
    from pytc.commands.prog.expectations import CheckedPacket, Count, Tally
    from pytc.commands.prog.subject import Subject
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Json


def run_document(
    subject: Subject, tally: Tally, failures: Sequence[str], *, summary: bool, expects: bool, is_timed: bool
) -> list[Field]:
    """Return the packets (with ``summary``, only those that failed), and a table of the verdicts.

    ``failures`` are those of no single packet; the last line counts failures where the run ``expects`` anything. Text
    has times where the run ``is_timed``: those of a first run, with cold caches, look like a measurement and are none.
    """
    reported = [result for result in tally.reported if result.failures or not summary]
    rows: list[Json] = [_row(result) for result in reported]
    about = subject.program.description
    return [
        Field("program", {"name": subject.name, "id": about.id, "tag": about.tag}),
        Field("packets", rows, "".join(_lines(result, is_timed=is_timed) for result in reported), color="test"),
        *_summary(tally, failures, expects=expects, is_timed=is_timed),
    ]


def _row(result: CheckedPacket) -> Json:
    row: dict[str, Json] = {
        "number": result.number,
        "verdict": result.verdict,
        "value": result.run.verdict,
        "length": len(result.run.packet),
        "duration_ns": result.run.duration,
        "changed": result.is_changed,
    }
    if result.is_changed:
        row["packet"] = result.run.packet.hex()
        row["differences"] = [
            {"offset": d.offset, "before": d.before.hex(), "after": d.after.hex()}
            for d in differences(result.packet, result.run.packet)
        ]
    changed = result.changed_context()
    if changed:
        row["context"] = {name: after for name, (_, after) in changed.items()}
    if result.metadata or result.run.metadata:
        row["metadata"] = result.run.metadata.hex()
    if result.failures:
        row["failures"] = list(result.failures)
    return row


def _lines(result: CheckedPacket, *, is_timed: bool) -> str:
    length = (
        f"{len(result.packet)} -> {len(result.run.packet)}"
        if len(result.packet) != len(result.run.packet)
        else str(len(result.packet))
    )
    time = f", {result.run.duration} ns" if is_timed else ""
    text = f"packet {result.number}: {result.verdict_text}, {length} bytes{time}\n"
    text += "".join(f"  {name} {before} -> {after}\n" for name, (before, after) in result.changed_context().items())
    if result.metadata != result.run.metadata:
        text += f"  metadata {result.metadata.hex() or 'none'} -> {result.run.metadata.hex() or 'none'}\n"
    if result.is_changed:
        text += diff(result.packet, result.run.packet, "  ")
    return text + "".join(f"  FAILED: {failure}\n" for failure in result.failures)


def _summary(tally: Tally, failures: Sequence[str], *, expects: bool, is_timed: bool) -> list[Field]:
    text = "".join(f"FAILED: {failure}\n" for failure in failures)
    width = max([len("verdict"), *(len(verdict) for verdict, _ in tally.counts)])
    text += f"{'verdict':<{width}} {'packets':>8} {'changed':>8}{' ' * 2 + 'ns/packet' if is_timed else ''}\n"
    for (verdict, _), count in tally.counts.items():
        time = f" {_mean(count):>10.0f}" if is_timed else ""
        text += f"{verdict:<{width}} {count.packets:>8} {count.changed:>8}{time}\n"
    failed, total = tally.failed + len(failures), tally.total
    text += f"{total.packets} packet{'s' * (total.packets != 1)}" + (f", {failed} failed\n" if expects else "\n")
    summary: dict[str, Json] = {
        "packets": total.packets,
        "verdicts": {name: count.packets for (_, name), count in tally.counts.items()},
        "failed": failed,
        "changed": total.changed,
        "duration_ns": round(_mean(total), 1),
    }
    if failures:
        summary["failures"] = list(failures)
    return [Field("summary", summary, text, color="test")]


def _mean(count: Count) -> float:
    return count.duration / count.packets if count.packets else 0.0


class Buffer(NamedTuple):
    """A ring buffer or perf event array of the program, opened before the run, and the decoder of its events."""

    source: EventSource
    decoder: EventDecoder

    def values(self) -> list[Value]:
        """Return the events that there are; what was lost is a number of its own."""
        return [
            {"lost": event.lost} if event.lost else self.decoder.decode(event.data) for event in self.source.events(0)
        ]


def open_buffers(context: Context, subject: Subject, names: Sequence[str]) -> dict[str, Buffer]:
    """Open those of the maps that hold events, whose readers must be there before the program runs.

    Raises BpfError for a name that is none.
    """
    from pytc.bpf.sys.constants import MapType

    buffers = {}
    for name in names:
        map = find_subject_map(subject, name)
        if map.description.type in (MapType.RINGBUF, MapType.PERF_EVENT_ARRAY):
            from pytc.bpf.maps.event_types import EventDecoder, event_source, find_program_btf, guess_event_type

            btf = find_program_btf(map.description.id)
            decoder = EventDecoder(guess_event_type(btf, map.name) if btf is not None else "", btf)
            buffers[name] = Buffer(context.own(event_source(map)), decoder)
    return buffers


def dumped_maps(context: Context, subject: Subject, names: Sequence[str], buffers: Mapping[str, Buffer]) -> list[Field]:
    """Return the elements of maps of the program, and the events of its buffers; raises PytcError."""
    if not names:
        return []
    from pytc.bpf.codec.scalars import Style, format_value
    from pytc.commands.shared.map_elements import as_json, check_listable, json_entries, text_lines
    from pytc.commands.shared.typed_maps import typed_map

    values: dict[str, Json] = {}
    text = ""
    for name in dict.fromkeys(names):
        if name in buffers:
            events = buffers[name].values()
            text += f"map {name}:\n{''.join(f'{format_value(Style.TEXT, event)}{chr(10)}' for event in events)}"
            values[name] = [as_json(event) for event in events]
            continue
        typed = typed_map(context, find_subject_map(subject, name))
        check_listable(typed)
        text += f"map {name}:\n{''.join(text_lines(context, typed, typed.types))}"
        values[name] = list(json_entries(context, typed, typed.types))
    return [Field("maps", values, text)]


def write_junit(
    path: str, name: str, checked: Sequence[CheckedPacket], failures: Sequence[str], *, is_timed: bool
) -> None:
    """Write a report for continuous integration, with a test case for each packet; raises OutputError."""
    from xml.etree import ElementTree

    from pytc.commands.shared.output_files import replace_file

    cases = [
        (f"packet {result.number}", result.failures, _lines(result, is_timed=is_timed), result.run.duration)
        for result in checked
    ]
    cases += [("number of packets", (failure,), failure, 0) for failure in failures]
    failed = sum(bool(reasons) for _, reasons, _, _ in cases)
    counts = {"tests": str(len(cases)), "failures": str(failed), "errors": "0", "skipped": "0"}
    suite = ElementTree.Element("testsuite", {"name": _xml_text(name), **counts})
    for title, reasons, output, duration in cases:
        case = ElementTree.SubElement(
            suite, "testcase", classname=_xml_text(name), name=title, time=f"{duration / 1e9:.9f}"
        )
        for reason in reasons:
            first_line = reason.partition("\n")[0]
            ElementTree.SubElement(case, "failure", message=_xml_text(first_line)).text = _xml_text(reason)
        ElementTree.SubElement(case, "system-out").text = _xml_text(output)
    ElementTree.indent(suite)
    with replace_file(path) as file:
        ElementTree.ElementTree(suite).write(file, encoding="UTF-8", xml_declaration=True)
        file.write(b"\n")


def _xml_text(text: str) -> str:
    """Replace control characters, of which XML takes only tab, newline and carriage return."""
    return printable(text, keep="\t\n")
