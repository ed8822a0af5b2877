"""``class``: its selectors and commands."""

from typing import Any

from pytc.commands.shared.command import Help
from pytc.commands.values import ModifyClass, ShowClasses
from pytc.errors import InvalidOptionsError, UsageError
from pytc.handles import ROOT, UNSPEC, parse_classid, parse_qdisc_handle
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared import estimator
from pytc.words.engine import Cursor, Word, fill, no_more, take_verb

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "add": "add",
    "change": "change",
    "replace": "replace",
    "delete": "delete",
    "list": "show",
    "show": "show",
    "lst": "show",
    "ls": "show",
    "help": "help",
}

_DEVICE = Word("dev", "device", str, exact=True)
_CLASSID = Word("classid", "classid", parse_classid, exact=True, wrong="invalid class ID")
_PARENT = Word("parent", "parent", parse_classid, exact=True, wrong="invalid parent ID")
#: Of the commands that change something.
SELECTORS = (
    _DEVICE,
    _CLASSID,
    Word("handle", "handle", exact=True, repeat=True),
    Word("root", "parent", value=ROOT, exact=True, twice='Error: "{}" is duplicate parent ID.'),
    _PARENT,
    Word("estimator", "estimator", read=estimator.read),
)
_SHOW = (
    _DEVICE,
    Word("qdisc", "qdisc", parse_qdisc_handle, exact=True, wrong="invalid qdisc ID"),
    _CLASSID,
    Word("root", "parent", value=ROOT, exact=True),
    _PARENT,
)


def parse(words: list[str]) -> ModifyClass | ShowClasses | Help:
    """The words after ``class``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    verb = take_verb(cursor, VERBS, "class")
    if verb == "help":
        return Help("class")
    if verb == "show":
        return _show(cursor)
    return _modify(cursor, verb)


def _modify(cursor: Cursor, verb: str) -> ModifyClass:
    found = fill(cursor, SELECTORS, {}, topic="class")
    if "handle" in found:
        raise UsageError('Error: try "classid" instead of "handle"')
    place = (found.get("device", ""), found.get("parent", UNSPEC), found.get("classid", UNSPEC))
    if cursor.done:
        return ModifyClass(verb, *place, estimator=found.get("estimator", b""))
    return ModifyClass(verb, *place, *_kind(cursor), found.get("estimator", b""))


def _kind(cursor: Cursor) -> tuple[str, Any]:
    """(name, options) of the kind."""
    name = cursor.take()
    kind = kinds.find(name)
    if kind is not None and kind.parse_class is not None:
        return name, kind.parse_class(cursor)
    hints = () if kind is not None else (f"pytc knows the classes of {', '.join(kinds.classful_names())}",)
    raise InvalidOptionsError(f'Error: Qdisc "{name}" is classless.', hints=hints)


def _show(cursor: Cursor) -> ShowClasses:
    found = fill(cursor, _SHOW, {}, topic="class")
    no_more(cursor, "class")
    return ShowClasses(found.pop("device", ""), **found)
