"""``pytc map watch``: all elements of a map, then what changes."""

from __future__ import annotations

import time

from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.batch import read_items
from pytc.commands.map.elements import open_target
from pytc.commands.map.words import COUNT, SUM, TARGET, TYPES, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.map_elements import as_json, json_entry, line_text
from pytc.commands.shared.map_errors import explain_refusals
from pytc.commands.shared.timestamps import timestamp
from pytc.render.documents import Stream
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.typing import NamedTuple
from pytc.words.engine import Word
from pytc.words.values import seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from pytc.bpf.codec.scalars import Value
    from pytc.bpf.maps.typed import TypedMap
    from pytc.bpf.maps.types import MapTypes
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Json
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map watch MAP [ interval TIME ] [ count NUMBER ] [ sum ] [ rate ]

Prints all elements, then looks every TIME {1s} for those that are new, changed or deleted, NUMBER times {for ever}.
With -j, a JSON object on each line; with -t or -ts, the time of each change.

sum   adds up the values of all CPUs
rate  of elements that change, how much more the numbers are in a second; no others

TIME := NUMBER[ ms | s | m ]
"""

WORDS = (
    *(*TARGET, *TYPES, Word("interval", "interval", seconds, wrong="invalid time"), COUNT, SUM),
    Word("rate", "rate", exact=True),
)


class WatchMap(Command):
    """Reads the map every ``interval`` seconds, ``limit`` times; 0 for ever. With ``rate``, values are differences in a
    second."""

    target: Target
    interval: float = 1.0
    limit: int = 0
    sum: bool = False
    rate: bool = False


def parse(cursor: Cursor) -> WatchMap:
    """Return the command; raises UsageError, HelpRequested."""
    return WatchMap(**take_words(cursor, WORDS, "watch"))


if TYPE_CHECKING:
    _Event = Literal["there", "new", "changed", "deleted"]


class _Change(NamedTuple):
    """A change of an element, found by a look ``seconds`` after the one before; the first finds those that are
    ``there``. ``before`` is the former value, zeros for none."""

    event: _Event
    key: bytes
    value: bytes
    before: bytes
    seconds: float


def run(context: Context, command: WatchMap) -> Stream:
    """Return all elements first, then each that changes; raises PytcError."""
    typed = open_target(context, command.target)
    types = typed.types.summed() if command.sum else typed.types

    def text() -> Iterator[str]:
        before, between, _ = line_text(types)
        for change in _changes(typed, command):
            line = f"{before}{format_value(Style.TEXT, types.key.decode(change.key))}"
            if command.rate:
                line += f" rate {format_value(Style.TEXT, _rate(types, change))}"
            elif change.event != "deleted":
                line += f"{between}{format_value(Style.TEXT, types.whole.decode(change.value))}"
            word = "" if command.rate or change.event == "there" else f"{change.event} "
            yield f"{render([timestamp(context.display)])}{word}{line}\n"

    def values() -> Iterator[Json]:
        for change in _changes(typed, command):
            event = "new" if change.event == "there" else change.event
            members = {**as_object(timestamp(context.display)), "event": event}
            entry = json_entry(types, change.key, change.value)
            if command.rate:
                yield {**members, "key": entry["key"], "rate": as_json(_rate(types, change))}
            else:
                yield {**members, **(entry if event != "deleted" else {"key": entry["key"]})}

    return Stream(text, lambda: (format_value(Style.JSON, value) + "\n" for value in values()), values, is_live=True)


def _changes(typed: TypedMap, command: WatchMap) -> Iterator[_Change]:
    """Yield the changes that a command asks for: for rates, those of elements that are new or have another value."""
    values: dict[bytes, bytes] = {}
    rounds, zeros, looked = 0, bytes(typed.map.value_bytes), time.monotonic()
    while True:
        with explain_refusals(typed):
            present = dict(read_items(typed.map))
        now = time.monotonic()
        for key, value in present.items():
            if values.get(key) != value and (rounds or not command.rate):
                event: _Event = "changed" if key in values else "new" if rounds else "there"
                yield _Change(event, key, value, values.get(key, zeros), now - looked)
        for key in () if command.rate else values.keys() - present.keys():
            yield _Change("deleted", key, values[key], values[key], now - looked)
        values, looked = present, now
        rounds += 1
        if command.limit and rounds >= command.limit:
            return
        time.sleep(command.interval)


def _rate(types: MapTypes, change: _Change) -> Value:
    return difference(types.whole.decode(change.before), types.whole.decode(change.value), change.seconds or 1.0)


def difference(before: Value, after: Value, seconds: float) -> Value:
    """Return how much each number of a value grew in a second; all else is as it is afterwards."""
    if isinstance(after, dict):
        former = before if isinstance(before, dict) else {}
        return {name: difference(former.get(name, 0), value, seconds) for name, value in after.items()}
    if isinstance(after, list):
        pairs = zip(before if isinstance(before, list) else [], after, strict=False)
        return [difference(*pair, seconds) for pair in pairs]
    if isinstance(after, bool) or not isinstance(after, (int, float)):
        return after
    return round((after - (before if isinstance(before, (int, float)) else 0)) / seconds, 1)
