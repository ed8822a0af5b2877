"""``map``: elements of maps, from the command line."""

from collections.abc import Callable, Sequence
from typing import Any

from pytc.bpf.sys.constants import EXIST, NOEXIST
from pytc.commands.map.values import (
    Change,
    DeleteElements,
    DumpMap,
    GetElement,
    LoadMap,
    NextKey,
    PinMap,
    PushValues,
    ReadEvents,
    SetElement,
    ShowMaps,
    TakeValues,
    Target,
    UnpinMap,
    UpdateElements,
    WatchMap,
)
from pytc.commands.shared.command import Command, Help
from pytc.errors import HelpRequested, UsageError
from pytc.words.engine import Cursor, Word, fill, matches, no_more, take_verb, text, unsigned
from pytc.words.values import take_format, take_value

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "show": "show",
    "list": "show",
    "ls": "show",
    "get": "get",
    "lookup": "get",
    "set": "set",
    "update-many": "update-many",
    "delete": "delete",
    "dump": "dump",
    "load": "load",
    "next": "next",
    "watch": "watch",
    "pin": "pin",
    "unpin": "unpin",
    "push": "push",
    "pop": "pop",
    "peek": "peek",
    "events": "events",
    "help": "help",
}
OPERATORS = ("=", "+=", "-=", "|=", "&=", "^=")
_MOST = (1 << 32) - 1
_Found = dict[str, Any]


def seconds(word: str) -> float:
    """Converter for ``2``, ``0.5``, ``500ms``, ``2s``."""
    number, factor = (word[:-2], 0.001) if word.endswith("ms") else (word.removesuffix("s"), 1.0)
    if not number.replace(".", "", 1).isdigit() or not number.isascii():
        raise ValueError(word)
    return float(number) * factor


def _reference(kind: str) -> Callable[[Cursor], Target]:
    return lambda cursor: Target(kind, cursor.take())


_TARGET = tuple(
    Word(kind, "target", read=_reference(kind), called=kind) for kind in ("fd", "map", "pinned", "id", "name")
)
_TYPES = (Word("keytype", "key_type", read=take_format), Word("valuetype", "value_type", read=take_format))


def _value_or_change(cursor: Cursor) -> Any:
    return _change("", cursor) if cursor.peek() in OPERATORS else take_value(cursor)


def _change(path: str, cursor: Cursor) -> Change:
    if cursor.peek() not in OPERATORS:
        raise UsageError(f'Error: one of {" ".join(OPERATORS)} is expected behind "value{path}".')
    return Change(path, cursor.take(), take_value(cursor))


_KEY = Word("key", "key", read=take_value, exact=True)
_KEYS = _KEY._replace(into="keys", many=True)
_VALUE = Word("value", "value", read=take_value, exact=True)
_VALUE_OR_CHANGE = _VALUE._replace(read=_value_or_change)
_VALUES = _VALUE._replace(into="values", many=True)
_FLAGS = (Word("any", "flags", value=0), Word("noexist", "flags", value=NOEXIST), Word("exist", "flags", value=EXIST))
_LOCK = Word("lock", "lock")
_SUM = Word("sum", "sum")
_COUNT = Word("count", "limit", unsigned(_MOST), wrong="invalid count")
_FORMATS = (Word("csv", "format", value="csv"), Word("json", "format", value="json"))

#: The words of each verb, in the order in which abbreviations are tried.
SELECTORS: dict[str, tuple[Word, ...]] = {
    "show": _TARGET,
    "get": (*_TARGET, _KEY, _VALUE, *_TYPES, _SUM, _LOCK),
    "set": (*_TARGET, _KEY, _VALUE_OR_CHANGE, *_TYPES, *_FLAGS, _LOCK),
    "update-many": (*_TARGET, _KEYS, _VALUES, *_TYPES, *_FLAGS, _LOCK),
    "delete": (*_TARGET, _KEYS, *_TYPES, Word("all", "all")),
    "dump": (*_TARGET, *_TYPES, Word("csv", "csv"), _SUM, _LOCK),
    "load": (*_TARGET, *_TYPES, Word("file", "path", text, wrong="invalid file"), *_FORMATS, *_FLAGS, _LOCK),
    "next": (*_TARGET, _KEY, *_TYPES),
    "watch": (*_TARGET, *_TYPES, Word("interval", "interval", seconds, wrong="invalid time"), _COUNT, _SUM),
    "pin": (*_TARGET, Word("path", "path", text, wrong="invalid path")),
    "unpin": (),
    "push": (*_TARGET, _VALUES, *_TYPES, *_FLAGS),
    "pop": (*_TARGET, *_TYPES, _COUNT, Word("all", "limit", value=0)),
    "peek": (*_TARGET, *_TYPES),
    "events": (
        *_TARGET,
        _TYPES[1],
        Word("type", "value_type", read=take_format),
        _COUNT,
        Word("timeout", "timeout", seconds, wrong="invalid time"),
        Word("object", "object", text, wrong="invalid file"),
    ),
}


