"""The selector of a ``u32`` filter: ``struct tc_u32_sel`` with its keys (include/uapi/linux/pkt_cls.h).

Layout, 16 bytes: ``flags u8, offshift u8, nkeys u8, pad u8, offmask be16, off u16, offoff s16, hoff s16, hmask be32``;
then for each key 16 bytes: ``mask be32, val be32, off s32, offmask s32``. Masks and values are numbers in network byte
order here.
"""

from __future__ import annotations

import struct

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

TERMINAL, OFFSET, VARIABLE_OFFSET, EAT = 1, 2, 4, 8
#: A key's ``offset_mask`` of -1: its place is relative to the header behind that of IP.
NEXT_HEADER = -1
_MOST_KEYS = 128

#: Host byte order but for the masks and values, which are big-endian on their own.
_HEADER, _NUMBERS = struct.Struct("=BBBx2sHhh4s"), struct.Struct("=4s4sii")


class Key(NamedTuple):
    """A match: the 32 bits at ``offset``, masked, are ``value``."""

    value: int
    mask: int
    offset: int
    offset_mask: int = 0


class Selector(NamedTuple):
    """A selector; ``flags`` are TC_U32_*.

    The next header begins ``plus`` bytes after this one, and as many as the 16 bits at ``offset_at``, masked and
    shifted. The bucket of the next table is chosen by the 32 bits at ``hash_at``.
    """

    flags: int = 0
    shift: int = 0
    offset_mask: int = 0
    plus: int = 0
    offset_at: int = 0
    hash_at: int = 0
    hash_mask: int = 0
    keys: tuple[Key, ...] = ()

    def pack(self) -> bytes:
        """Return the bytes that the kernel takes."""
        header = _HEADER.pack(
            self.flags,
            self.shift,
            len(self.keys),
            self.offset_mask.to_bytes(2, "big"),
            self.plus,
            self.offset_at,
            self.hash_at,
            self.hash_mask.to_bytes(4, "big"),
        )
        return header + b"".join(
            _NUMBERS.pack(key.mask.to_bytes(4, "big"), key.value.to_bytes(4, "big"), key.offset, key.offset_mask)
            for key in self.keys
        )

    @classmethod
    def unpack(cls, data: bytes) -> Selector | None:
        """Return the selector with its complete keys, None when the bytes are too few."""
        if len(data) < _HEADER.size:
            return None
        flags, shift, count, offset_mask, plus, offset_at, hash_at, hash_mask = _HEADER.unpack_from(data)
        positions = range(_HEADER.size, len(data) - _NUMBERS.size + 1, _NUMBERS.size)
        return cls(
            flags,
            shift,
            int.from_bytes(offset_mask, "big"),
            plus,
            offset_at,
            hash_at,
            int.from_bytes(hash_mask, "big"),
            tuple(_key(data, position) for position in positions[:count]),
        )


def _key(data: bytes, position: int) -> Key:
    mask, value, offset, offset_mask = _NUMBERS.unpack_from(data, position)
    return Key(int.from_bytes(value, "big"), int.from_bytes(mask, "big"), offset, offset_mask)


def make_key(value: int, mask: int, offset: int, bits: int, offset_mask: int = 0) -> Key:
    """Return a key for 8 or 16 bits that lie at ``offset``, within the 32 bits that hold them.

    For 16 bits at an odd offset, the low half is taken, as tc does. Raises ValueError when a number has more bits.
    """
    limit = 1 << bits
    if value >= limit or mask >= limit:
        raise ValueError(value)
    inside = offset & 3
    shift = 32 - bits - 8 * inside if bits == 8 else (0 if inside else 16)
    return Key(value << shift, mask << shift, offset & ~3, offset_mask)


def merge_keys(keys: Iterable[Key]) -> tuple[Key, ...]:
    """Return the keys with those of one offset merged.

    Raises ValueError, which says why, where two contradict each other, for an offset that is not a multiple of 4, and
    for more than 128.
    """
    merged: list[Key] = []
    for unmasked in keys:
        key = unmasked._replace(value=unmasked.value & unmasked.mask)
        number = next((number for number, other in enumerate(merged) if other[2:] == key[2:]), None)
        if number is not None:
            merged[number] = _merge(merged[number], key)
            continue
        if key.offset % 4:
            raise ValueError(f"the place {key.offset} is not a multiple of 4")
        if len(merged) == _MOST_KEYS:
            raise ValueError(f"there are more than {_MOST_KEYS}")
        merged.append(key)
    return tuple(merged)


def _merge(first: Key, second: Key) -> Key:
    if (first.value ^ second.value) & first.mask & second.mask:
        raise ValueError(f"two contradict each other at the place {first.offset}")
    return first._replace(value=first.value | second.value, mask=first.mask | second.mask)


def hash_bucket(key: Key, divisor: int) -> int:
    """Return the number of the bucket in which the kernel looks for packets that match a key."""
    shift = (key.mask & -key.mask).bit_length() - 1 if key.mask else 0
    return ((key.value & key.mask) >> shift) % divisor
