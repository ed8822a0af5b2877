"""The ``u32`` ematch: 32 bits in the packet, as in the filter of that name (tc-ematch(8); net/sched/em_u32.c)."""

from __future__ import annotations

import struct

from pytc.render.documents import Field
from pytc.tc.kinds.interface import EmatchKind
from pytc.tc.kinds.shared.ematch_arguments import number_of
from pytc.tc.kinds.shared.ematch_parts import SIZES
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.ematch_arguments import Arguments

#: struct tc_u32_key: mask and val in network byte order; off and offmask.
_BIG, _PLACE = struct.Struct(">II"), struct.Struct("=ii")
_NEXT_HEADER = "nexthdr+"
_U32 = 0xFFFFFFFF


def _parse(arguments: Arguments) -> bytes:
    size = SIZES.get(arguments.take().text)
    if size is None:
        return _parse_shown(arguments)
    key = arguments.take_number("invalid key, must be numeric", "missing key")
    mask = arguments.take_number("invalid mask, must be numeric", "missing mask")
    offset, offset_mask = _take_place(arguments)
    limit = (1 << 8 * size) - 1
    for name, number in (("key", key), ("mask", mask)):
        if number > limit:
            raise arguments.error(f"Illegal {name} (>{limit:#X})".replace("X", "x"), named=False)
    # as in tc, two bytes at an odd place are those at the next even one but for the last three
    shift = 24 - (offset & 3) * 8 if size == 1 else 16 if size == 2 and not offset & 3 else 0
    if size < 4:
        offset &= ~3
    elif offset % 4:
        raise arguments.error("invalid offset alignment, must be aligned to 4.")
    return _pack(key << shift, mask << shift, offset, offset_mask)


def _pack(key: int, mask: int, offset: int, offset_mask: int) -> bytes:
    return _BIG.pack(mask, key & mask) + _PLACE.pack(offset, offset_mask)


def _take_place(arguments: Arguments) -> tuple[int, int]:
    """Take ``at [nexthdr+]OFFSET`` and return the offset and the mask of what is added to it."""
    if arguments.take('missing "at"').text != "at":
        raise arguments.error('missing "at"')
    word, offset_mask = arguments.take("missing offset").text, 0
    if word == _NEXT_HEADER:
        # as in tc, two words mean the same as the number alone: only "nexthdr+4" is behind the next header
        word = arguments.take("missing offset").text
    elif word.startswith(_NEXT_HEADER):
        word, offset_mask = word.removeprefix(_NEXT_HEADER), -1
    offset = number_of(word)
    if offset is None:
        raise arguments.error("invalid offset")
    if not arguments.done:
        arguments.take()
        raise arguments.error("unexpected trailer")
    return offset - (1 << 32) if offset >> 31 else offset, offset_mask


def _parse_shown(arguments: Arguments) -> bytes:
    """Parse what is shown: ``VALUE/MASK at PLACE``."""
    key, slash, mask = arguments.items[0].text.partition("/")
    wrong = arguments.error("invalid alignment")
    if not slash:
        raise wrong
    number = unsigned(_U32, 16)
    try:
        value, bits = number(key), number(mask)
    except ValueError:
        raise wrong from None
    return _pack(value, bits, *_take_place(arguments))


def _show(data: bytes) -> Sequence[Part]:
    mask, value = _BIG.unpack_from(data)
    offset, offset_mask = _PLACE.unpack_from(data, _BIG.size)
    before = _NEXT_HEADER if offset_mask else ""
    return [
        Field("value", f"{value:08x}", f"{value:08x}/"),
        Field("mask", f"{mask:08x}", f"{mask:08x} "),
        Field("at", offset, f"at {before}{offset}"),
        *([Field("nexthdr", True)] if offset_mask else []),
    ]


KIND = EmatchKind("u32", 3, _parse, _show, "Usage: u32({ u8 | u16 | u32 } VALUE MASK at [nexthdr+]OFFSET)")
