"""``cbpf``: classic BPF compiled, assembled, disassembled, run over captures, translated."""

from typing import Any

from pytc.commands.shared.command import Command, Help
from pytc.commands.values import (
    AssembleProgram,
    ClassicSource,
    CompileExpression,
    DisassembleProgram,
    RunProgram,
    StepProgram,
    TranslateProgram,
)
from pytc.errors import HelpRequested, UsageError
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.shared.expression_words import VERDICTS, link_type, verdict
from pytc.words.devices import device
from pytc.words.engine import Cursor, Word, choose, fill, no_more, take_verb, text, unsigned

#: Words and their meanings; the order decides abbreviations.
VERBS = {"compile": "compile", "asm": "asm", "disasm": "disasm", "run": "run", "to-ebpf": "to-ebpf", "help": "help"}
_FORMS = ("tc", "tcpdump", "c", "asm")
#: As in pytc.cbpf: extensions that may be set.
_SETTABLE = (
    "proto",
    "type",
    "ifidx",
    "mark",
    "queue",
    "hatype",
    "rxhash",
    "cpu",
    "vlan_tci",
    "vlan_avail",
    "vlan_tpid",
    "rand",
)
_U32 = 0xFFFFFFFF


def _form(word: str) -> str:
    found = "c" if word == "c" else choose(word, _FORMS)
    if not found:
        raise ValueError(word)
    return found


def _value(word: str) -> tuple[str, int]:
    name, _, number = word.partition("=")
    if name not in _SETTABLE:
        raise ValueError(word)
    return name, unsigned(_U32)(number)


_AS = Word("as", "form", _form, exact=True, wrong="unknown form; tc, tcpdump, c and asm are known")
_WORDS = {
    "compile": (
        _AS,
        Word("snaplen", "snaplen", unsigned(_U32), exact=True, wrong="invalid snaplen"),
        Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),
        Word("dlt", "link_type", link_type, exact=True, wrong="invalid link type"),
    ),
    "asm": (_AS,),
    "disasm": (_AS,),
    "run": (
        Word(
            "set",
            "values",
            _value,
            exact=True,
            many=True,
            wrong="NAME=NUMBER expected; the names are " + ", ".join(_SETTABLE),
        ),
        Word("untagged", "untagged"),
        Word("count", "limit", unsigned(_U32), wrong="invalid count"),
        Word("summary", "summary"),
        Word("write", "write", text, wrong="invalid file name"),
        Word("step", "step"),
    ),
    "to-ebpf": (
        Word("verdict", "verdict", verdict, wrong=f"unknown verdict; {', '.join(VERDICTS)} are known"),
        Word("write", "write", text, wrong="invalid file name"),
    ),
}


def parse(words: list[str]) -> Command:
    """The words after ``cbpf``; raises UsageError, HelpRequested."""
    cursor = Cursor(words)
    if cursor.done:
        return Help("cbpf")
    verb = take_verb(cursor, VERBS, "cbpf")
    if verb == "help":
        return Help("cbpf")
    if cursor.peek() == "help":
        raise HelpRequested(f"cbpf {verb}")
    if verb == "compile":
        return _compile(cursor)
    if verb == "asm":
        return AssembleProgram(cursor.take(), **_rest(cursor, verb))
    if verb == "disasm":
        return DisassembleProgram(_source(cursor), **_rest(cursor, verb))
    if verb == "run":
        return _run(cursor)
    source, found = _source(cursor), _rest(cursor, verb)
    if "write" not in found:
        raise UsageError('"write FILE" is missing')
    return TranslateProgram(source, **found)


def _rest(cursor: Cursor, verb: str) -> dict[str, Any]:
    found = fill(cursor, _WORDS[verb], {}, topic=f"cbpf {verb}")
    no_more(cursor, f"cbpf {verb}")
    return found


def _compile(cursor: Cursor) -> CompileExpression:
    """Words that are not pytc's are the expression, as tcpdump takes it: one word or several. In front of it may
    stand the name of a link type, in capitals."""
    found = fill(cursor, _WORDS["compile"], {}, topic="cbpf compile")
    rest = cursor.rest()
    if len(rest) > 1 and "link_type" not in found and rest[0].isupper():
        found["link_type"] = link_type(rest.pop(0))
    if not rest:
        raise UsageError('Command line is not complete. Try option "help"')
    return CompileExpression(" ".join(rest), **found)


def _run(cursor: Cursor) -> RunProgram | StepProgram:
    path = cursor.take()
    source = _source(cursor)
    found = _rest(cursor, "run")
    if not found.pop("step", False):
        return RunProgram(path, source, **found)
    other = next(
        (name for field, name in (("limit", "count"), ("summary", "summary"), ("write", "write")) if field in found), ""
    )
    if other:
        raise UsageError(f'"{other}" has no meaning with "step"')
    return StepProgram(path, source, **found)


def _source(cursor: Cursor) -> ClassicSource:
    word = cursor.take()
    if word == "expression":
        expression = cursor.take()
        table = (Word("dlt", "link_type", link_type, exact=True, wrong="invalid link type"),)
        return ClassicSource("expression", expression, **_only(cursor, table))
    if word == "from":
        return ClassicSource("filter", selector=_selector(cursor))
    if word in ("bytecode", "bc"):
        return ClassicSource("text", cursor.take())
    if word in ("bytecode-file", "bcf"):
        return ClassicSource("file", cursor.take())
    is_text = word.lstrip()[:1].isdigit() and ("," in word or "\n" in word)
    return ClassicSource("text" if is_text else "file", word)


def _only(cursor: Cursor, table: tuple[Word, ...]) -> dict[str, Any]:
    """Reads the words of a table, and leaves ``help`` and others alone."""
    found: dict[str, Any] = {}
    while any(cursor.peek() == row.name for row in table):
        fill(cursor, table, found, topic="cbpf")
    return found


def _selector(cursor: Cursor) -> FilterSelector:
    from pytc.tc.filters.words import SELECTORS

    found = fill(cursor, [row._replace(exact=True) for row in (*SELECTORS, _PREF)], {}, topic="cbpf disasm")
    if "device" not in found:
        raise UsageError('"dev NAME" is missing after "from"')
    return FilterSelector(**found)


_PREF = Word("pref", "pref", unsigned(0xFFFF), wrong="invalid priority value", called="priority")
