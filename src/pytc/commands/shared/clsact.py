"""``--create-clsact``: the qdisc that ingress and egress filters need, made where it is missing."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pytc.commands.qdisc.qdiscs import build_message, qdisc_at
from pytc.commands.shared.context import Context
from pytc.commands.values import FilterSelector, ModifyFilter, ModifyQdisc, QdiscSelector
from pytc.errors import NetlinkError, PlaceTakenError, PytcError
from pytc.handles import CLSACT, EGRESS, INGRESS


def is_for(command: ModifyFilter) -> bool:
    """Whether a command adds a filter that clsact would have."""
    selector = command.selector
    return command.verb in ("add", "replace") and bool(selector.device) and selector.parent in (INGRESS, EGRESS)


@contextmanager
def clsact_for(context: Context, command: ModifyFilter) -> Iterator[None]:
    """Makes the qdisc when there is none. When the block raises, just the one that was made here is taken away again.

    Raises DeviceNotFoundError, PlaceTakenError where an ingress qdisc has the place and egress is wanted, NetlinkError.
    """
    selector = command.selector
    made = not _is_there(context, selector) and _make(context, selector.device)
    try:
        yield
    except BaseException as error:
        if made:
            _take_away(context, selector.device, error)
        raise


def _is_there(context: Context, selector: FilterSelector) -> bool:
    device = selector.device
    kind = kind_at_clsact(context, context.device_index(device))
    if kind == "ingress" and selector.parent == EGRESS:
        # The kernel would put the filter on ingress without a word.
        raise PlaceTakenError(
            f"{device} has an ingress qdisc instead of clsact, without egress",
            hints=(f'"pytc qdisc del dev {device} ingress" removes it and its filters',),
        )
    if kind == "ingress":
        context.notes.append(
            f"Note: {device} has an ingress qdisc, which takes this filter; egress filters need clsact instead"
        )
    return bool(kind)


def kind_at_clsact(context: Context, index: int) -> str:
    """The kind of the qdisc that has the place of clsact on a device, empty for none."""
    try:
        found = qdisc_at(context, index, CLSACT.number)
    except NetlinkError:
        return ""
    return str(found.attributes["TCA_KIND"]) if found is not None and found.handle else ""


def _make(context: Context, device: str) -> bool:
    """Whether it was made; somebody else may be faster."""
    try:
        context.session.request(build_message(context, ModifyQdisc("add", QdiscSelector(device), "clsact")))
    except NetlinkError as error:
        if error.errno == errno.EEXIST:
            return False
        raise
    return True


def _take_away(context: Context, device: str, error: BaseException) -> None:
    try:
        if _is_in_use(context, device):
            return  # others have put filters there meanwhile
        context.session.request(build_message(context, ModifyQdisc("delete", QdiscSelector(device), "clsact")))
    except PytcError as other:
        if isinstance(error, PytcError):
            error.with_hints(f"cannot remove the clsact qdisc created on {device}: {other}")


def _is_in_use(context: Context, device: str) -> bool:
    from pytc.commands.filter.show import filter_records

    return any(True for parent in (INGRESS, EGRESS) for _ in filter_records(context, FilterSelector(device, parent)))
