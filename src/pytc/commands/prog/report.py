"""What a test run came to: for people, as JSON, and as JUnit's XML."""

from collections.abc import Sequence

from pytc.commands.prog.expectations import Checked, Count, Tally
from pytc.commands.prog.targets import Subject, map_of
from pytc.commands.prog.values import RunOnPackets
from pytc.commands.shared.context import Context
from pytc.packets.hexdump import diff, differences
from pytc.render.documents import Document, Field, Json


def document(
    context: Context, command: RunOnPackets, subject: Subject, tally: Tally, failures: Sequence[str], *, expects: bool
) -> Document:
    """Each packet (those that failed alone, with ``summary``), the table of verdicts, the maps that were asked for."""
    shown = [one for one in tally.kept if one.failures or not command.summary]
    rows: list[Json] = [_row(one) for one in shown]
    about = subject.program.description
    fields = [
        Field("program", {"name": subject.name, "id": about.id, "tag": about.tag}),
        Field("packets", rows, "".join(map(_lines, shown))),
    ]
    fields += _summary(tally, failures, expects=expects)
    maps = _dumped(context, subject, command.dumps)
    if maps:
        fields.append(
            Field(
                "maps",
                {name: elements for name, (_, elements) in maps.items()},
                "".join(f"map {name}:\n{text}" for name, (text, _) in maps.items()),
            )
        )
    return fields


def _row(one: Checked) -> Json:
    row: dict[str, Json] = {
        "number": one.number,
        "verdict": one.verdict,
        "value": one.run.verdict,
        "length": len(one.run.packet),
        "duration_ns": one.run.duration,
        "changed": one.is_changed,
    }
    if one.is_changed:
        row["packet"] = one.run.packet.hex()
        row["differences"] = [
            {"offset": d.offset, "before": d.before.hex(), "after": d.after.hex()}
            for d in differences(one.before, one.run.packet)
        ]
    changed = one.changed_context()
    if changed:
        row["context"] = {name: after for name, (_, after) in changed.items()}
    if one.failures:
        row["failures"] = list(one.failures)
    return row


def _lines(one: Checked) -> str:
    length = (
        f"{len(one.before)} -> {len(one.run.packet)}"
        if len(one.before) != len(one.run.packet)
        else str(len(one.before))
    )
    text = f"packet {one.number}: {one.said}, {length} bytes, {one.run.duration} ns\n"
    text += "".join(f"  {name} {before} -> {after}\n" for name, (before, after) in one.changed_context().items())
    if one.is_changed:
        text += diff(one.before, one.run.packet, "  ")
    return text + "".join(f"  FAILED: {failure}\n" for failure in one.failures)


def _summary(tally: Tally, failures: Sequence[str], *, expects: bool) -> list[Field]:
    text = "".join(f"FAILED: {failure}\n" for failure in failures)
    width = max([len("verdict"), *(len(said) for said, _ in tally.counts)])
    text += f"{'verdict':<{width}} {'packets':>8} {'changed':>8} {'ns/packet':>10}\n"
    for (said, _), count in tally.counts.items():
        text += f"{said:<{width}} {count.packets:>8} {count.changed:>8} {_mean(count):>10.0f}\n"
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
    return [Field("summary", summary, text)]


def _mean(count: Count) -> float:
    return count.duration / count.packets if count.packets else 0.0


def _dumped(context: Context, subject: Subject, names: Sequence[str]) -> dict[str, tuple[str, list[Json]]]:
    """The elements of maps, as text and as JSON has them; raises PytcError."""
    if not names:
        return {}
    from pytc.commands.map.dump import all_elements
    from pytc.commands.map.targets import with_types

    return {name: all_elements(context, with_types(context, map_of(subject, name))) for name in names}


def junit(path: str, name: str, checked: Sequence[Checked], failures: Sequence[str]) -> None:
    """Writes a report with a test case for each packet, as continuous integration reads it; raises OutputError."""
    from pytc.commands.shared.output_files import replacing

    cases = [_case(name, f"packet {one.number}", one.failures, _lines(one), one.run.duration) for one in checked]
    cases += [_case(name, "number of packets", (failure,), failure, 0) for failure in failures]
    failed = sum(bool(one.failures) for one in checked) + len(failures)
    head = f'<testsuite name="{_escaped(name)}" tests="{len(cases)}" failures="{failed}" errors="0" skipped="0">\n'
    with replacing(path) as file:
        text = f'<?xml version="1.0" encoding="UTF-8"?>\n{head}{"".join(cases)}</testsuite>\n'
        file.write(text.encode("utf-8", "replace"))


def _case(program: str, name: str, failures: Sequence[str], output: str, duration: int) -> str:
    failed = "".join(
        f'    <failure message="{_escaped(failure.partition(chr(10))[0])}">{_escaped(failure)}</failure>\n'
        for failure in failures
    )
    return (
        f'  <testcase classname="{_escaped(program)}" name="{_escaped(name)}" '
        f'time="{duration / 1e9:.9f}">\n{failed}'
        f"    <system-out>{_escaped(output)}</system-out>\n  </testcase>\n"
    )


def _escaped(text: str) -> str:
    """For XML, which has no control characters."""
    plain = "".join(c if c in "\t\n" or c.isprintable() else "?" for c in text)
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
