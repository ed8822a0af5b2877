"""``--create-clsact``: the qdisc that ingress and egress filters need, made where it is missing."""

from __future__ import annotations

import errno

from pytc.commands.shared.clsact_place import check_egress, kind_at_clsact
from pytc.contexts import contextmanager
from pytc.errors import AnswerLostError, NetlinkError, PytcError
from pytc.handles import EGRESS, INGRESS
from pytc.signals import block_signals
from pytc.tc.filters.records import filter_records
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.qdiscs.env import qdisc_env
from pytc.tc.qdiscs.requests import QdiscChange, qdisc_message
from pytc.tc.qdiscs.selector import QdiscSelector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.context import Context
    from pytc.netlink.messages import TcMessage
    from pytc.tc.qdiscs.requests import Verb


@contextmanager
def ensure_clsact(context: Context, selector: FilterSelector) -> Iterator[None]:
    """Make the qdisc for a filter when there is none; when the block raises, remove just the one made here.

    Raises DeviceNotFoundError, QdiscConflictError for egress where an ingress qdisc exists, NetlinkError.
    """
    is_created = False
    try:
        with block_signals():  # a signal takes effect when it is known whether the qdisc has to go again
            is_created = not _exists(context, selector) and _make(context, selector.device)
        yield
    except BaseException as error:
        if is_created:
            with block_signals():
                _remove(context, selector.device, error)
        raise


def _exists(context: Context, selector: FilterSelector) -> bool:
    device = selector.device
    kind = kind_at_clsact(context, device)
    if kind == "ingress":
        check_egress(context, selector)
        context.notes.append(
            f"Note: {device} has an ingress qdisc, which takes this filter; egress filters need clsact instead"
        )
    return bool(kind)


def _make(context: Context, device: str) -> bool:
    """Make the qdisc; returns False where somebody else was faster."""
    try:
        context.session.request(_message(context, device, "add"))
    except NetlinkError as error:
        if error.errno == errno.EEXIST:
            return False
        raise
    except AnswerLostError:
        if not _is_made(context, device):
            raise
    return True


def _is_made(context: Context, device: str) -> bool:
    try:
        return kind_at_clsact(context, device) == "clsact"
    except PytcError:
        return False  # the lost answer is the error to report


def _remove(context: Context, device: str, error: BaseException) -> None:
    try:
        if _is_in_use(context, device):
            return  # others have added filters to it meanwhile
        context.session.request(_message(context, device, "delete"))
    except PytcError as other:
        if isinstance(error, PytcError):
            error.with_hints(f"cannot remove the clsact qdisc created on {device}: {other}")


def _message(context: Context, device: str, verb: Verb) -> TcMessage:
    change = QdiscChange(verb, QdiscSelector(device), "clsact")
    message = qdisc_message(change, qdisc_env(device, context.device_index))
    return message._replace(ifindex=context.device_index(device))


def _is_in_use(context: Context, device: str) -> bool:
    ifindex = context.device_index(device)
    return any(
        True
        for parent in (INGRESS, EGRESS)
        for _ in filter_records(context.session, FilterSelector(device, parent), ifindex)
    )
