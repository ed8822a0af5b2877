"""``cgroup``: programs of cgroups."""

from typing import Any

from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.commands.shared.attach_values import AttachCgroup, CgroupPlace, DetachCgroup, ShowCgroup, ShowCgroupTree
from pytc.commands.shared.attached_words import number, take_program, take_reference
from pytc.commands.shared.command import Command, Help
from pytc.errors import UsageError
from pytc.words.engine import Cursor, Word, fill, matches, no_more, take_topic, text

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "attach": "attach",
    "add": "attach",
    "detach": "detach",
    "delete": "detach",
    "show": "show",
    "list": "show",
    "ls": "show",
    "tree": "tree",
    "help": "help",
}

_TYPES = tuple(Word(word, "attach", value=word, exact=True) for word in ATTACH_TYPES)
_ATTACH = (
    *_TYPES,
    Word("multi", "sharing", value="multi", exact=True),
    Word("override", "sharing", value="override", exact=True),
    Word("exclusive", "sharing", value="exclusive", exact=True),
    Word("link", "link", text, exact=True),
    Word("replace", "old", read=take_reference, exact=True),
)
_EFFECTIVE = Word("effective", "effective")
#: The words of each verb.
SELECTORS: dict[str, tuple[Word, ...]] = {
    "attach": _ATTACH,
    "detach": _TYPES,
    "show": (*_TYPES, _EFFECTIVE),
    "tree": (_EFFECTIVE,),
}


def parse(words: list[str]) -> Command:
    """The words after ``cgroup``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    if cursor.done:
        return Help("cgroup")
    verb, topic = take_topic(cursor, VERBS, "cgroup")
    if verb == "help":
        return Help("cgroup")
    if verb == "tree":
        place = CgroupPlace() if cursor.done or matches(cursor.peek(), "effective") else _place(cursor)
        found = fill(cursor, SELECTORS["tree"], {}, topic=topic)
        no_more(cursor, topic)
        return ShowCgroupTree(place, **found)
    place = _place(cursor)
    if verb == "attach":
        return _attach(cursor, place)
    found = fill(cursor, SELECTORS[verb], {}, topic=topic)
    if verb == "show":
        no_more(cursor, topic)
        return ShowCgroup(place, **found)
    which = None if cursor.peek() == "all" and cursor.take() else take_reference(cursor)
    fill(cursor, SELECTORS[verb], found, topic=topic)
    no_more(cursor, topic)
    return DetachCgroup(place, which, **found)


def _attach(cursor: Cursor, place: CgroupPlace) -> AttachCgroup:
    found: dict[str, Any] = {}
    source = take_program(cursor, _ATTACH, found, "cgroup attach")
    if found.get("link") and (found.get("sharing", "multi") != "multi" or "old" in found):
        raise UsageError('"link" goes with multi only, and not with replace: "replace link PATH" keeps a link')
    if "old" in found and found.get("sharing", "multi") != "multi":
        raise UsageError('"replace" goes with multi only')
    return AttachCgroup(place, source, **found)


def _place(cursor: Cursor) -> CgroupPlace:
    word = cursor.take()
    if word != "pid":
        if not word:
            raise UsageError("which cgroup? PATH or pid NUMBER")
        return CgroupPlace(word)
    word = cursor.take()
    try:
        return CgroupPlace(pid=number(word))
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: pid') from None
