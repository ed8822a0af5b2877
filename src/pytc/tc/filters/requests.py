"""Messages to the kernel about filters and chains, and what its refusals mean."""

import errno
import sys
from collections.abc import Sequence
from typing import Any

from pytc.commands.shared.context import Context
from pytc.commands.values import ModifyFilter
from pytc.errors import InvalidOptionsError, NetlinkError, UsageError
from pytc.handles import EGRESS, INGRESS, ROOT, UNSPEC
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.actions.action import Action
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.hints import general_hint
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.interface import AnyFilterKind, OpenedProgram
from pytc.tc.kinds.shared.programs import BYTECODE

POINTS = {ROOT: "root", INGRESS: "ingress", EGRESS: "egress"}
_VERBS = {
    "add": (c.NEWTFILTER, c.EXCL | c.CREATE),
    "change": (c.NEWTFILTER, 0),
    "replace": (c.NEWTFILTER, c.CREATE),
    "delete": (c.DELTFILTER, 0),
}


def filter_request(
    context: Context,
    command: ModifyFilter,
    program: OpenedProgram | None = None,
    programs: Sequence[OpenedProgram | None] = (),
) -> TcMessage:
    """The request for a command whose programs are open, that of the filter and those of its actions; raises
    DeviceNotFoundError, InvalidOptionsError, UsageError."""
    ifindex = index_of(context, command.selector)
    return filter_message(command, program, _encoded_actions(context, command, programs))._replace(ifindex=ifindex)


def filter_message(
    command: ModifyFilter, program: OpenedProgram | None = None, actions: Sequence[tuple[str, bytes]] = ()
) -> TcMessage:
    """The same, but for the index of the device, with actions that are encoded. Depends on nothing else; raises
    InvalidOptionsError, UsageError."""
    kind = kinds.find(command.kind) if command.kind else None
    number, flags = _VERBS[command.verb]
    selector = command.selector
    attributes: dict[str, Any] = {} if selector.chain is None else {"TCA_CHAIN": selector.chain}
    handle = _handle(selector.handle, command.kind, kind) if selector.handle else 0
    if command.kind:
        attributes["TCA_KIND"] = command.kind
    if kind is not None and command.options is not None:
        attributes["TCA_OPTIONS"] = kind.schema.encode([*kind.encode(command.options, program), *actions])
    if command.estimator:
        attributes["TCA_RATE"] = command.estimator
    return TcMessage(number, flags, 0, handle, _parent(selector), _info(selector), attributes)


def address(context: Context, message_type: int, selector: FilterSelector) -> TcMessage:
    """A message about the filters of a selector, without their handle; raises DeviceNotFoundError."""
    attributes = {} if selector.chain is None else {"TCA_CHAIN": selector.chain}
    return TcMessage(
        message_type,
        ifindex=index_of(context, selector),
        parent=_parent(selector),
        info=_info(selector),
        attributes=attributes,
    )


def index_of(context: Context, selector: FilterSelector) -> int:
    """``tcm_ifindex``; raises DeviceNotFoundError."""
    return c.BLOCK if selector.block else context.device_index(selector.device)


def _parent(selector: FilterSelector) -> int:
    return selector.block or selector.parent.number


def _info(selector: FilterSelector) -> int:
    """``tcm_info``: preference and, in network byte order, protocol. Of a preference with more bits, as tc takes it
    where filters are shown, the low ones count."""
    return (selector.pref & 0xFFFF) << 16 | swapped(selector.protocol)


def swapped(number: int) -> int:
    """htons(3) and ntohs(3)."""
    return (number & 0xFF) << 8 | number >> 8 if sys.byteorder == "little" else number


def _handle(word: str, name: str, kind: AnyFilterKind | None) -> int:
    if not name:
        raise UsageError('Must specify filter type when using "handle"')
    if kind is None:
        from pytc.tc.kinds.shared.other_filters import other_handle

        return other_handle(name, word)
    try:
        return kind.handle(word)
    except ValueError:
        raise InvalidOptionsError('Illegal "handle"', hints=(f'the value is "{word}"',)) from None


def actions_of(command: ModifyFilter) -> tuple[Action, ...]:
    """The actions that the words name."""
    return command.options.actions if command.options is not None else ()


def depends_on_words(command: ModifyFilter) -> bool:
    """Whether the request follows from the words alone: nothing has to be opened, loaded or asked for it."""
    options = command.options
    if options is None:
        return True
    source = options.source
    return (source is None or source.mode == BYTECODE) and not options.actions and options.police is None


def _encoded_actions(
    context: Context, command: ModifyFilter, programs: Sequence[OpenedProgram | None]
) -> list[tuple[str, bytes]]:
    kind, options = kinds.find(command.kind), command.options
    if kind is None or options is None:
        return []
    from pytc.tc.actions.lists import encode_actions, encode_options_of

    found = []
    if options.police is not None:
        found.append((kind.police, encode_options_of(context, "police", options.police)))
    if options.actions:
        found.append((kind.actions, encode_actions(context, options.actions, programs)))
    return found


def explained(error: NetlinkError, selector: FilterSelector) -> NetlinkError:
    """A refusal with tc's last line, and its likely cause."""
    error.trailer = "We have an error talking to the kernel"
    hook = POINTS.get(selector.parent, "") if selector.parent != ROOT else ""
    missing = error.errno in (errno.ENOENT, errno.EINVAL) and "Parent Qdisc" in error.ext_ack
    if hook and missing:
        error.with_hints(
            f"{selector.device} has no clsact qdisc, which {hook} filters need: "
            f'"pytc qdisc add dev {selector.device} clsact" makes it'
        )
    elif missing:
        error.with_hints(f"there is no qdisc {selector.parent} on {selector.device}")
    elif selector.parent == UNSPEC and "not classful" in error.ext_ack:
        error.with_hints(
            "without ingress, egress or parent, a filter goes to the root qdisc, and that of "
            f"{selector.device} takes none"
        )
    elif selector.block and "Block of given index" in error.ext_ack:
        error.with_hints(f'a qdisc makes it: "pytc qdisc add dev NAME ingress_block {selector.block} clsact"')
    elif hint := general_hint(error, selector.device or str(selector.block or "")):
        error.with_hints(hint)
    return error
