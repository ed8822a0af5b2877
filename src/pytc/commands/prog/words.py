"""``prog``: loaded programs, and programs on captured packets."""

from collections.abc import Callable
from typing import Any

from pytc.commands.map.words import seconds, take_pin
from pytc.commands.prog.values import (
    DumpProgram,
    PacketSource,
    PinProgram,
    Preset,
    ProgramStatistics,
    ProgramTarget,
    RunOnPackets,
    ShowPrograms,
    UnpinProgram,
)
from pytc.commands.shared.command import Command, Help
from pytc.errors import UsageError
from pytc.tc.filters.selector import FilterSelector
from pytc.words.engine import Cursor, Word, fill, is_one_of, no_more, take_topic, text, unsigned
from pytc.words.values import take_format, take_value

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "show": "show",
    "list": "show",
    "ls": "show",
    "run": "run",
    "dump": "dump",
    "stats": "stats",
    "pin": "pin",
    "unpin": "unpin",
    "help": "help",
}
_U32 = 0xFFFFFFFF


def _reference(kind: str) -> Callable[[Cursor], ProgramTarget]:
    return lambda cursor: ProgramTarget(kind, cursor.take())


_TARGET = tuple(Word(kind, "target", read=_reference(kind), called=kind) for kind in ("id", "pinned", "name", "tag"))


def _pairs(word: str) -> tuple[tuple[str, str], ...]:
    """``mark=1,priority=2``."""
    pairs = [part.partition("=") for part in word.split(",")]
    if not all(name and equals and value for name, equals, value in pairs):
        raise ValueError(word)
    return tuple((name, value) for name, _, value in pairs)


def _verdicts(word: str) -> tuple[str, ...]:
    parts = tuple(word.split(","))
    if not all(parts):
        raise ValueError(word)
    return parts


def _packets(kind: str) -> Callable[[Cursor], PacketSource]:
    return lambda cursor: PacketSource(kind, cursor.take())


def _preset(cursor: Cursor) -> Preset:
    """``NAME [ keytype FORMAT ] [ valuetype FORMAT ] key K value V [ key K value V ] ...``"""
    name, types, entries = cursor.take(), {"keytype": "", "valuetype": ""}, []
    while is_one_of(cursor.peek(), types):
        word = cursor.take()
        types[word] = take_format(cursor)
    while cursor.peek() in ("key", "value"):
        key = None
        if cursor.peek() == "key":
            cursor.take()
            key = take_value(cursor)
        if cursor.take() != "value":
            raise UsageError(f'Error: preset {name}: "value" is expected behind the key.')
        entries.append((key, take_value(cursor)))
    if not entries:
        raise UsageError(f'Error: preset {name}: "key KEY value VALUE" is needed.')
    return Preset(name, tuple(entries), types["keytype"], types["valuetype"])


_INPUTS = tuple(Word(kind, "packets", read=_packets(kind), many=True, exact=True) for kind in ("pcap", "hex", "packet"))
#: The words of a run that say nothing of the program.
RUN = (
    *_INPUTS,
    Word("ctx", "context", _pairs, exact=True, many=True, wrong="FIELD=VALUE[,FIELD=VALUE] expected"),
    Word("count", "limit", unsigned(_U32), exact=True, wrong="invalid count"),
    Word("repeat", "repeat", unsigned(1 << 30), exact=True, wrong="invalid number of runs"),
    Word("expect", "expected", _verdicts, exact=True, wrong="VERDICT[,VERDICT] expected"),
    Word("expect-pcap", "expected_packets", text, exact=True, wrong="invalid file"),
    Word("expect-ctx", "expected_context", _pairs, exact=True, many=True, wrong="FIELD=VALUE[,FIELD=VALUE] expected"),
    Word("direct-action", "classes", value=False, exact=True),
    Word("da", "classes", value=False, exact=True),
    Word("classid", "classes", value=True, exact=True),
    Word("preset", "presets", read=_preset, exact=True, many=True),
    Word("dump", "dumps", text, exact=True, many=True, wrong="invalid name"),
    Word("summary", "summary", exact=True),
    Word("write", "write", text, exact=True, wrong="invalid file"),
    Word("junit", "junit", text, exact=True, wrong="invalid file"),
)


def _duration(cursor: Cursor) -> float:
    """``for TIME``."""
    if cursor.take() != "for":
        raise UsageError('Error: "on for TIME" is expected: statistics are on only as long as somebody holds them.')
    word = cursor.take()
    try:
        found = seconds(word)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: invalid time') from None
    if not 0 < found <= 86400:
        raise UsageError(f'Error: argument "{word}" is wrong: invalid time')
    return found


