"""``pytc filter``: filters of devices and blocks."""

from __future__ import annotations

from pytc.commands.shared.verbs import CommandObject, parse_verb
from pytc.tc.filters.words import SELECTORS_HELP

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
    "get": "get",
    "list": "show",
    "show": "show",
    "lst": "show",
    "ls": "show",
}

HELP = (
    """\
Usage: pytc filter { add | change | replace | delete } SELECTORS [ estimator INTERVAL TIME-CONST ] [ KIND [ OPTIONS ] ]
       pytc filter { show | list | ls } [ SELECTORS ]
       pytc filter get SELECTORS KIND

"""
    + SELECTORS_HELP
    + """\
KIND   := { @KINDS@ }, and others of the kernel without options
HANDLE := a number, of which each kind has its own form
PREF   := 1 .. 65535, asked in rising order; chosen by the kernel when it is not given
PROTO  := all | ip | ipv6 | arp | ... | NUMBER
INDEX  := a number: of a chain, 0 is asked first, and actions go on to others; of a block, as a qdisc has it

delete removes one filter (pref, protocol, handle and kind), or all of a pref, of a chain, or of a place.
get shows one filter, and needs a place, protocol, pref, handle and kind.
"pytc filter add u32 help" explains the options of a kind, "pytc filter add estimator help" those of an estimator.
"""
)


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``filter`` ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    return parse_verb(__name__, VERBS, cursor, exact_help=True)


def kinds() -> list[str]:
    """Return the kinds that pytc knows."""
    from pytc.tc.kinds import filters

    return filters.names()


def help_topic(name: str) -> str:
    """Return the help text of a kind, empty for none."""
    from pytc.tc.kinds import filters

    kind = filters.find(name)
    return kind.usage() if kind is not None else ""


def help_topics() -> list[str]:
    """Return the topics that :func:`help_topic` knows, with the object's word."""
    return [f"filter {name}" for name in kinds()]


OBJECT = CommandObject("filter", VERBS, HELP, parse, kinds, help_topic, help_topics)
