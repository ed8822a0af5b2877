"""``filter``: its selectors and commands."""

from typing import Any

from pytc.commands import Command, FilterSelector, GetFilter, Help, ModifyFilter, ShowFilters
from pytc.errors import InvalidOptionsError, UsageError
from pytc.grammar.devices import device
from pytc.grammar.words import Cursor, Table, Word, choose, fill, text, unsigned
from pytc.handles import EGRESS, INGRESS, ROOT, parse_classid
from pytc.kinds import filters as kinds
from pytc.protocols import ALL, parse_protocol

#: Order decides abbreviations: ``p`` is the preference, ``c`` the chain.
SELECTORS = Table((
    Word("dev", "device", device, exact=True, wrong='"dev" not a valid ifname'),
    Word("root", "parent", value=ROOT, exact=True),
    Word("ingress", "parent", value=INGRESS, exact=True),
    Word("egress", "parent", value=EGRESS, exact=True),
    Word("parent", "parent", parse_classid, exact=True, wrong="Invalid parent ID"),
    Word("handle", "handle", text, exact=True, wrong="invalid handle"),
    Word("preference", "pref", unsigned(0xFFFF), wrong="invalid priority value", called="priority"),
    Word("priority", "pref", unsigned(0xFFFF), wrong="invalid priority value"),
    Word("protocol", "protocol", parse_protocol, wrong="invalid protocol"),
    Word("chain", "chain", unsigned(0xFFFFFFFF), wrong="invalid chain index value"),
))
VERBS = ("add", "change", "replace", "delete", "get", "show", "list", "lst", "ls", "help")
_SHOW = ("show", "list", "lst", "ls")


def parse(words: list[str]) -> Command:
    """The words after ``filter``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    if cursor.done:
        return ShowFilters(FilterSelector())
    word = cursor.take()
    verb = choose(word, VERBS)
    if verb == "help":
        return Help("filter")
    if verb in _SHOW:
        return _show(cursor)
    if not verb:
        raise UsageError(f'Command "{word}" is unknown, try "pytc filter help".')
    found = fill(cursor, SELECTORS, {}, topic="filter")
    if verb == "get":
        return _get(cursor, found)
    return _modify(cursor, verb, found)


def _modify(cursor: Cursor, verb: str, found: dict[str, Any]) -> ModifyFilter:
    if verb in ("add", "replace"):
        found.setdefault("protocol", ALL)
    selector = FilterSelector(**found)
    if cursor.done:
        return ModifyFilter(verb, selector)
    name = cursor.take()
    kind = kinds.find(name)
    options = kind.parse(cursor) if kind is not None else None
    if cursor.done:
        return ModifyFilter(verb, selector, name, options)
    raise InvalidOptionsError(f'Unknown filter "{name}", hence option "{cursor.peek()}" is unparsable; '
                              f"pytc knows {', '.join(kinds.names())}")


def _get(cursor: Cursor, found: dict[str, Any]) -> GetFilter:
    for field in ("protocol", "pref", "handle"):
        if field not in found:
            what = {"pref": "priority"}.get(field, field)
            raise UsageError(f"Must specify filter {what}")
    if cursor.done:
        raise UsageError("Must specify filter type")
    if "device" not in found:
        raise UsageError('Must specify netdevice "dev"')
    kind = cursor.take()
    if not cursor.done:
        raise UsageError(f'What is "{cursor.peek()}"? Try "pytc filter help"')
    return GetFilter(FilterSelector(**found), kind)


def _show(cursor: Cursor) -> ShowFilters:
    found = fill(cursor, SELECTORS, {}, topic="filter")
    if not cursor.done:
        raise UsageError(f'What is "{cursor.peek()}"? Try "pytc filter help"')
    if "handle" in found:
        raise UsageError('What is "handle"? "pytc filter get" shows the filter with a handle.')
    return ShowFilters(FilterSelector(**found))
