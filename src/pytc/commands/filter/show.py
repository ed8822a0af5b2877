"""``filter``: get, show. Needs nothing of what loads programs."""

from collections.abc import Iterator
from itertools import chain

from pytc.commands.shared.context import Context
from pytc.commands.values import GetFilter, ModifyFilter, ShowFilters
from pytc.errors import BlockNotFoundError, NetlinkError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.render.documents import Document
from pytc.tc.filters.documents import document
from pytc.tc.filters.messages import dump, groups, records
from pytc.tc.filters.requests import explained, filter_request
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.records import FilterRecord


def get_filter(context: Context, command: GetFilter) -> list[Document]:
    """The one filter with that handle; raises NetlinkError when there is none."""
    selector = command.selector
    message = filter_request(context, ModifyFilter("add", selector, command.kind))
    return ask(context, message._replace(type=c.GETTFILTER, flags=0), selector)


def ask(context: Context, message: TcMessage, selector: FilterSelector) -> list[Document]:
    """What the kernel answers to a question about one filter or chain; raises NetlinkError."""
    try:
        answers = context.session.request(message)
    except NetlinkError as error:
        raise explained(error, selector) from error
    said = FilterSelector(device=selector.device, block=selector.block)
    return [document(context, record, said) for record in records(answers)]


def show_filters(context: Context, command: ShowFilters) -> Iterator[Document]:
    """The filters that a selector covers, each described when its turn comes; raises as :func:`filter_records`."""
    if command.ignored:
        context.notes.append('Warning: show takes no handle, and shows filters with any; "filter get" shows one')
    selector = command.selector
    found = filter_records(context, selector)
    return chain.from_iterable([document(context, record, selector) for record in group] for group in groups(found))


def filter_records(context: Context, selector: FilterSelector) -> Iterator[FilterRecord]:
    """The filters that a selector covers, each decoded when its turn comes; raises DeviceNotFoundError,
    BlockNotFoundError, NetlinkError before the first."""
    check_block(context, selector)
    return dump(context, c.GETTFILTER, selector)


def check_block(context: Context, selector: FilterSelector) -> None:
    """A block is there as long as a qdisc has it; raises BlockNotFoundError."""
    if not selector.block:
        return
    qdiscs = context.session.dump(TcMessage(c.GETQDISC))
    if not any(
        selector.block == qdisc.attributes.get(name)
        for qdisc in qdiscs
        for name in ("TCA_INGRESS_BLOCK", "TCA_EGRESS_BLOCK")
    ):
        raise BlockNotFoundError(selector.block)
