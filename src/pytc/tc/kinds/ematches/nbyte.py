"""The ``nbyte`` ematch: bytes in the packet (tc-ematch(8); include/uapi/linux/tc_ematch/tc_em_nbyte.h)."""

from __future__ import annotations

import struct

from pytc.render.documents import Field
from pytc.tc.kinds.interface import EmatchKind
from pytc.tc.kinds.shared.ematch_parts import LAYER_NETWORK, printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.ematch_arguments import Arguments

#: struct tcf_em_nbyte: off, len (low 12 bits) and layer.
_NBYTE = struct.Struct("=HH")
_LONGEST = 0xFFF


def _parse(arguments: Arguments) -> bytes:
    needle = _shown_needle(arguments)
    if needle is None:
        needle = arguments.take().data
        if not needle:
            raise arguments.error("needle length is 0")
    if len(needle) > _LONGEST:
        raise arguments.error(f"needle length is {len(needle)}, and {_LONGEST} are the most")
    offset, layer = None, LAYER_NETWORK
    while not arguments.done:
        word = arguments.take().text
        if word == "at":
            offset = arguments.take_number("invalid offset, must be numeric") & 0xFFFF
        elif word == "layer":
            layer = arguments.take_layer()
        else:
            raise arguments.error("unknown parameter")
    if offset is None:
        raise arguments.error("offset required")
    return _NBYTE.pack(offset, len(needle) | layer << 12) + needle


def _shown_needle(arguments: Arguments) -> bytes | None:
    """Take a needle as it is shown, ``61 62 "ab"``, and return its bytes; None for any other."""
    count = next((at for at, item in enumerate(arguments.items) if item.is_quoted), 0)
    try:
        data = bytes.fromhex(" ".join(item.text for item in arguments.items[:count]))
    except ValueError:
        return None
    if not count or len(data) != count or not all(len(item.data) == 2 for item in arguments.items[:count]):
        return None
    for _ in range(count + 1):
        arguments.take()
    return data


def _show(data: bytes) -> Sequence[Part]:
    offset, length = _NBYTE.unpack_from(data)
    needle = data[_NBYTE.size : _NBYTE.size + (length & _LONGEST)]
    if len(needle) < length & _LONGEST:
        raise ValueError("the needle is cut off")
    layer = length >> 12
    return [
        Field("needle", needle.hex(), "".join(f"{byte:02x} " for byte in needle) + f'"{printable(needle)}" '),
        Field("at", offset, f"at {offset} "),
        Field("layer", layer, f"layer {layer}"),
    ]


KIND = EmatchKind("nbyte", 2, _parse, _show, 'Usage: nbyte({ WORD | "TEXT" } at OFFSET [ layer LAYER ])')
