"""``tcx``: programs in the order of tcx and netkit."""

from typing import Any

from pytc.commands.shared.attach_values import AttachTcx, DetachTcx, Order, ReplaceTcx, ShowTcx
from pytc.commands.shared.attached_words import revision, take_program, take_reference
from pytc.commands.shared.command import Command, Help
from pytc.errors import UsageError
from pytc.words.devices import device
from pytc.words.engine import Cursor, Word, fill, no_more, take_topic, text

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "attach": "attach",
    "add": "attach",
    "detach": "detach",
    "delete": "detach",
    "replace": "replace",
    "show": "show",
    "list": "show",
    "ls": "show",
    "help": "help",
}
HOOKS = ("ingress", "egress", "primary", "peer")

_REVISION = Word("revision", "revision", revision, exact=True, wrong="invalid revision")
_PLACE = (
    Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),
    *(Word(hook, "hook", value=hook, exact=True) for hook in HOOKS),
)
_ATTACH = (
    *_PLACE,
    Word("first", "order", value=Order("first"), exact=True),
    Word("last", "order", value=Order("last"), exact=True),
    Word("before", "order", read=lambda cursor: Order("before", take_reference(cursor)), exact=True),
    Word("after", "order", read=lambda cursor: Order("after", take_reference(cursor)), exact=True),
    _REVISION,
    Word("link", "link", text, exact=True),
)
_REPLACE = (*_PLACE, Word("old", "old", read=take_reference, exact=True), _REVISION)
#: The words of each verb.
SELECTORS: dict[str, tuple[Word, ...]] = {
    "attach": _ATTACH,
    "replace": _REPLACE,
    "detach": (*_PLACE, _REVISION),
    "show": _PLACE,
}


def parse(words: list[str]) -> Command:
    """The words after ``tcx``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    verb, topic = take_topic(cursor, VERBS, "tcx")
    if verb == "help":
        return Help("tcx")
    found: dict[str, Any] = {}
    if verb == "show":
        fill(cursor, _PLACE, found, topic=topic)
        no_more(cursor, topic)
        return ShowTcx(**found)
    if verb == "detach":
        return _detach(cursor, topic)
    source = take_program(cursor, SELECTORS[verb], found, topic)
    _check_place(found)
    return AttachTcx(source=source, **found) if verb == "attach" else ReplaceTcx(source=source, **found)


def _detach(cursor: Cursor, topic: str) -> Command:
    found = fill(cursor, SELECTORS["detach"], {}, topic=topic)
    _check_place(found)
    if cursor.peek() == "all":
        cursor.take()
        which = None
    else:
        which = take_reference(cursor)
    fill(cursor, (_REVISION,), found, topic=topic)
    no_more(cursor, topic)
    return DetachTcx(which=which, **found)


def _check_place(found: dict[str, Any]) -> None:
    if "device" not in found:
        raise UsageError('Must specify netdevice "dev"')
    if "hook" not in found:
        raise UsageError("which hook? ingress, egress, or of a netkit device primary or peer")
