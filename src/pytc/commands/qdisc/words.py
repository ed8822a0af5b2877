"""``qdisc``: its selectors and commands."""

from typing import Any

from pytc.commands.shared.command import Help
from pytc.commands.values import ModifyQdisc, ShowQdiscs
from pytc.errors import InvalidOptionsError, UsageError
from pytc.handles import CLSACT, ROOT, UNSPEC, parse_classid, parse_qdisc_handle
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.interface import AnyQdiscKind
from pytc.tc.kinds.shared import estimator, size_table
from pytc.tc.qdiscs.selector import QdiscSelector
from pytc.words.engine import Cursor, Word, fill, no_more, take_verb, unsigned

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "add": "add",
    "change": "change",
    "replace": "replace",
    "link": "link",
    "delete": "delete",
    "list": "show",
    "show": "show",
    "lst": "show",
    "ls": "show",
    "help": "help",
}
_SHOWN_TWICE = 'Error: argument "{}" is wrong: parent is already specified'


def _block(word: str) -> int:
    number: int = unsigned(0xFFFFFFFF)(word)
    if not number:
        raise ValueError(word)
    return number


#: Of the commands that change something.
SELECTORS = (
    Word("dev", "device", str, exact=True),
    Word(
        "handle",
        "handle",
        parse_qdisc_handle,
        exact=True,
        wrong="invalid qdisc ID",
        twice='Error: duplicate "{0}": "{0}" is the second value.',
    ),
    Word("root", "parent", value=ROOT, exact=True),
    Word("clsact", "kind", exact=True, stop=True),
    Word("ingress", "kind", exact=True, stop=True),
    Word("parent", "parent", parse_classid, exact=True, wrong="invalid parent ID"),
    Word("estimator", "estimator", read=estimator.read),
    Word("stab", "stab", read=size_table.read, repeat=True),
    Word("ingress_block", "ingress_block", _block, wrong="invalid ingress block index value", repeat=True),
    Word("egress_block", "egress_block", _block, wrong="invalid egress block index value", repeat=True),
)
_SHOW = (
    Word("dev", "device", str, exact=True, repeat=True),
    Word("root", "parent", value=ROOT, exact=True, twice=_SHOWN_TWICE),
    Word("ingress", "parent", value=CLSACT, exact=True, twice=_SHOWN_TWICE),
    Word("clsact", "parent", value=CLSACT, exact=True, twice=_SHOWN_TWICE),
    Word("parent", "parent", parse_classid, wrong="invalid parent ID", twice=_SHOWN_TWICE),
    Word(
        "handle",
        "handle",
        parse_qdisc_handle,
        wrong="invalid handle ID",
        twice='Error: argument "{}" is wrong: handle is already specified',
    ),
    Word("invisible", "invisible", exact=True, repeat=True),
)


def parse(words: list[str]) -> ModifyQdisc | ShowQdiscs | Help:
    """The words after ``qdisc``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    verb = take_verb(cursor, VERBS, "qdisc")
    if verb == "help":
        return Help("qdisc")
    if verb == "show":
        return _show(cursor)
    return _modify(cursor, verb)


def _modify(cursor: Cursor, verb: str) -> ModifyQdisc:
    found = fill(cursor, SELECTORS, {}, topic="qdisc")
    rest = {name: found.pop(name) for name in ("ingress_block", "egress_block", "estimator", "stab") if name in found}
    if cursor.done:
        return ModifyQdisc(verb, QdiscSelector(**found), **rest)
    name = cursor.take()
    kind = kinds.find(name)
    if kind is not None:
        _place(kind, found)
        return ModifyQdisc(verb, QdiscSelector(**found), name, kind.parse(cursor), **rest)
    if not cursor.done:
        raise InvalidOptionsError(
            f'Unknown qdisc "{name}", hence option "{cursor.peek()}" is unparsable',
            hints=(f"pytc knows the options of {', '.join(kinds.names())}",),
        )
    return ModifyQdisc(verb, QdiscSelector(**found), name, **rest)


def _place(kind: AnyQdiscKind, found: dict[str, Any]) -> None:
    """A kind that has one place only is the word for the place, too."""
    if kind.default_parent != UNSPEC:
        if "parent" in found:
            raise UsageError(f'Error: "{kind.name}" is a duplicate parent ID')
        found.update(parent=kind.default_parent, handle=kind.default_handle)


def _show(cursor: Cursor) -> ShowQdiscs:
    found = fill(cursor, _SHOW, {}, topic="qdisc")
    no_more(cursor, "qdisc")
    if "parent" in found and "handle" in found:
        first, second = (name for name in found if name in ("parent", "handle"))
        raise UsageError(f'Error: argument "{second}" is wrong: {first} is already specified')
    return ShowQdiscs(invisible=found.pop("invisible", False), selector=QdiscSelector(**found))
