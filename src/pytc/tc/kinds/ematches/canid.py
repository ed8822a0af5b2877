"""The ``canid`` ematch: identifiers of CAN frames (tc-ematch(8); include/uapi/linux/can.h, net/sched/em_canid.c)."""

from __future__ import annotations

import struct

from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.interface import EmatchKind
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.ematch_arguments import Arguments

#: struct can_filter: can_id, can_mask.
_RULE = struct.Struct("=II")
#: CAN_EFF_FLAG, CAN_EFF_MASK, CAN_SFF_MASK.
_EXTENDED, _LONG, _SHORT = 0x80000000, 0x1FFFFFFF, 0x7FF
_FORMATS = {"sff": (0, _SHORT), "eff": (_EXTENDED, _LONG)}
_MOST = 400
_U32 = 0xFFFFFFFF


def _parse(arguments: Arguments) -> bytes:
    rules = []
    number = unsigned(_U32, 16)
    while not arguments.done:
        word = arguments.take().text
        if word not in _FORMATS:
            raise arguments.error("invalid key")
        flag, mask = _FORMATS[word]
        identifier, colon, bits = arguments.take().text.partition(":")
        try:
            rules.append(_RULE.pack(number(identifier) | flag, (number(bits) if colon else mask) | _EXTENDED))
        except ValueError:
            raise arguments.error("Improperly formed CAN ID & mask") from None
    if len(rules) > _MOST:
        raise arguments.error("Too many arguments on input")
    return b"".join(rules)


def _show(data: bytes) -> Sequence[Part]:
    rules = [_rule(*rule) for rule in _RULE.iter_unpack(data[: len(data) // _RULE.size * _RULE.size])]
    return [ArrayField("rules", [[*([Field("", text=" ")] if at else []), *rule] for at, rule in enumerate(rules)])]


def _rule(identifier: int, mask: int) -> Sequence[Part]:
    name = "eff" if identifier & _EXTENDED else "sff"
    _, whole = _FORMATS[name]
    fields = [Field(name, f"{identifier & whole:#x}", f"{name} 0x{identifier & whole:X}")]
    if mask != _EXTENDED | whole:
        fields.append(Field("mask", f"{mask & whole:#x}", f":0x{mask & whole:X}"))
    return fields


KIND = EmatchKind("canid", 7, _parse, _show, "Usage: canid({ sff | eff } ID[:MASK] ...)")
