"""Actions as netlink attributes (include/uapi/linux/pkt_cls.h, TCA_ACT_*)."""

from __future__ import annotations

import os
import struct

from pytc.netlink.schema import join_attributes, mark_nested
from pytc.tc.kinds import actions as kinds
from pytc.tc.kinds.interface import EncodeEnv
from pytc.tc.kinds.shared.action_parts import kernel_clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pytc.tc.actions.action import Action, ActionOptions
    from pytc.tc.kinds.interface import OpenedProgram

#: TCA_ACT_MAX_PRIO: those beyond, the kernel leaves out.
MOST = 32
_KIND, _OPTIONS, _INDEX, _COOKIE, _FLAGS, _HW_STATS = 1, 2, 3, 6, 7, 8
#: struct nla_bitfield32: value, selector.
_BITS = struct.Struct("=II")
_NUMBER = struct.Struct("=I")

if TYPE_CHECKING:
    #: Returns the index of a device, and raises DeviceNotFoundError.
    DeviceIndex = Callable[[str], int]


def encode_actions(
    actions: Sequence[Action], programs: Sequence[OpenedProgram | None], device_index: DeviceIndex
) -> bytes:
    """Return a list of actions; ``programs`` has the open program of each, None for one without."""
    return join_attributes(
        (mark_nested(order), _encode(action, program, device_index))
        for order, (action, program) in enumerate(zip(actions, programs, strict=True), 1)
    )


def encode_action_options(
    name: str, options: ActionOptions, program: OpenedProgram | None, device_index: DeviceIndex
) -> bytes:
    """Return the options of an action of a kind that pytc knows."""
    kind = kinds.find(name)
    assert kind is not None
    return kind.schema.encode(kind.encode(options, EncodeEnv(program, device_index, kernel_clock)))


def _encode(action: Action, program: OpenedProgram | None, device_index: DeviceIndex) -> bytes:
    attributes = [
        (_KIND, action.kind.encode() + b"\0"),
        (mark_nested(_OPTIONS), encode_action_options(action.kind, action.options, program, device_index)),
    ]
    if action.cookie:
        attributes.append((_COOKIE, action.cookie))
    if action.flags:
        attributes.append((_FLAGS, _BITS.pack(action.flags, action.flags)))
    if action.hw_stats is not None:
        attributes.append((_HW_STATS, _BITS.pack(action.hw_stats, action.hw_stats)))
    return join_attributes(attributes)


def action_table(which: Iterable[tuple[str, int]]) -> bytes:
    """Return TCA_ROOT_TAB that names actions by kind and index; index 0 means all of the kind."""
    return join_attributes(
        (
            mark_nested(order),
            join_attributes([(_KIND, os.fsencode(kind) + b"\0"), *([(_INDEX, _NUMBER.pack(index))] if index else [])]),
        )
        for order, (kind, index) in enumerate(which, 1)
    )
