"""Words that select filters and chains, and those of a change of either."""

from __future__ import annotations

from pytc.cpython import lru_cache
from pytc.errors import InvalidOptionsError, UsageError
from pytc.handles import EGRESS, INGRESS, ROOT, UNSPEC, parse_classid
from pytc.protocols import ALL, parse_protocol
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.interface import FilterPlace
from pytc.typing import cast
from pytc.words.devices import device
from pytc.words.engine import Cursor, Table, Word, fill, text, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pytc.tc.filters.requests import AnyFilterChange, Verb
    from pytc.tc.kinds.interface import AnyFilterKind, FilterOptions

#: The lines with which help explains selectors.
SELECTORS_HELP = """\
SELECTORS := [ dev NAME [ root | ingress | egress | parent CLASSID ] | block INDEX ] [ handle HANDLE ] [ pref PREF ]
             [ protocol PROTO ] [ chain INDEX ]
"""
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
#: For the commands that change something.
_CHANGE = Table((*SELECTORS, Word("estimator", "estimator", read=_estimator, repeat=True)))


_PREFERENCE = unsigned(_U32)


def _for_show(row: Word) -> Word:
    """Return the word for the commands that show."""
    if row.into == "pref":
        return row._replace(convert=_PREFERENCE, wrong="invalid preference")
    return row._replace(wrong="invalid parent ID") if row.name == "parent" else row


_SHOW = tuple(map(_for_show, SELECTORS))


def take_change(cursor: Cursor, topic: str, make: type[AnyFilterChange]) -> AnyFilterChange:
    """Return the change that the words behind the verb name; ``topic`` is filter or chain.

    Raises UsageError, InvalidOptionsError, HelpRequested.
    """
    verb = cast("Verb", cursor.verb)
    fields = fill(cursor, _CHANGE, {}, topic=topic)
    check_exclusive(fields)
    if verb in ("add", "replace") and topic == "filter":
        fields.setdefault("protocol", ALL)
    rate = fields.pop("estimator", b"")
    if cursor.done:
        return make(verb, FilterSelector(**fields), estimator=rate)
    name = cursor.take()
    kind = kinds.find(name)
    if kind is None:
        if not cursor.done:
            from pytc.words.suggestions import suggestion

            raise InvalidOptionsError(
                f'Unknown filter "{name}", hence option "{cursor.peek()}" is unparsable',
                hints=(suggestion(name, kinds.names(), '"pytc filter help" lists the kinds'),),
            )
        return make(verb, FilterSelector(**fields), name, estimator=rate)
    options = take_options(cursor, name, kind, fields)
    return make(verb, FilterSelector(**fields), name, options, rate)


def value_positions(words: Sequence[str]) -> dict[str, int]:
    """Return the positions of the values of selectors, by field, in the words behind a verb that changes something."""
    cursor, fields = Cursor(words), dict[str, int]()
    while (row := _CHANGE.find(cursor.peek())) is not None:
        cursor.take()
        if row.read is not None:
            row.read(cursor)
        elif row.convert is not None:
            fields[row.into] = cursor.position
            cursor.take()
    return fields


@lru_cache(maxsize=64)  # the lines of a batch often differ in the preference or the handle alone
def _parse_options(name: str, words: tuple[str, ...], place: FilterPlace) -> FilterOptions:
    """Return the options of a kind that pytc knows. Parsing depends on the words alone, and options are frozen."""
    kind = kinds.find(name)
    assert kind is not None
    options: FilterOptions = kind.parse(Cursor(words))
    return kind.place(options, place) if kind.place is not None else options


def take_options(cursor: Cursor, name: str, kind: AnyFilterKind, fields: dict[str, Any]) -> FilterOptions | None:
    """Return the options, None without words, unless the kind sends some then, too.

    ``fields`` gets the handle that they belong to. Raises UsageError, InvalidOptionsError, HelpRequested.
    """
    handle = fields.get("handle", "")
    if handle:
        _check(kind, handle)
    if cursor.done and not kind.sends_always:
        return None
    place = FilterPlace()
    if kind.place is not None:
        place = FilterPlace(fields.get("protocol", 0), fields.get("block", 0) or fields.get("parent", UNSPEC).number)
    options = _parse_options(name, tuple(cursor.rest()), place)
    if kind.settle is not None:
        options, handle = kind.settle(options, handle)
    if handle:
        fields["handle"] = handle
    return options


def _check(kind: AnyFilterKind, handle: str) -> None:
    try:
        kind.handle(handle)
    except ValueError:
        raise InvalidOptionsError('Illegal "handle"', hints=(f'the value is "{handle}"',)) from None


def check_exclusive(fields: dict[str, Any]) -> None:
    """Raise UsageError for a device and a block."""
    if "device" in fields and "block" in fields:
        raise UsageError('Error: "dev" and "block" are mutually exclusive')


def check_complete(fields: dict[str, Any]) -> None:
    """Raise UsageError where a question about one filter or chain does not say where it is."""
    if "parent" not in fields and "block" not in fields:
        raise UsageError("Must specify filter parent")
    if "device" not in fields and "block" not in fields:
        raise UsageError('Must specify netdevice "dev" or block index "block"')


def refuse_garbage(cursor: Cursor, topic: str) -> None:
    """Raise UsageError when there are words left."""
    if not cursor.done:
        raise UsageError(f'Garbage instead of arguments "{cursor.peek()} ...". Try "pytc {topic} help".')


def take_chain(cursor: Cursor) -> FilterSelector:
    """Return the selector of a question about one chain, which are all that is left; raises UsageError."""
    fields = fill(cursor, SELECTORS, {}, topic="chain")
    check_exclusive(fields)
    check_complete(fields)
    refuse_garbage(cursor, "chain")
    return FilterSelector(**fields)


def take_selector(cursor: Cursor, topic: str) -> FilterSelector:
    """Return the selector of a command that shows; raises UsageError, HelpRequested."""
    fields = fill(cursor, _SHOW, {}, topic=topic)
    if not cursor.done:
        raise UsageError(f' What is "{cursor.peek()}"? Try "pytc filter help"')
    if "device" in fields and "block" in fields:
        first, second = ("dev" if name == "device" else name for name in fields if name in ("device", "block"))
        raise UsageError(f'Error: "{second}" cannot be used in the same time as "{first}"')
    return FilterSelector(**fields)
