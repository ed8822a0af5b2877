"""Questions about one filter or chain."""

from __future__ import annotations

from pytc.errors import NetlinkError
from pytc.tc.filters.documents import document
from pytc.tc.filters.hints import explain_refusal
from pytc.tc.filters.records import decode_filters
from pytc.tc.filters.selector import FilterSelector

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Document


def describe_one(context: Context, message: TcMessage, selector: FilterSelector) -> list[Document]:
    """Return the documents of the kernel's answer to a question; raises NetlinkError."""
    try:
        answers = context.session.request(message)
    except NetlinkError as error:
        raise explain_refusal(error, selector) from error
    implied = FilterSelector(device=selector.device, block=selector.block)
    return [document(record, context.display, implied) for record in decode_filters(answers)]