#: The words of each verb, in the order in which abbreviations are tried.
SELECTORS: dict[str, tuple[Word, ...]] = {
    "show": _TARGET,
    "run": (*_TARGET, *RUN),
    "dump": (
        *_TARGET,
        Word("xlated", "form", value="xlated"),
        Word("jited", "form", value="jited"),
        Word("opcodes", "opcodes"),
        Word("lines", "lines"),
        Word("linum", "lines"),
        Word("write", "write", text, wrong="invalid file"),
    ),
    "stats": (*_TARGET, Word("on", "seconds", read=_duration)),
    "pin": (*_TARGET, Word("path", "path", text, wrong="invalid path")),
    "unpin": (),
}


def parse(words: list[str]) -> Command:
    """The words after ``prog``; raises UsageError, HelpRequested."""
    cursor = Cursor(words)
    verb, topic = take_topic(cursor, VERBS, "prog")
    if verb == "help":
        return Help("prog")
    if verb == "run":
        return _run(cursor)
    if verb == "unpin":
        return UnpinProgram(take_pin(cursor, topic))
    found = fill(cursor, SELECTORS[verb], {}, topic=topic)
    if cursor.peek() == "dev" and verb in _MAKERS and "target" not in found:
        found["target"] = _of_filter(cursor, found, SELECTORS[verb], topic)
    if verb == "pin" and not cursor.done:
        found.setdefault("path", cursor.take())
    no_more(cursor, topic)
    command: Command = _MAKERS[verb](found)
    return command


def _needing(name: str, make: Callable[[dict[str, Any]], Any], what: str) -> Callable[[dict[str, Any]], Any]:
    def maker(found: dict[str, Any]) -> Any:
        if name not in found:
            raise UsageError(f"Error: {what}")
        return make(found)

    return maker


_WHICH = "which program? id, pinned, name, tag or dev is needed."
_MAKERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "show": lambda found: ShowPrograms(**found),
    "dump": _needing("target", lambda found: DumpProgram(**found), _WHICH),
    "stats": lambda found: ProgramStatistics(**found),
    "pin": _needing(
        "target", _needing("path", lambda found: PinProgram(**found), "where to? PATH or m:NAME is needed."), _WHICH
    ),
}


def _run(cursor: Cursor) -> Command:
    found: dict[str, Any] = {}
    word = cursor.peek()
    if word in ("obj", "object-file"):
        target = _of_object(cursor, found)
    elif word == "dev":
        target = _of_filter(cursor, found, RUN, "prog run")
    else:
        fill(cursor, SELECTORS["run"], found, topic="prog run")
        if "target" not in found:
            raise UsageError(
                "Error: which program? obj, pinned, id, name, tag or dev is needed."
                if cursor.done
                else f'What is "{cursor.peek()}"? Try "pytc prog run help".'
            )
        target = found.pop("target")
    no_more(cursor, "prog run")
    if "packets" not in found:
        raise UsageError("Error: which packets? pcap FILE, hex DIGITS or packet WORDS is needed.")
    for name in ("context", "expected_context"):
        found[name] = tuple(pair for pairs in found.get(name, ()) for pair in pairs)
    return RunOnPackets(target, **{**found, "repeat": found.get("repeat") or 1})


def _of_object(cursor: Cursor, found: dict[str, Any]) -> ProgramTarget:
    from pytc.tc.kinds.shared.programs import OBJECT, OBJECT_WORDS, source_of

    cursor.take()
    path = cursor.take()
    words = tuple(row for row in OBJECT_WORDS if row.name != "export")
    fill(cursor, (*RUN, *words), found, topic="prog run")
    return ProgramTarget(
        "object", source=source_of({**_moved(found, [row.into for row in words]), "mode": OBJECT, "path": path})
    )


def _of_filter(cursor: Cursor, found: dict[str, Any], words: tuple[Word, ...], topic: str) -> ProgramTarget:
    """The words of a filter, among those that say what to do."""
    from pytc.tc.filters.words import SELECTORS as OF_FILTERS

    fill(cursor, (*words, *OF_FILTERS), found, topic=topic)
    if "target" in found:
        raise UsageError(f'Error: "dev" and "{found["target"].kind}" are two programs; one is needed.')
    return ProgramTarget("filter", source=FilterSelector(**_moved(found, FilterSelector._fields)))


def _moved(found: dict[str, Any], names: "list[str] | tuple[str, ...]") -> dict[str, Any]:
    return {name: found.pop(name) for name in names if name in found}
