"""Requests about qdiscs."""

from __future__ import annotations

from pytc.handles import UNSPEC
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared import size_table
from pytc.typing import TypeVar
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.shared.size_table import SizeTable
    from pytc.tc.qdiscs.selector import QdiscSelector

    Verb = Literal["add", "change", "replace", "link", "delete"]
_VERBS = {
    "add": (c.NEWQDISC, c.EXCL | c.CREATE),
    "change": (c.NEWQDISC, 0),
    "replace": (c.NEWQDISC, c.CREATE | c.REPLACE),
    "link": (c.NEWQDISC, c.REPLACE),
    "delete": (c.DELQDISC, 0),
}


class QdiscChange(Value):
    """A qdisc to be added, changed, replaced or deleted.

    ``options`` are those of the kind. The blocks are those through which filters of clsact and ingress are shared, 0
    for none. ``estimator`` is TCA_RATE, ``stab`` a size table.
    """

    verb: Verb
    selector: QdiscSelector
    kind: str = ""
    options: object = None
    ingress_block: int = 0
    egress_block: int = 0
    estimator: bytes = b""
    stab: SizeTable | None = None


AnyQdiscChange = TypeVar("AnyQdiscChange", bound=QdiscChange)


def qdisc_message(change: QdiscChange, env: QdiscEnv) -> TcMessage:
    """Return the request for a change, but for the index of the device.

    Raises PytcError where an option cannot be looked up.
    """
    message_type, flags = _VERBS[change.verb]
    selector = change.selector
    attributes: dict[str, object] = {}
    if change.kind:
        attributes["TCA_KIND"] = change.kind
    if change.estimator:
        attributes["TCA_RATE"] = change.estimator
    if change.ingress_block:
        attributes["TCA_INGRESS_BLOCK"] = change.ingress_block
    if change.egress_block:
        attributes["TCA_EGRESS_BLOCK"] = change.egress_block
    kind = kinds.find(change.kind)
    if kind is not None:
        if kind.default_parent != UNSPEC:
            selector = selector.replace(parent=kind.default_parent, handle=kind.default_handle)
        options = kind.encode(change.options, env)
        if options is not None:
            attributes["TCA_OPTIONS"] = kind.options(options)
        if kind.flags is not None:
            flags |= kind.flags(change.options)
    if change.stab is not None:
        attributes["TCA_STAB"] = size_table.SCHEMA.encode(size_table.encode(change.stab))
    return TcMessage(message_type, flags, 0, selector.handle.number, selector.parent.number, attributes=attributes)
