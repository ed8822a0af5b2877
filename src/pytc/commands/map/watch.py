"""``pytc map watch``: all elements of a map, then what changes."""

import time
from collections.abc import Iterator
from typing import Literal, NamedTuple

from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.batch import read_items
from pytc.bpf.maps.typed import TypedMap
from pytc.commands.map.elements import open_target
from pytc.commands.map.words import COUNT, SUM, TARGET, TYPES, Target, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.context import Context
from pytc.commands.shared.map_elements import json_entry, text_around
from pytc.commands.shared.map_errors import explain_refusals
from pytc.render.documents import Json, Stream
from pytc.words.engine import Cursor, Word
from pytc.words.values import seconds

HELP = """\
Usage: pytc map watch MAP [ interval TIME ] [ count NUMBER ] [ sum ]

All elements, then those that are new, changed or deleted, looked at every TIME {1s}, NUMBER times {for ever}.
TIME := NUMBER[ ms | s | m ]. With -j, a JSON object on each line.
"""

WORDS = (*TARGET, *TYPES, Word("interval", "interval", seconds, wrong="invalid time"), COUNT, SUM)


class WatchMap(Command):
    """Reads the map every ``interval`` seconds, ``limit`` times; 0 for ever."""

    target: Target
    interval: float = 1.0
    limit: int = 0
    sum: bool = False


def parse(cursor: Cursor) -> WatchMap:
    """Return the command; raises UsageError, HelpRequested."""
    return WatchMap(**take_words(cursor, WORDS, "watch"))


class _Change(NamedTuple):
    event: Literal["new", "changed", "deleted"]
    key: bytes
    value: bytes


def run(context: Context, command: WatchMap) -> Stream:
    """Return all elements first, then each that changes; raises PytcError."""
    typed = open_target(context, command.target)
    types = typed.types.summed() if command.sum else typed.types

    def text() -> Iterator[str]:
        before, between, _ = text_around(types)
        for event, key, value in _changes(typed, command):
            line = f"{before}{format_value(Style.TEXT, types.key.decode(key))}"
            if event == "deleted":
                yield f"deleted {line}\n"
            else:
                yield f"{line}{between}{format_value(Style.TEXT, types.whole.decode(value))}\n"

    def values() -> Iterator[Json]:
        for event, key, value in _changes(typed, command):
            entry = json_entry(types, key, value)
            yield {"event": event, **(entry if event != "deleted" else {"key": entry["key"]})}

    return Stream(text, lambda: (format_value(Style.JSON, value) + "\n" for value in values()), values, is_live=True)


def _changes(typed: TypedMap, command: WatchMap) -> Iterator[_Change]:
    known: dict[bytes, bytes] = {}
    rounds = 0
    while True:
        with explain_refusals(typed):
            present = dict(read_items(typed.map))
        for key, value in present.items():
            if known.get(key) != value:
                yield _Change("changed" if key in known else "new", key, value)
        for key in known.keys() - present.keys():
            yield _Change("deleted", key, known[key])
        known = present
        rounds += 1
        if command.limit and rounds >= command.limit:
            return
        time.sleep(command.interval)
