"""Requests about filters and chains."""

from __future__ import annotations

import sys

from pytc.cpython import lru_cache
from pytc.errors import InvalidOptionsError, UsageError
from pytc.handles import EGRESS, INGRESS, ROOT
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.shared.programs import BYTECODE
from pytc.typing import TypeVar
from pytc.value import Value
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal

    from pytc.tc.filters.selector import FilterSelector
    from pytc.tc.kinds.interface import AnyFilterKind, Encoded, FilterOptions, OpenedProgram

    Verb = Literal["add", "change", "replace", "delete"]
POINTS = {ROOT: "root", INGRESS: "ingress", EGRESS: "egress"}
_VERBS = {
    "add": (c.NEWTFILTER, c.EXCL | c.CREATE),
    "change": (c.NEWTFILTER, 0),
    "replace": (c.NEWTFILTER, c.CREATE),
    "delete": (c.DELTFILTER, 0),
}


class FilterChange(Value):
    """A filter to be added, changed, replaced or deleted; of a chain, its template.

    ``options`` is None without kind and without options; ``estimator`` are the bytes of TCA_RATE.
    """

    verb: Verb
    selector: FilterSelector
    kind: str = ""
    options: FilterOptions | None = None
    estimator: bytes = b""

    @property
    def follows_from_words(self) -> bool:
        """True where the request follows from the words alone: nothing has to be opened, loaded or looked up for it."""
        options = self.options
        if options is None:
            return True
        source = options.source
        return (
            (source is None or source.mode == BYTECODE)
            and not options.actions
            and options.police is None
            and options.follows_from_words
        )


AnyFilterChange = TypeVar("AnyFilterChange", bound=FilterChange)


def filter_message(
    change: FilterChange, ifindex: int, program: OpenedProgram | None = None, actions: Encoded | None = None
) -> TcMessage:
    """Return the request for a change, with its open program and its encoded actions.

    Raises InvalidOptionsError, UsageError.
    """
    kind = kinds.find(change.kind) if change.kind else None
    number, flags = _VERBS[change.verb]
    selector = change.selector
    attributes: dict[str, Any] = {} if selector.chain is None else {"TCA_CHAIN": selector.chain}
    handle = _handle(selector.handle, change.kind, kind) if selector.handle else 0
    if change.kind:
        attributes["TCA_KIND"] = change.kind
    if kind is not None and change.options is not None:
        options = change.options
        attributes["TCA_OPTIONS"] = (
            _options_from_words(change.kind, options)
            if program is None and not actions and options.follows_from_words
            else kind.schema.encode([*kind.encode(options, program), *(actions or ())])
        )
    if change.estimator:
        attributes["TCA_RATE"] = change.estimator
    return TcMessage(number, flags, ifindex, handle, _parent(selector), _info(selector), attributes)


@lru_cache(maxsize=16)  # the lines of a batch often differ in the preference or the handle alone
def _options_from_words(name: str, options: FilterOptions) -> bytes:
    kind = kinds.find(name)
    assert kind is not None
    return kind.schema.encode(kind.encode(options, None))


def encode_filter_actions(
    change: FilterChange, programs: Sequence[OpenedProgram | None], device_index: Callable[[str], int]
) -> Encoded:
    """Return the attributes of a filter's actions, given the open program of each.

    ``device_index`` may raise DeviceNotFoundError.
    """
    kind, options = kinds.find(change.kind), change.options
    if kind is None or options is None or (options.police is None and not options.actions):
        return []
    from pytc.tc.actions.requests import encode_action_options, encode_actions

    attributes: Encoded = []
    if options.police is not None:
        attributes.append((kind.police, encode_action_options("police", options.police, None, device_index)))
    if options.actions:
        attributes.append((kind.actions, encode_actions(options.actions, programs, device_index)))
    return attributes


def selector_message(message_type: int, selector: FilterSelector, ifindex: int) -> TcMessage:
    """Return a message about the filters of a selector, without their handle."""
    attributes = {} if selector.chain is None else {"TCA_CHAIN": selector.chain}
    return TcMessage(
        message_type, ifindex=ifindex, parent=_parent(selector), info=_info(selector), attributes=attributes
    )


def _parent(selector: FilterSelector) -> int:
    return selector.block or selector.parent.number


def _info(selector: FilterSelector) -> int:
    """Return ``tcm_info``: preference and, in network byte order, protocol.

    Where filters are shown, tc takes a preference of more than 16 bits, and its low ones count.
    """
    return (selector.pref & 0xFFFF) << 16 | htons(selector.protocol)


@lru_cache(maxsize=64)  # a dump has few, thousands of times
def htons(number: int) -> int:
    """Return 16 bits between host and network byte order: htons(3) and ntohs(3)."""
    return (number & 0xFF) << 8 | number >> 8 if sys.byteorder == "little" else number


def _handle(word: str, name: str, kind: AnyFilterKind | None) -> int:
    if not name:
        raise UsageError('Must specify filter type when using "handle"')
    if kind is None:
        try:
            return int(unsigned(0xFFFFFFFF, 16)(word))
        except ValueError:
            raise InvalidOptionsError(f'Unparsable filter ID "{word}"') from None
    try:
        return kind.handle(word)
    except ValueError:
        raise InvalidOptionsError('Illegal "handle"', hints=(f'the value is "{word}"',)) from None
