"""Filters and chains as the kernel describes them: in answers, in dumps, and in notifications of changes."""

from __future__ import annotations

import errno
import struct
from itertools import chain, islice

from pytc.bpf.sys.program_lookup import lookup_program
from pytc.cpython import lru_cache
from pytc.errors import BlockNotFoundError, NetlinkError
from pytc.handles import UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.filters.requests import htons, selector_message
from pytc.tc.kinds import filters as kinds
from pytc.typing import NamedTuple, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from pytc.netlink.session import Session
    from pytc.tc.actions.records import ActionRecord
    from pytc.tc.filters.selector import FilterSelector
    from pytc.tc.statistics import QueueStatistics

_Item = TypeVar("_Item")
_FILTERS, _CHAINS = (c.NEWTFILTER, c.DELTFILTER, c.GETTFILTER), (c.NEWCHAIN, c.DELCHAIN, c.GETCHAIN)
_NEW, _DELETED = (c.NEWTFILTER, c.NEWCHAIN), (c.DELTFILTER, c.DELCHAIN)
if TYPE_CHECKING:
    #: The kind's record, actions, police.
    _Options = tuple[Any, "tuple[ActionRecord, ...]", Mapping[str, Any] | None]
_NO_OPTIONS: _Options = (None, (), None)
_GROUP = 64
_KNOWN = frozenset((*_FILTERS, *_CHAINS))
#: TCA_DUMP_FLAGS as struct nla_bitfield32, value and selector: TCA_DUMP_FLAGS_TERSE.
_TERSE = struct.pack("=II", 1, 1)


class FilterRecord(NamedTuple):
    """A filter, or a chain of filters, as the kernel describes it.

    ``options`` is what the kind's ``decode`` made; None for a kind that pytc does not know, of whose options the bytes
    are kept in ``raw``, and for the entry that stands for a whole preference. With a ``block``, there is neither device
    nor parent. ``event`` is added, replaced or deleted; empty in an answer to a question.
    """

    ifindex: int
    parent: Handle
    protocol: int
    pref: int
    kind: str
    chain: int | None
    handle: int
    options: object = None
    actions: tuple[ActionRecord, ...] = ()
    police: Mapping[str, Any] | None = None
    statistics: QueueStatistics | None = None
    block: int = 0
    is_chain: bool = False
    event: str = ""
    raw: bytes = b""


def filter_records(
    session: Session, selector: FilterSelector, ifindex: int, *, brief: bool = False
) -> Iterator[FilterRecord]:
    """Return the filters that a selector covers, each decoded when its turn comes.

    Raises BlockNotFoundError, NetlinkError before the first.
    """
    check_block(session, selector)
    return dump(session, selector_message(c.GETTFILTER, selector, ifindex), brief=brief)


def filter_of_program(session: Session, like: TcMessage, number: int) -> TcMessage | None:
    """Return the filter that runs the program with an id, at the place (device or block, parent, chain) of a message.

    Raises NetlinkError, AnswerLostError.
    """
    kind = kinds.find("bpf")
    assert kind is not None
    places = {name: like.attributes[name] for name in ("TCA_CHAIN",) if name in like.attributes}
    question = TcMessage(c.GETTFILTER, ifindex=like.ifindex, parent=like.parent, attributes=places)
    for answer in session.iter_dump(question):
        if answer.attributes.get("TCA_KIND") == "bpf":
            options = kind.schema.decode(answer.attributes.get("TCA_OPTIONS", b""))
            if options.get("TCA_BPF_ID") == number:
                return answer
    return None


def check_block(session: Session, selector: FilterSelector) -> None:
    """Raise BlockNotFoundError for a block that no qdisc has."""
    if not selector.block:
        return
    qdiscs = session.dump(TcMessage(c.GETQDISC))
    if not any(
        selector.block == qdisc.attributes.get(name)
        for qdisc in qdiscs
        for name in ("TCA_INGRESS_BLOCK", "TCA_EGRESS_BLOCK")
    ):
        raise BlockNotFoundError(selector.block)