def parse(words: list[str]) -> Command:
    """The words after ``map``; raises UsageError, HelpRequested."""
    cursor = Cursor(words)
    verb = take_verb(cursor, VERBS, "map")
    if verb == "help":
        return Help("map")
    topic = f"map {verb}"
    if verb == "unpin":
        return UnpinMap(take_pin(cursor, topic))
    found = _fill(cursor, SELECTORS[verb], topic)
    no_more(cursor, topic)
    if verb == "show" and "target" not in found:
        return ShowMaps()
    if "target" not in found:
        raise UsageError(f'Error: which map? fd, map, pinned, id or name is needed; try "pytc {topic} help".')
    target = found.pop("target")
    found["target"] = target._replace(key_type=found.pop("key_type", ""), value_type=found.pop("value_type", ""))
    command: Command = _MAKERS[verb](found)
    return command


def _fill(cursor: Cursor, table: Sequence[Word], topic: str) -> _Found:
    """As :func:`fill`, with ``value.member``, what is to be done to it, and a file that is said without a word."""
    found: _Found = {}
    while True:
        fill(cursor, table, found, topic=topic)
        path = _path(cursor, table)
        if path is not None and topic == "map get":
            _only_once(found, "path", path)
        elif path is not None:
            found["changes"] = (*found.get("changes", ()), _change(path, cursor))
        elif not cursor.done and "path" not in found and any(row.into == "path" for row in table):
            found["path"] = cursor.take()
        else:
            return found


def _path(cursor: Cursor, table: Sequence[Word]) -> str | None:
    word = cursor.peek()
    if not any(row.into == "value" for row in table) or not word.startswith(("value.", "value[")):
        return None
    return cursor.take().removeprefix("value")


def _only_once(found: _Found, name: str, value: str) -> None:
    if name in found:
        raise UsageError(f'Error: "value{value}" is the second part of the value that is asked for.')
    found[name] = value


def take_pin(cursor: Cursor, topic: str) -> str:
    """The path of a pin, with ``pinned`` in front of it or without, and nothing behind; raises UsageError,
    HelpRequested."""
    if matches(cursor.peek(), "help"):
        raise HelpRequested(topic)
    if cursor.peek() == "pinned":
        cursor.take()
    path = cursor.take()
    no_more(cursor, topic)
    return path


def _set(found: _Found) -> SetElement:
    value = found.get("value")
    if isinstance(value, Change):
        found["changes"] = (found.pop("value"), *found.get("changes", ()))
    if ("value" in found) == bool(found.get("changes")):
        raise UsageError("Error: either a value is needed, or changes of it like value.packets += 1.")
    return SetElement(**found)


def _get(found: _Found) -> GetElement:
    return GetElement(**found)


def _update_many(found: _Found) -> UpdateElements:
    keys, values = found.pop("keys", ()), found.pop("values", ())
    if not keys or len(keys) != len(values):
        raise UsageError(f"Error: {len(keys)} keys and {len(values)} values; each key needs a value.")
    return UpdateElements(entries=tuple(zip(keys, values, strict=True)), **found)


def _delete(found: _Found) -> DeleteElements:
    if bool(found.get("keys")) == found.get("all", False):
        raise UsageError("Error: either keys are needed, or the word all.")
    return DeleteElements(**found)


def _needing(name: str, make: Callable[..., Any]) -> Callable[[_Found], Any]:
    def maker(found: _Found) -> Any:
        if name not in found:
            raise UsageError(f'Error: "{name.removesuffix("s")}" is needed.')
        return make(**found)

    return maker


_MAKERS: dict[str, Callable[[_Found], Any]] = {
    "show": lambda found: ShowMaps(**found),
    "get": _get,
    "set": _set,
    "update-many": _update_many,
    "delete": _delete,
    "dump": lambda found: DumpMap(**found),
    "load": _needing("path", LoadMap),
    "next": lambda found: NextKey(**found),
    "watch": lambda found: WatchMap(**found),
    "pin": _needing("path", PinMap),
    "push": _needing("values", PushValues),
    "pop": lambda found: TakeValues(remove=True, **found),
    "peek": lambda found: TakeValues(remove=False, **found),
    "events": lambda found: ReadEvents(**found),
}
