"""``map watch``: what changes in a map."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from pytc.bpf.codec.scalars import Style, say
from pytc.bpf.maps.batch import read_items
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.maps.types import MapTypes
from pytc.commands.map.dump import entry_json, text_around
from pytc.commands.map.refusals import refusals
from pytc.commands.map.targets import open_typed
from pytc.commands.map.values import WatchMap
from pytc.commands.shared.context import Context
from pytc.render.documents import Json, Stream


class Changed(NamedTuple):
    """``event`` is new, changed or deleted."""

    event: str
    key: bytes
    value: bytes


def watch_map(context: Context, command: WatchMap) -> Stream:
    """First all elements, then each that changes; raises PytcError."""
    typed = open_typed(context, command.target)
    types = typed.types.summed() if command.sum else typed.types

    def text() -> Iterator[str]:
        before, between, _ = text_around(types)
        for event, key, value in _changes(typed, types, command):
            line = f"{before}{say(Style.TEXT, types.key.decode(key))}"
            if event == "deleted":
                yield f"deleted {line}\n"
            else:
                yield f"{line}{between}{say(Style.TEXT, types.whole.decode(value))}\n"

    def values() -> Iterator[Json]:
        for event, key, value in _changes(typed, types, command):
            entry = entry_json(types, key, value)
            yield {"event": event, **(entry if event != "deleted" else {"key": entry["key"]})}

    return Stream(text, lambda: (say(Style.JSON, value) + "\n" for value in values()), values, is_live=True)


def _changes(typed: TypedMap, types: MapTypes, command: WatchMap) -> Iterator[Changed]:
    known: dict[bytes, bytes] = {}
    rounds = 0
    while True:
        with refusals(typed):
            found = dict(read_items(typed.map))
        for key, value in found.items():
            if known.get(key) != value:
                yield Changed("changed" if key in known else "new", key, value)
        for key in known.keys() - found.keys():
            yield Changed("deleted", key, known[key])
        known = found
        rounds += 1
        if command.limit and rounds >= command.limit:
            return
        time.sleep(command.interval)
