"""The whole command line: options, then an object and its words."""

from collections.abc import Sequence
from importlib import import_module
from typing import NamedTuple

from pytc.commands import Command, Help
from pytc.errors import UsageError
from pytc.grammar.words import matches


class Options(NamedTuple):
    """The words before the object."""

    statistics: bool = False
    details: bool = False
    json: bool = False
    brief: bool = False
    pretty: bool = False
    graph: bool = False
    netns: str = ""
    version: bool = False
    help: bool = False


# Order decides abbreviations, as in tc.
_SPELLINGS = {"stats": "statistics", "Version": "version"}
_NAMES = ("statistics", "stats", "details", "pretty", "graph", "Version", "help", "json", "brief")
#: Abbreviations that in tc mean an option that is not there yet.
_TAKEN = ("b",)

#: Objects in the order in which an abbreviation is tried, and the modules that know their words.
OBJECTS = {
    "qdisc": "qdiscs",
    "class": "classes",
    "filter": "filters",
    "actions": "actions",
    "exec": "exec",
    "object": "objects",
    "cbpf": "cbpf",
    "map": "maps",
}
#: tc's objects that are not there yet.
LATER = ("chain", "monitor")
#: Objects that tc does not have: an abbreviation means one of tc's where it can.
OWN = ("object", "cbpf", "map")


def parse_options(words: Sequence[str]) -> tuple[Options, list[str]]:
    """(options, the words after them); raises UsageError."""
    found: dict[str, object] = {}
    rest = list(words)
    while rest and rest[0].startswith("-"):
        word = rest.pop(0)
        name = word.removeprefix("-").removeprefix("-")
        flag = next((known for known in _NAMES if matches(name, known) and name not in _TAKEN), "")
        if flag:
            found[_SPELLINGS.get(flag, flag)] = True
        elif matches(name, "netns"):
            if not rest:
                raise UsageError('Command line is not complete. Try option "help"')
            found["netns"] = rest.pop(0)
        else:
            raise UsageError(f'Option "{word}" is unknown, try "pytc -help".')
    return Options(**found), rest  # type: ignore[arg-type]


def parse_words(words: Sequence[str]) -> Command:
    """The words after the options; raises UsageError, InvalidOptionsError, HelpRequested."""
    if not words or matches(words[0], "help"):
        return Help("")
    order = (*(name for name in OBJECTS if name not in OWN), *LATER, *OWN)
    name = next((known for known in order if matches(words[0], known)), "")
    if name in LATER:
        raise UsageError(f'Object "{name}" is not supported by this version of pytc.')
    if not name:
        raise UsageError(f'Object "{words[0]}" is unknown, try "pytc help".')
    command: Command = import_module(f"pytc.grammar.{OBJECTS[name]}").parse(list(words[1:]))
    return command
