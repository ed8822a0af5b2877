"""Requests about classes, and the causes of refusals."""

from __future__ import annotations

import errno

from pytc.handles import ROOT, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.tc.kinds import qdiscs as kinds
from pytc.typing import TypeVar
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pytc.errors import NetlinkError
    from pytc.tc.kinds.interface import QdiscEnv

    Verb = Literal["add", "change", "replace", "delete"]
_VERBS = {
    "add": (c.NEWTCLASS, c.EXCL | c.CREATE),
    "change": (c.NEWTCLASS, 0),
    "replace": (c.NEWTCLASS, c.CREATE),
    "delete": (c.DELTCLASS, 0),
}


class ClassChange(Value):
    """A class to be added, changed, replaced or deleted.

    ``options`` are those of the kind, ``estimator`` is TCA_RATE.
    """

    verb: Verb
    device: str
    parent: Handle
    classid: Handle
    kind: str = ""
    options: object = None
    estimator: bytes = b""


AnyClassChange = TypeVar("AnyClassChange", bound=ClassChange)


def class_message(change: ClassChange, env: QdiscEnv) -> TcMessage:
    """Return the request for a change, but for the index of the device.

    Raises PytcError where an option cannot be looked up.
    """
    message_type, flags = _VERBS[change.verb]
    attributes: dict[str, object] = {}
    if change.kind:
        attributes["TCA_KIND"] = change.kind
    if change.estimator:
        attributes["TCA_RATE"] = change.estimator
    kind = kinds.find(change.kind)
    if kind is not None and kind.encode_class is not None:
        attributes["TCA_OPTIONS"] = kind.options(kind.encode_class(change.options, env))
    return TcMessage(message_type, flags, 0, change.classid.number, change.parent.number, attributes=attributes)


def class_hint(error: NetlinkError, change: ClassChange) -> str:
    """Return the likely cause of a refusal, empty for none."""
    device, classid = change.device, change.classid
    qdisc = Handle((classid if classid.major else change.parent).major, 0)
    if error.errno == errno.EEXIST:
        return f'{device} has a class {classid} already; "pytc class replace" changes it'
    if error.errno == errno.EBUSY:
        return f"classes below {classid}, or filters that lead to it, have to go first"
    if error.errno == errno.ENOENT and classid.minor and change.verb != "add":
        return f"{device} has no class {classid}"
    if error.errno == errno.ENOENT and change.verb == "add":
        return f"{device} has no qdisc {qdisc} with classes"
    if error.errno == errno.EINVAL and not classid.minor:
        return '"classid MAJOR:MINOR" is missing'
    if error.errno == errno.EINVAL and change.parent.major not in (0, ROOT.major, classid.major):
        return f"the class {classid} and its parent {change.parent} have to be of one qdisc"
    return ""
