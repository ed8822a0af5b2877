"""Actions as the kernel describes them (include/uapi/linux/pkt_cls.h, TCA_ACT_*)."""

from __future__ import annotations

import struct

from pytc.netlink.schema import split_attributes
from pytc.tc.kinds import actions as kinds
from pytc.tc.kinds.shared.action_parts import Generic
from pytc.tc.statistics import unpack_statistics
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.tc.statistics import QueueStatistics

_KIND, _OPTIONS, _INDEX, _STATS, _COOKIE, _FLAGS, _HW_STATS, _USED_HW_STATS, _IN_HW_COUNT = 1, 2, 3, 4, 6, 7, 8, 9, 10
#: struct nla_bitfield32: value, selector.
_BITS = struct.Struct("=II")
_NUMBER = struct.Struct("=I")
#: Which attribute of a kind begins with struct tc_gen, or like it with the index; 2 for the others.
_PARAMETERS = {
    "connmark": 1,
    "csum": 1,
    "nat": 1,
    "ife": 1,
    "ct": 1,
    "ctinfo": 3,
    "gate": 3,
    "police": 1,
    "ipt": 3,
    "xt": 3,
}
#: TCA_PEDIT_PARMS_EX, which stands for the attribute of old.
_PEDIT_EXTENDED = 4


class ActionRecord(NamedTuple):
    """An action as the kernel describes it.

    ``order`` is its place in its list. ``attributes`` are the kind's, by name, for one that pytc knows; ``options``
    their bytes. ``number`` is its index, in brief dumps of actions; None in those of filters, which do not say it.
    ``flags`` are (value, selector).
    """

    order: int
    kind: str
    attributes: Mapping[str, Any] | None = None
    options: bytes = b""
    number: int | None = 0
    statistics: QueueStatistics | None = None
    cookie: bytes = b""
    flags: tuple[int, int] = (0, 0)
    in_hardware: int | None = None
    hw_stats: int | None = None
    used_hw_stats: int | None = None


def decode_actions(raw: bytes) -> tuple[ActionRecord, ...]:
    """Return the actions of a list; raises NetlinkProtocolError."""
    return tuple(_decode(order, part) for order, part in split_attributes(raw))


def _decode(order: int, raw: bytes) -> ActionRecord:
    parts = dict(split_attributes(raw))
    name = parts.get(_KIND, b"").partition(b"\0")[0].decode("ascii", "replace")
    kind, options = kinds.find(name), parts.get(_OPTIONS, b"")
    return ActionRecord(
        order,
        name,
        kind.schema.decode(options) if kind is not None and options else None,
        options,
        _number(parts, _INDEX),
        unpack_statistics(parts[_STATS]) if _STATS in parts else None,
        parts.get(_COOKIE, b""),
        _bits(parts, _FLAGS) or (0, 0),
        _number(parts, _IN_HW_COUNT),
        (_bits(parts, _HW_STATS) or (None,))[0],
        (_bits(parts, _USED_HW_STATS) or (None,))[0],
    )


def action_index(record: ActionRecord) -> int:
    """Return the index of an action, with which the parameters of every kind begin; 0 where there are none."""
    generic = generic_parameters(record)
    return generic.number if generic is not None else record.number or 0


def generic_parameters(record: ActionRecord) -> Generic | None:
    """Return the parameters that every kind has; None where there are none."""
    parts = dict(split_attributes(record.options))
    raw = parts.get(_PARAMETERS.get(record.kind, 2), b"")
    if not raw and record.kind == "pedit":
        raw = parts.get(_PEDIT_EXTENDED, b"")
    if len(raw) == _NUMBER.size:  # the index of ipt and xt stands alone
        return Generic(_NUMBER.unpack(raw)[0], 0)
    return Generic.unpack(raw)


def strip_to_brief(record: ActionRecord) -> ActionRecord:
    """Return an action with nothing but what the kernel says in a brief dump."""
    return record._replace(attributes=None, options=b"", number=action_index(record), flags=(0, 0), in_hardware=None)


def decode_action_options(name: str, raw: bytes) -> Attributes:
    """Return the options of an action of a kind that pytc knows; raises NetlinkProtocolError."""
    kind = kinds.find(name)
    assert kind is not None
    return kind.schema.decode(raw)


def _bits(parts: dict[int, bytes], number: int) -> tuple[int, int] | None:
    raw = parts.get(number, b"")
    return _BITS.unpack_from(raw) if len(raw) >= _BITS.size else None


def _number(parts: dict[int, bytes], number: int) -> int | None:
    raw = parts.get(number, b"")
    return int(_NUMBER.unpack_from(raw)[0]) if len(raw) >= _NUMBER.size else None
