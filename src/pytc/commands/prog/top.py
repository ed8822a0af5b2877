"""``pytc prog top``: the programs that take most time, again and again."""

from __future__ import annotations

import time

from pytc.bpf.run.statistics import enable_statistics
from pytc.bpf.sys.constants import program_type_name
from pytc.commands.prog.counters import growth, read_counters
from pytc.commands.prog.targets import open_program
from pytc.commands.prog.words import TARGET, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.timestamps import timestamp
from pytc.render.documents import Stream
from pytc.render.json import as_object
from pytc.render.terminal import printable
from pytc.render.text import render
from pytc.words.engine import Word, refuse_more, unsigned
from pytc.words.values import seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.analyse.program_info import ProgramInfo
    from pytc.commands.prog.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Json
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog top [ PROG ] [ interval TIME ] [ count NUMBER ]

The programs that ran, those that took most time first: runs in a second, nanoseconds for each, and the share of one
CPU. It looks every TIME {1s}, NUMBER times {for ever}, and switches statistics on meanwhile, which costs each run some
nanoseconds. With -j, a JSON object on a line for each look; with -t or -ts, its time.

TIME := NUMBER[ ms | s | m ]
"""

_SHORTEST = 0.01  # seconds: below, counters of a busy program look idle
WORDS = (
    *TARGET,
    Word("interval", "interval", seconds, wrong="invalid time"),
    Word("count", "limit", unsigned((1 << 32) - 1), wrong="invalid count"),
)


class RankPrograms(Command):
    """Looks at the counters every ``interval`` seconds, ``limit`` times; 0 for ever."""

    target: Target | None = None
    interval: float = 1.0
    limit: int = 0


def parse(cursor: Cursor) -> RankPrograms:
    """Return the command; raises UsageError, HelpRequested."""
    fields = take_words(cursor, WORDS, "prog top")
    refuse_more(cursor, "prog top")
    return RankPrograms(**fields)


def run(context: Context, command: RankPrograms) -> Stream:
    """Return a table for each look; raises PytcError."""
    program = open_program(context, command.target) if command.target is not None else None
    context.own(enable_statistics())

    def looks() -> Iterator[tuple[float, list[ProgramInfo]]]:
        counters, looked, count = read_counters(program), time.monotonic(), 0
        while not command.limit or count < command.limit:
            time.sleep(max(command.interval, _SHORTEST))
            present, now = read_counters(program), time.monotonic()
            ran = [
                info for info in (growth(counters.get(id), about) for id, about in present.items()) if info.run_count
            ]
            yield now - looked, sorted(ran, key=lambda info: -info.run_time)
            counters, looked, count = present, now, count + 1

    def text() -> Iterator[str]:
        for passed, ran in looks():
            names = [printable(info.name) for info in ran]
            width = max([len("name"), *map(len, names)])
            table = f"{'prog':>6} {'type':<12} {'name':<{width}} {'runs/s':>10} {'ns/run':>8} {'cpu%':>6}\n"
            for info, name in zip(ran, names, strict=True):
                row = _row(info, passed)
                table += f"{info.id:>6} {row['type']!s:<12} {name:<{width}} {row['runs_per_second']:>10} "
                table += f"{row['ns_per_run']:>8} {row['cpu_percent']:>6}\n"
            yield f"{render([timestamp(context.display)])}{table}\n"

    def values() -> Iterator[Json]:
        for passed, ran in looks():
            rows: list[Json] = [{"id": info.id, **_row(info, passed)} for info in ran]
            yield {**as_object(timestamp(context.display)), "programs": rows}

    def lines() -> Iterator[str]:
        import json

        return (json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n" for value in values())

    return Stream(text, lines, values, is_live=True)


def _row(info: ProgramInfo, passed: float) -> dict[str, Json]:
    """Return the numbers of a program that ran, in ``passed`` seconds."""
    return {
        "type": program_type_name(info.type),
        "name": info.name,
        "runs_per_second": round(info.run_count / passed),
        "ns_per_run": round(info.run_time / info.run_count),
        "cpu_percent": round(info.run_time / passed / 1e7, 2),
    }
