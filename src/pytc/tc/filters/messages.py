"""What messages say of filters and chains: in answers, in dumps, and in news of what has changed."""

import errno
import struct
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from pytc.commands.shared.context import Context
from pytc.commands.shared.program_descriptions import described
from pytc.errors import NetlinkError
from pytc.handles import UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import split_attributes
from pytc.tc.filters.requests import address, swapped
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds import filters as kinds
from pytc.tc.records import ActionRecord, FilterRecord, QueueStatistics

_Item = TypeVar("_Item")
_FILTERS, _CHAINS = (c.NEWTFILTER, c.DELTFILTER, c.GETTFILTER), (c.NEWCHAIN, c.DELCHAIN, c.GETCHAIN)
_NEW, _DELETED = (c.NEWTFILTER, c.NEWCHAIN), (c.DELTFILTER, c.DELCHAIN)
#: What the kind makes of the options, actions, police.
_Options = tuple[Any, tuple[ActionRecord, ...], Mapping[str, Any] | None]
_NO_OPTIONS: _Options = (None, (), None)
_GROUP = 64
_KNOWN = frozenset((*_FILTERS, *_CHAINS))
#: TCA_DUMP_FLAGS as struct nla_bitfield32, value and selector: TCA_DUMP_FLAGS_TERSE.
_TERSE = struct.pack("=II", 1, 1)


def dump(context: Context, message_type: int, selector: FilterSelector) -> Iterator[FilterRecord]:
    """The filters or chains that a selector covers, each decoded when its turn comes; raises DeviceNotFoundError,
    NetlinkError before the first.

    Not all kernels and kinds can be dumped in brief: then what they say is shortened here.
    """
    message = address(context, message_type, selector)
    in_brief = {**message.attributes, "TCA_DUMP_FLAGS": _TERSE}
    shortened = False
    try:
        answers = context.session.dumped(message._replace(attributes=in_brief) if context.shown.brief else message)
    except NetlinkError as error:
        if not context.shown.brief:
            raise _of_dump(error) from error
        answers, shortened = context.session.dumped(message), True
    return records(answers, shortened=shortened)


def records(messages: Iterable[TcMessage], *, shortened: bool = False) -> Iterator[FilterRecord]:
    """What messages say of filters and chains."""
    for group in groups(messages):
        found = [decoded(message, shortened=shortened) for message in group]
        yield from [record for record in found if record is not None]


def groups(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Some at a time. A list is done a sixth faster when the processor stays with each step for a while, than when it
    does all steps for one item after another."""
    left = iter(items)
    while group := [*islice(left, _GROUP)]:
        yield group


def _of_dump(error: NetlinkError) -> NetlinkError:
    if error.errno == errno.EMSGSIZE and not error.ext_ack:
        error = NetlinkError(errno.EMSGSIZE, "Buffer too small for object")  # tc's words
    error.trailer = "Dump terminated"
    error.exit_status = 1
    return error


def decoded(message: TcMessage, *, shortened: bool = False) -> FilterRecord | None:
    """What a message says; None when it is about something else. ``shortened`` leaves out what is not shown in
    brief. Raises NetlinkProtocolError."""
    number, flags, ifindex, handle, parent, info, attributes = message
    if number not in _KNOWN:
        return None
    name, raw = attributes.get("TCA_KIND", ""), attributes.get("TCA_OPTIONS", b"")
    options, actions, police = (_options_in_brief if shortened else _options)(name, raw) if raw else _NO_OPTIONS
    in_block = ifindex == c.BLOCK
    return FilterRecord(
        ifindex,
        UNSPEC if in_block else Handle.from_number(parent),
        swapped(info & 0xFFFF),
        info >> 16,
        name,
        attributes.get("TCA_CHAIN"),
        handle,
        options,
        actions,
        police,
        _statistics(message),
        parent if in_block else 0,
        number in _CHAINS,
        _event(number, flags),
        raw,
    )


def _event(number: int, flags: int) -> str:
    if number in _DELETED:
        return "deleted"
    if not flags & c.CREATE or number not in _NEW:
        return ""
    return "added" if flags & c.EXCL else "replaced"


@lru_cache(maxsize=64)  # a program is often attached many times, with the same options
def _options(name: str, raw: bytes) -> _Options:
    return _read_options(name, raw, shortened=False)


def _options_in_brief(name: str, raw: bytes) -> _Options:
    return _read_options(name, raw, shortened=True)


def _read_options(name: str, raw: bytes, *, shortened: bool) -> _Options:
    kind = kinds.find(name)
    if kind is None:
        return None, _other_actions(name, raw), None
    found = kind.schema.decode(raw)
    if shortened:
        found = {attribute: value for attribute, value in found.items() if attribute in (*kind.brief, kind.actions)}
    options = kind.decode(found, described)
    if kind.actions not in found and kind.police not in found:
        return options, (), None
    from pytc.tc.actions.lists import decode_actions, decode_options_of, in_brief

    actions, police = decode_actions(found.get(kind.actions, b"")), found.get(kind.police)
    return (
        options,
        tuple(map(in_brief, actions)) if shortened else actions,
        decode_options_of("police", police) if police else None,
    )


def _other_actions(name: str, options: bytes) -> tuple[ActionRecord, ...]:
    """Of a kind that pytc does not know, but whose actions it finds."""
    from pytc.tc.kinds.shared.other_filters import OTHERS

    other = OTHERS.get(name)
    raw = dict(split_attributes(options)).get(other.actions, b"") if other is not None else b""
    if not raw:
        return ()
    from pytc.tc.actions.lists import decode_actions

    return decode_actions(raw)


def _statistics(message: TcMessage) -> QueueStatistics | None:
    attributes = message.attributes
    if "TCA_STATS" not in attributes and "TCA_STATS2" not in attributes:
        return None
    from pytc.tc.statistics import read_statistics, unpack_old_statistics

    if "TCA_STATS2" in attributes:
        return read_statistics(message)[0]
    return unpack_old_statistics(attributes["TCA_STATS"])
