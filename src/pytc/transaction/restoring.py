"""Requests that make objects what they were, from what the kernel says of them.

Which options a kind's description restores, the kind declares (:class:`~pytc.tc.kinds.interface.Restoration`).
"""

from __future__ import annotations

from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import HEADER, Nested, join_attributes, mark_nested, split_attributes
from pytc.tc.kinds import actions, filters, qdiscs
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.netlink.schema import Attributes, Schema
    from pytc.tc.kinds.interface import Restoration

_UNTOLD = "its present options could not be restored"
#: Attributes of an action (include/uapi/linux/pkt_cls.h, TCA_ACT_*) that are options, and not described alone.
_KIND, _OPTIONS, _COOKIE, _FLAGS, _HW_STATS = 1, 2, 6, 7, 8
_ACTION_PARTS = (_COOKIE, _FLAGS, _HW_STATS)
#: Flags of filters, to which the kernel adds TCA_CLS_FLAGS_IN_HW or TCA_CLS_FLAGS_NOT_IN_HW.
_SKIP_FLAGS = ("TCA_BPF_FLAGS_GEN", "TCA_FLOWER_FLAGS", "TCA_MATCHALL_FLAGS", "TCA_U32_FLAGS")
_IN_HARDWARE = 0xC
#: Behind the index and two numbers of an action's parameters: how many objects hold it, and how many are filters.
_REFERENCES = slice(12, 20)


class _Kind(NamedTuple):
    """A kind's attributes, and how its objects are restored."""

    schema: Schema
    restoration: Restoration
    header: int = 0
    nested: bool = False

    def decode(self, raw: bytes) -> dict[str, Any]:
        return self.schema.decode(raw, self.header)

    def knows(self, raw: bytes) -> bool:
        """Report whether all attributes are in the table: a newer kernel may have others."""
        return all(number & 0x3FFF < len(self.schema.rows) for number, _ in split_attributes(raw[self.header :]))

    def options(self, attributes: Attributes) -> dict[str, Any]:
        """Return the attributes that say how the object was made."""
        of = self.restoration
        return {
            name: value
            for name, value in attributes.items()
            if name not in of.described and name not in of.counters and not name.endswith(("_PAD", "_TM"))
        }


def _find(message: TcMessage) -> _Kind | None:
    """Return the kind of a qdisc, class or filter, None where its objects cannot be restored."""
    name = message.attributes.get("TCA_KIND", "")
    if message.type in (c.NEWTFILTER, c.DELTFILTER):
        of_filter = filters.find(name)
        if of_filter is None or of_filter.restoration is None:
            return None
        return _Kind(of_filter.schema, of_filter.restoration)
    of_qdisc = qdiscs.find(name)
    if of_qdisc is None:
        return None
    if message.type in (c.NEWTCLASS, c.DELTCLASS):
        restoration, header = of_qdisc.class_restoration, 0
    else:
        restoration, header = of_qdisc.restoration, of_qdisc.header
    return _Kind(of_qdisc.schema, restoration, header, of_qdisc.nested) if restoration is not None else None


def _raw(message: TcMessage) -> bytes:
    return bytes(message.attributes.get("TCA_OPTIONS", b""))


def obstacle(present: TcMessage, request: TcMessage | None) -> str:
    """Return why a qdisc, class or filter could not be made what it is, empty where it can.

    ``request`` would change it; None would delete it.
    """
    kind = _find(present)
    if kind is None or not kind.knows(_raw(present)):
        return _UNTOLD
    if request is None and not kind.restoration.deleted:
        return "the kernel does not tell how it was made"
    described = kind.decode(_raw(present))
    if request is not None:
        return _obstacle(kind, described, kind.decode(_raw(request)))
    if lost := _lost_counters(kind, described):
        return lost
    return kind.restoration.refuse(described, None) if kind.restoration.refuse is not None else ""


def _lost_counters(kind: _Kind, described: Attributes) -> str:
    if any(any(described.get(name, b"")) for name in kind.restoration.counters):
        return "its counters cannot be restored"
    return ""


def _obstacle(kind: _Kind, described: Attributes, requested: Attributes) -> str:
    of = kind.restoration
    if of.replaces and (lost := _lost_counters(kind, described)):
        return lost
    for name in kind.options(requested) if not of.replaces else ():
        if name not in described and name not in of.unset:
            option = name.removeprefix(kind.schema.rows[0][0].removesuffix("UNSPEC")).lower()
            return f"{option} cannot be unset again"
    return of.refuse(described, requested) if of.refuse is not None else ""


def place_of(filter: TcMessage) -> str:
    """Return where a filter goes that is added to others of its preference, empty where that cannot be known."""
    kind = _find(filter)
    return kind.restoration.place if kind is not None else ""


