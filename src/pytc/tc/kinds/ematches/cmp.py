"""The ``cmp`` ematch: a number in the packet (tc-ematch(8); include/uapi/linux/tc_ematch/tc_em_cmp.h)."""

from __future__ import annotations

import struct

from pytc.render.documents import Field
from pytc.tc.kinds.interface import EmatchKind
from pytc.tc.kinds.shared.ematch_parts import LAYER_NETWORK, OPERANDS, SIZES, operand_field, signed_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.ematch_arguments import Arguments

#: struct tcf_em_cmp: val, mask, off, align (low 4 bits) and flags, layer (low 4 bits) and opnd.
_CMP = struct.Struct("=IIHBB")
#: TCF_EM_CMP_TRANS.
_TRANS = 1
_ALIGNMENTS = {size: name for name, size in SIZES.items()}


def _parse(arguments: Arguments) -> bytes:
    size = SIZES.get(arguments.take().text)
    if size is None:
        raise arguments.error("invalid alignment")
    offset = value = None
    layer, mask, flags, operand = LAYER_NETWORK, 0, 0, 0
    while not arguments.done:
        word = arguments.take().text
        if word == "at":
            offset = arguments.take_number("invalid offset, must be numeric") & 0xFFFF
        elif word == "layer":
            layer = arguments.take_layer()
        elif word == "mask":
            mask = arguments.take_number("invalid mask")
        elif word == "trans":
            flags = _TRANS
        elif word in OPERANDS:
            operand, value = OPERANDS[word], arguments.take_number("invalid value")
        else:
            raise arguments.error("nbyte: unknown parameter", named=False)  # tc's words, also here
    if offset is None or value is None:
        raise arguments.error("offset and value required")
    return _CMP.pack(value, mask, offset, size | flags << 4, layer | operand << 4)


def _show(data: bytes) -> Sequence[Part]:
    value, mask, offset, size, layer = _CMP.unpack_from(data)
    fields: list[Part] = []
    if name := _ALIGNMENTS.get(size & 0xF, ""):
        fields.append(Field("align", name, f"{name} "))
    fields.append(Field("at", offset, f"at {offset} "))
    fields.append(Field("layer", layer & 0xF, f"layer {layer & 0xF} "))
    if mask:
        fields.append(Field("mask", f"{mask:#x}", f"mask {mask:#x} "))
    if size >> 4 & _TRANS:
        fields.append(Field("trans", True, "trans "))
    return [*fields, *operand_field(layer >> 4), Field("value", value, signed_text(value))]


KIND = EmatchKind(
    "cmp",
    1,
    _parse,
    _show,
    "Usage: cmp({ u8 | u16 | u32 } at OFFSET [ layer LAYER ] [ mask MASK ] [ trans ] { eq | lt | gt } VALUE)",
)
