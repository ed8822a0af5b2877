"""Send requests that change qdiscs, and explain refusals."""

from __future__ import annotations

import errno

from pytc.errors import NetlinkError
from pytc.handles import UNSPEC
from pytc.netlink import constants as c
from pytc.tc.hints import general_hint, kind_hint
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.qdiscs.documents import qdisc_event
from pytc.tc.qdiscs.env import qdisc_env
from pytc.tc.qdiscs.records import qdisc_records
from pytc.tc.qdiscs.requests import qdisc_message

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Document
    from pytc.tc.qdiscs.requests import QdiscChange

#: What kernels say where a kind has no way to change it.
_UNCHANGEABLE = "Change operation not supported"


def carry_out(context: Context, change: QdiscChange) -> list[Document] | None:
    """Send the request; with -echo, return what the kernel did. Raises NetlinkError."""
    device, display = change.selector.device, context.display
    env = qdisc_env(device, context.device_index, context.environment.get("TC_LIB_DIR", ""))
    message = qdisc_message(change, env)._replace(ifindex=context.device_index(device))
    context.connection.with_egress.discard(device)
    try:
        answers = context.session.request(message._replace(flags=message.flags | c.ECHO * display.echo))
    except NetlinkError as error:
        hint = general_hint(error, device) or _hint(context, error, change, message)
        if hint:
            error.with_hints(hint)
        raise
    return [qdisc_event(answer, display) for answer in answers] if display.echo else None


def _hint(context: Context, error: NetlinkError, change: QdiscChange, message: TcMessage) -> str:
    """Return the likely cause of a refusal, empty for none, after a look at what exists."""
    if not message.parent and (not message.handle or change.verb in ("add", "delete")):
        return "say which place: root, parent CLASSID, clsact or ingress"
    device, name = change.selector.device, change.kind
    present, is_default = _kind_at(context, message)
    if change.verb == "delete":
        return _delete_hint(device, name, present, is_default=is_default)
    kind = kinds.find(name)
    if present and kind is not None and kind.default_parent != UNSPEC:
        return (
            f"{device} has its {present} qdisc already, and filters can be added to it"
            if present == name
            else f'{present} has the place of {name}: "pytc qdisc del dev {device} {present}" frees it'
        )
    if error.errno == errno.EEXIST and present:
        return f'{present} has this place already: "pytc qdisc replace" puts another there'
    if change.verb in ("change", "replace") and present and present == name and _UNCHANGEABLE in error.ext_ack:
        return f"the options of {present} cannot be changed: delete the qdisc and add it again"
    if "kind is unknown" in error.ext_ack and not name:
        return "name the kind: pytc qdisc add ... KIND"
    if change.verb in ("add", "replace") and (hint := kind_hint(error, "qdisc", name)):
        return hint
    from pytc.tc.constraints import broken_rule

    return broken_rule(error, message)


def _delete_hint(device: str, kind: str, present: str, *, is_default: bool) -> str:
    if is_default:
        return f"nobody has added a qdisc there: {present} is the default of {device}, and stays"
    if not present:
        return f'there is no such qdisc: "pytc qdisc show dev {device}" shows what there is'
    return f"the qdisc there is {present}" if kind and present != kind else ""


def _kind_at(context: Context, message: TcMessage) -> tuple[str, bool]:
    """Return the kind of the qdisc that a request is about, empty for none, and whether it is there by default: such
    a qdisc has no handle."""
    try:
        qdiscs = qdisc_records(context.session, message.ifindex)
    except NetlinkError:
        return "", False
    for record in qdiscs:
        if message.parent == record.parent.number or (not message.parent and message.handle == record.handle.number):
            return record.kind, not record.handle.number
    return "", False
