"""``pytc class``: classes of classful qdiscs."""

from __future__ import annotations

from pytc.commands.shared.verbs import CommandObject, parse_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {
    "add": "add",
    "change": "add",
    "replace": "add",
    "delete": "delete",
    "list": "show",
    "show": "show",
    "lst": "show",
    "ls": "show",
}

HELP = """\
Usage: pytc class { add | change | replace | delete } dev NAME [ root | parent CLASSID ] [ classid CLASSID ]
                  [ estimator INTERVAL TIME-CONST ] [ KIND [ OPTIONS ] ]
       pytc class { show | list | ls } dev NAME [ root | parent CLASSID ] [ classid CLASSID ] [ qdisc HANDLE ]

KIND := { @KINDS@ }
HANDLE := MAJOR:, CLASSID := MAJOR:MINOR, in hex
"pytc class add htb help" explains the options of a kind; "pytc -g class show dev NAME" draws the classes as a tree.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``class`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor, exact_help=True)


def kinds() -> list[str]:
    """Return the kinds that pytc knows and that have classes."""
    from pytc.tc.kinds import qdiscs

    return [name for name in qdiscs.names() if help_topic(name)]


def help_topic(name: str) -> str:
    """Return the help text of a kind, empty for none."""
    from pytc.tc.kinds import qdiscs

    kind = qdiscs.find(name)
    return kind.class_usage() if kind is not None else ""


def help_topics() -> list[str]:
    """Return the topics that :func:`help_topic` knows, with the object's word."""
    return [f"class {name}" for name in kinds()]


OBJECT = CommandObject("class", VERBS, HELP, parse, kinds, help_topic, help_topics)
