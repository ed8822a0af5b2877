"""Send requests that make or delete chains."""

from __future__ import annotations

from pytc.commands.shared.clsact_place import check_egress
from pytc.errors import NetlinkError
from pytc.netlink import constants as c
from pytc.tc.filters.documents import document
from pytc.tc.filters.hints import explain_refusal
from pytc.tc.filters.records import decode_filters
from pytc.tc.filters.requests import encode_filter_actions, filter_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.filters.requests import FilterChange


def carry_out(context: Context, change: FilterChange, message_type: int, flags: int) -> list[Document] | None:
    """Send the request; with -echo, return what the kernel did.

    That has been nothing up to now (v6.18): only listeners are told of chains. A program that a template names is not
    loaded: no kernel has templates of kinds with programs. Raises NetlinkError, QdiscConflictError,
    InvalidOptionsError, UsageError.
    """
    check_egress(context, change.selector)
    ifindex = change.selector.ifindex(context.device_index)
    named = change.options.actions if change.options is not None else ()
    actions = encode_filter_actions(change, [None] * len(named), context.device_index)
    message = filter_message(change, ifindex, actions=actions)
    try:
        answers = context.session.request(
            message._replace(type=message_type, flags=flags | c.ECHO * context.display.echo)
        )
    except NetlinkError as error:
        raise explain_refusal(error, change.selector) from error
    return [document(record, context.display) for record in decode_filters(answers)] if context.display.echo else None
