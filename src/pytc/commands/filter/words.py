"""``filter``: its selectors and commands."""

from functools import lru_cache
from typing import Any

from pytc.commands.shared.command import Command, Help
from pytc.commands.values import GetFilter, ModifyFilter, ShowFilters
from pytc.errors import InvalidOptionsError, UsageError
from pytc.handles import EGRESS, INGRESS, ROOT, parse_classid
from pytc.protocols import ALL, parse_protocol
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.interface import AnyFilterKind
from pytc.words.devices import device
from pytc.words.engine import Cursor, Table, Word, fill, take_verb, text, unsigned

_U32 = 0xFFFFFFFF


def _block(word: str) -> int:
    number: int = unsigned(_U32)(word)
    if not number:
        raise ValueError(word)
    return number


def _estimator(cursor: Cursor) -> bytes:
    from pytc.tc.kinds.shared import estimator

    return estimator.read(cursor)


#: Order decides abbreviations: ``p`` is the preference, ``c`` the chain.
SELECTORS = Table(
    (
        Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),
        Word("block", "block", _block, wrong="invalid block index value"),
        Word("root", "parent", value=ROOT, exact=True),
        Word("ingress", "parent", value=INGRESS, exact=True),
        Word("egress", "parent", value=EGRESS, exact=True),
        Word("parent", "parent", parse_classid, exact=True, wrong="Invalid parent ID"),
        Word("handle", "handle", text, exact=True, wrong="invalid handle"),
        Word("preference", "pref", unsigned(0xFFFF), wrong="invalid priority value", called="priority"),
        Word("priority", "pref", unsigned(0xFFFF), wrong="invalid priority value"),
        Word("protocol", "protocol", parse_protocol, wrong="invalid protocol"),
        Word("chain", "chain", unsigned(_U32), wrong="invalid chain index value"),
    )
)
#: Of the commands that change something.
_MODIFY = Table((*SELECTORS, Word("estimator", "estimator", read=_estimator, repeat=True)))


def _shown(row: Word) -> Word:
    """The word for the commands that show."""
    if row.into == "pref":
        return row._replace(convert=unsigned(_U32), wrong="invalid preference")
    return row._replace(wrong="invalid parent ID") if row.name == "parent" else row


_SHOW = tuple(map(_shown, SELECTORS))
#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "add": "add",
    "change": "change",
    "replace": "replace",
    "delete": "delete",
    "get": "get",
    "list": "show",
    "show": "show",
    "lst": "show",
    "ls": "show",
    "help": "help",
}


def parse(words: list[str]) -> Command:
    """The words after ``filter``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    verb = take_verb(cursor, VERBS, "filter")
    if verb == "help":
        return Help("filter")
    if verb == "show":
        selector = selected(cursor, "filter")
        return ShowFilters(selector.replace(handle=""), selector.handle)
    return _get(cursor) if verb == "get" else modification(cursor, verb, "filter")


def modification(cursor: Cursor, verb: str, topic: str) -> ModifyFilter:
    """The rest of a command that changes something; of a chain, where the topic is ``chain``."""
    found = fill(cursor, _MODIFY, {}, topic=topic)
    _one_place(found)
    if verb in ("add", "replace") and topic == "filter":
        found.setdefault("protocol", ALL)
    rate = found.pop("estimator", b"")
    if cursor.done:
        return ModifyFilter(verb, FilterSelector(**found), estimator=rate)
    name = cursor.take()
    kind = kinds.find(name)
    if kind is None:
        if not cursor.done:
            raise InvalidOptionsError(
                f'Unknown filter "{name}", hence option "{cursor.peek()}" is unparsable',
                hints=(f"pytc knows the options of {', '.join(kinds.names())}",),
            )
        return ModifyFilter(verb, FilterSelector(**found), name, estimator=rate)
    options = _options(cursor, name, kind, found)
    return ModifyFilter(verb, FilterSelector(**found), name, options, rate)


@lru_cache(maxsize=64)  # the lines of a batch often differ in the preference or the handle alone
def _parsed(name: str, words: tuple[str, ...]) -> Any:
    """The options of a kind that pytc knows. Parsing depends on the words alone, and what it makes is frozen."""
    kind = kinds.find(name)
    assert kind is not None
    return kind.parse(Cursor(words))


def _options(cursor: Cursor, name: str, kind: AnyFilterKind, found: dict[str, Any]) -> Any:
    """None without words; ``found`` gets the handle that they belong to."""
    handle = found.get("handle", "")
    if handle:
        _checked(kind, handle)
    if cursor.done:
        return None
    options = _parsed(name, tuple(cursor.rest()))
    if kind.settle is not None:
        options, handle = kind.settle(options, handle)
    if handle:
        found["handle"] = handle
    return options


def _checked(kind: AnyFilterKind, handle: str) -> None:
    try:
        kind.handle(handle)
    except ValueError:
        raise InvalidOptionsError('Illegal "handle"', hints=(f'the value is "{handle}"',)) from None


def _one_place(found: dict[str, Any]) -> None:
    if "device" in found and "block" in found:
        raise UsageError('Error: "dev" and "block" are mutually exclusive')


def _get(cursor: Cursor) -> GetFilter:
    found = fill(cursor, SELECTORS, {}, topic="filter")
    _one_place(found)
    for field, name in (("protocol", "protocol"), ("pref", "priority")):
        if field not in found:
            raise UsageError(f"Must specify filter {name}")
    check_place(found)
    if cursor.done:
        raise UsageError("Must specify filter type")
    name = cursor.take()
    if "handle" not in found:
        raise UsageError('Must specify filter "handle"')
    no_garbage(cursor, "filter")
    return GetFilter(FilterSelector(**found), name)


def check_place(found: dict[str, Any]) -> None:
    """A question about one filter or chain says where it is; raises UsageError. tc wants a parent for a block, too, of
    which it makes no use."""
    if "parent" not in found and "block" not in found:
        raise UsageError("Must specify filter parent")
    if "device" not in found and "block" not in found:
        raise UsageError('Must specify netdevice "dev" or block index "block"')


def no_garbage(cursor: Cursor, topic: str) -> None:
    """Raises UsageError when there are words left."""
    if not cursor.done:
        raise UsageError(f'Garbage instead of arguments "{cursor.peek()} ...". Try "pytc {topic} help".')


def one(cursor: Cursor, topic: str) -> FilterSelector:
    """The selectors of a question about one chain, which are all that is left."""
    found = fill(cursor, SELECTORS, {}, topic=topic)
    _one_place(found)
    check_place(found)
    no_garbage(cursor, topic)
    return FilterSelector(**found)


def selected(cursor: Cursor, topic: str) -> FilterSelector:
    """The selectors of a command that shows; raises UsageError, HelpRequested."""
    found = fill(cursor, _SHOW, {}, topic=topic)
    if not cursor.done:
        raise UsageError(f' What is "{cursor.peek()}"? Try "pytc filter help"')
    if "device" in found and "block" in found:
        first, second = ("dev" if name == "device" else name for name in found if name in ("device", "block"))
        raise UsageError(f'Error: "{second}" cannot be used in the same time as "{first}"')
    return FilterSelector(**found)