def restoration_request(former: TcMessage, program: int) -> TcMessage:
    """Return the request that makes a qdisc, class, filter or action again what it was.

    ``program`` is the descriptor of a bpf filter's program, 0 for none.
    """
    if former.type == c.NEWACTION:
        return _action_request(former)
    kind = _find(former)
    assert kind is not None
    described = kind.decode(_raw(former))
    attributes: dict[str, object] = {"TCA_KIND": former.attributes.get("TCA_KIND", "")}
    if former.type == c.NEWTFILTER:
        attributes["TCA_CHAIN"] = former.attributes.get("TCA_CHAIN", 0)
        attributes["TCA_OPTIONS"] = _encode(kind, _filter_options(described, program))
        return former._replace(flags=c.CREATE, attributes=attributes)
    if raw := _encode(kind, described):
        attributes["TCA_OPTIONS"] = raw
    return former._replace(flags=0, info=0, attributes=attributes)


def _encode(kind: _Kind, described: Attributes) -> bytes:
    of = kind.restoration
    options = kind.options(described)
    header = options.pop(HEADER, None)
    sent = [] if header is None else [(HEADER, header)]
    sent += [(name, of.resent[name](value) if name in of.resent else value) for name, value in options.items()]
    sent += [(name, value) for name, value in of.unset.items() if name not in described]
    sent = [(name, value) for name, value in sent if value is not None]
    raw = kind.schema.encode(sent)
    return Nested(raw) if kind.nested else raw


def _filter_options(described: Attributes, program: int) -> Attributes:
    options = dict(described)
    if options.pop("TCA_BPF_ID", 0):
        options["TCA_BPF_FD"] = program
    for name in _SKIP_FLAGS:
        if name in options:
            options[name] &= ~_IN_HARDWARE
    return options


def is_same(first: TcMessage, second: TcMessage) -> bool:
    """Report whether two messages describe the same object with the same options, counters aside."""
    if first.type == c.NEWACTION:
        return _essence(first) == _essence(second)
    kind = _find(first)
    assert kind is not None
    names = ("TCA_KIND", "TCA_CHAIN")
    return (
        first.ifindex == second.ifindex
        and first.handle == second.handle
        and first.parent == second.parent
        and all(first.attributes.get(name) == second.attributes.get(name) for name in names)
        and _compared(kind, first) == _compared(kind, second)
    )


def _compared(kind: _Kind, message: TcMessage) -> Attributes:
    options = kind.options(kind.decode(_raw(message)))
    if kind.restoration.header:
        options[HEADER] = options[HEADER][: kind.restoration.header]
    return options


def action_parts(action: TcMessage) -> tuple[str, dict[int, bytes]]:
    """Return the kind and the attributes of the only action of a message."""
    [(_, raw)] = split_attributes(action.attributes["TCA_ROOT_TAB"])
    parts = {number & 0x3FFF: value for number, value in split_attributes(raw)}
    return parts.get(_KIND, b"").partition(b"\0")[0].decode("ascii", "replace"), parts


def _find_action(name: str) -> _Kind | None:
    kind = actions.find(name)
    return _Kind(kind.schema, kind.restoration) if kind is not None and kind.restoration is not None else None


def action_obstacle(present: TcMessage, request: TcMessage) -> str:
    """Return why an action could not be made what it is after a request that changes it, empty where it can."""
    name, parts = action_parts(present)
    kind = _find_action(name)
    if kind is None or not kind.knows(parts.get(_OPTIONS, b"")):
        return _UNTOLD
    _, requested = action_parts(request)
    for number, what in ((_COOKIE, "cookie"), (_HW_STATS, "hw_stats"), (_FLAGS, "flags")):
        if number in requested and number not in parts:
            return f"its {what} cannot be unset again"
    return _obstacle(kind, kind.decode(parts.get(_OPTIONS, b"")), kind.decode(requested.get(_OPTIONS, b"")))


def _action_request(former: TcMessage) -> TcMessage:
    name, parts = action_parts(former)
    kind = _find_action(name)
    assert kind is not None
    attributes = [
        (_KIND, parts[_KIND]),
        (mark_nested(_OPTIONS), _encode(kind, kind.decode(parts.get(_OPTIONS, b"")))),
        *((number, parts[number]) for number in _ACTION_PARTS if number in parts),
    ]
    table = join_attributes([(mark_nested(1), join_attributes(attributes))])
    return TcMessage(c.NEWACTION, c.REPLACE, attributes={"TCA_ROOT_TAB": table})


def _essence(action: TcMessage) -> object:
    """Return what makes an action what it is: its options without ages, and how many hold it."""
    name, parts = action_parts(action)
    kind = _find_action(name)
    assert kind is not None
    options = kind.options(kind.decode(parts.get(_OPTIONS, b"")))
    for attribute, value in options.items():
        if attribute.endswith(("_PARMS", "_PARMS_EX", "_ACT")):
            options[attribute] = value[: _REFERENCES.start] + value[_REFERENCES.stop :]
    return name, options, [parts.get(number) for number in _ACTION_PARTS]