def dump(session: Session, question: TcMessage, *, brief: bool = False) -> Iterator[FilterRecord]:
    """Return the filters or chains of a dump, each decoded when its turn comes; raises NetlinkError before the first.

    Not all kernels and kinds can be dumped in brief: then their answers are shortened here.
    """
    shortened = False
    in_brief = {**question.attributes, "TCA_DUMP_FLAGS": _TERSE}
    try:
        answers = session.iter_dump(question._replace(attributes=in_brief) if brief else question)
    except NetlinkError as error:
        if not brief:
            raise _refused_dump(error) from error
        answers, shortened = session.iter_dump(question), True
    return decode_filters(answers, shortened=shortened)


def decode_filters(messages: Iterable[TcMessage], *, shortened: bool = False) -> Iterator[FilterRecord]:
    """Return the filters and chains of messages, each decoded when its turn comes."""
    return chain.from_iterable(
        [record for message in group if (record := decode_filter(message, shortened=shortened)) is not None]
        for group in chunked(messages)
    )


def chunked(items: Iterable[_Item]) -> Iterator[list[_Item]]:
    """Yield lists of some items each: keeping the processor in one step at a time makes long dumps 17 % faster."""
    left = iter(items)
    while group := [*islice(left, _GROUP)]:
        yield group


def _refused_dump(error: NetlinkError) -> NetlinkError:
    if error.errno == errno.EMSGSIZE and not error.ext_ack:
        error = NetlinkError(errno.EMSGSIZE, "Buffer too small for object")  # tc's words
    error.operation = "filter dump"
    return error


def decode_filter(message: TcMessage, *, shortened: bool = False) -> FilterRecord | None:
    """Return the filter or chain of a message, None when it is about something else.

    ``shortened`` leaves out what brief output does not show. Raises NetlinkProtocolError.
    """
    number, flags, ifindex, handle, parent, info, attributes = message
    if number not in _KNOWN:
        return None
    name, raw = attributes.get("TCA_KIND", ""), attributes.get("TCA_OPTIONS")
    options, actions, police = (
        (_options_in_brief if shortened else _options)(name, raw) if raw is not None else _NO_OPTIONS
    )
    in_block = ifindex == c.BLOCK
    return FilterRecord(
        ifindex,
        UNSPEC if in_block else Handle.from_number(parent),
        htons(info & 0xFFFF),
        info >> 16,
        name,
        attributes.get("TCA_CHAIN"),
        handle,
        options,
        actions,
        police,
        _statistics(message) if "TCA_STATS2" in attributes or "TCA_STATS" in attributes else None,
        parent if in_block else 0,
        number in _CHAINS,
        _event(number, flags) if flags & c.CREATE or number in _DELETED else "",
        raw or b"",
    )


def _event(number: int, flags: int) -> str:
    if number in _DELETED:
        return "deleted"
    if number not in _NEW:
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
        return _NO_OPTIONS
    attributes = kind.schema.decode_from(raw, 0)
    if shortened:
        attributes = {
            attribute: value for attribute, value in attributes.items() if attribute in (*kind.brief, kind.actions)
        }
    options = kind.decode(attributes, lookup_program)
    if kind.actions not in attributes and kind.police not in attributes:
        return options, (), None
    from pytc.tc.actions.records import decode_action_options, decode_actions, strip_to_brief

    actions, police = decode_actions(attributes.get(kind.actions, b"")), attributes.get(kind.police)
    return (
        options,
        tuple(map(strip_to_brief, actions)) if shortened else actions,
        decode_action_options("police", police) if police else None,
    )


def _statistics(message: TcMessage) -> QueueStatistics | None:
    attributes = message.attributes
    from pytc.tc.statistics import read_statistics, unpack_old_statistics

    if "TCA_STATS2" in attributes:
        return read_statistics(message)[0]
    return unpack_old_statistics(attributes["TCA_STATS"])
