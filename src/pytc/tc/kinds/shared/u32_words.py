"""``match``, ``sample``, ``offset`` and ``hashkey`` of ``u32`` filters in words (tc-u32(8))."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError, UsageError
from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix, parse_ipv6_prefix
from pytc.tc.kinds.shared.u32_selector import (
    EAT,
    NEXT_HEADER,
    OFFSET,
    VARIABLE_OFFSET,
    Key,
    Selector,
    hash_bucket,
    make_key,
    merge_keys,
)
from pytc.typing import NamedTuple
from pytc.words.engine import choose, is_one_of, matches, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.words.engine import Converter, Cursor

_U32, _INT = 0xFFFFFFFF, 0x7FFFFFFF
_VALUE, _MASK, _PLACE = unsigned(_U32), unsigned(_U32, 16), signed(_INT)
_FULL_BYTE = 0xFF
#: struct tc_u32_mark: val, mask, success, u32 each.
_MARK = struct.Struct("=III")
_LARGEST_DIVISOR = 256

#: The protocols in the order in which abbreviations are tried.
_PROTOCOLS = ("u32", "u16", "u8", "ip", "ip6", "udp", "tcp", "icmp", "mark", "ether")


class _Row(NamedTuple):
    """A field of a header: how many bits at which place, and TC_U32's offset mask. ``prefix`` are the letters that it
    may be shortened to."""

    bits: int
    offset: int
    offset_mask: int = 0
    shortened: bool = False


_IP = {
    "tos": _Row(8, 1),
    "dsfield": _Row(8, 1, shortened=True),
    "precedence": _Row(8, 1, shortened=True),
    "ihl": _Row(8, 0),
    "protocol": _Row(8, 9),
    "dport": _Row(16, 22),
    "sport": _Row(16, 20),
    "icmp_type": _Row(8, 20),
    "icmp_code": _Row(8, 21),
}
#: As in tc, the code of ICMPv6 has an offset mask of 1.
_IP6 = {
    "protocol": _Row(8, 6),
    "flowlabel": _Row(32, 0),
    "dport": _Row(16, 42),
    "sport": _Row(16, 40),
    "icmp_type": _Row(8, 40),
    "icmp_code": _Row(8, 41, 1),
}
_PORTS = {"src": _Row(16, 0, NEXT_HEADER), "dst": _Row(16, 2, NEXT_HEADER)}
_ICMP = {"type": _Row(8, 0, NEXT_HEADER), "code": _Row(8, 1, NEXT_HEADER)}
_HEADERS = {"ip": _IP, "ip6": _IP6, "udp": _PORTS, "tcp": _PORTS, "icmp": _ICMP}
_FRAGMENTS = {"nofrag": (0, 0x3FFF), "firstfrag": (0x2000, 0x3FFF), "df": (0x4000, 0x4000), "mf": (0x2000, 0x2000)}
_FLAGS_AT = 6
_ADDRESSES = {"ip": {"src": 12, "dst": 16}, "ip6": {"src": 8, "dst": 24}, "ether": {"src": -8, "dst": -14}}
_CLASS_SHIFT = 20


class Match(NamedTuple):
    """The keys of one ``match``, or the bytes of TCA_U32_MARK."""

    keys: tuple[Key, ...] = ()
    mark: bytes = b""


class TableBucket(NamedTuple):
    """A table with a bucket, from one word ``ht`` or ``sample``; None for the part that it leaves open."""

    table: int | None
    bucket: int | None


def read_match(cursor: Cursor) -> Match:
    """Parse the words after ``match``; raises InvalidOptionsError, UsageError at their end."""
    return _selector(cursor, "match")


def _selector(cursor: Cursor, word: str) -> Match:
    spelled = cursor.take()
    protocol = choose(spelled, _PROTOCOLS)
    if not protocol:
        expected = f'at "{spelled}"; one of {", ".join(_PROTOCOLS)} expected'
        raise InvalidOptionsError(f'Illegal "{word}"', hints=(expected,))
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    try:
        if protocol == "mark":
            return Match(mark=_mark(cursor))
        return Match(_keys(protocol, cursor))
    except ValueError as error:
        named = str(error)
        hint = f'at "{named}"' if named else f'words are missing behind "{spelled}"'
        raise InvalidOptionsError(f'Illegal "{word}"', hints=(hint,)) from None


def _keys(protocol: str, cursor: Cursor) -> tuple[Key, ...]:
    if protocol in ("u32", "u16", "u8"):
        return (_number_key(cursor, _Row(int(protocol[1:]), 0)),)
    field = _next(cursor)
    addresses = _ADDRESSES.get(protocol, {})
    if is_one_of(field, addresses):
        return _address_keys(protocol, cursor, addresses[field])
    if protocol == "ether":
        raise InvalidOptionsError(f"Unknown match: ether {field}")
    if protocol == "ip" and is_one_of(field, _FRAGMENTS):
        return (make_key(*_FRAGMENTS[field], _FLAGS_AT, 16),)
    if protocol == "ip6" and field == "priority":
        value, mask = _value_and_mask(cursor, _FULL_BYTE)
        return (Key(value << _CLASS_SHIFT, mask << _CLASS_SHIFT, 0),)
    rows = _HEADERS[protocol]
    name = next((name for name, row in rows.items() if matches(field, name, exact=not row.shortened)), "")
    if not name:
        raise ValueError(field)
    return (_number_key(cursor, rows[name]),)


def _next(cursor: Cursor) -> str:
    """Take the next word; where there is none, tc blames the match."""
    if cursor.done:
        raise ValueError("")
    return cursor.take()


def _convert(cursor: Cursor, convert: Converter) -> int:
    word = _next(cursor)
    try:
        return int(convert(word))
    except ValueError:
        raise ValueError(word) from None


def _value_and_mask(cursor: Cursor, limit: int) -> tuple[int, int]:
    """Take a value and its mask, which is always hex."""
    value, mask = _convert(cursor, _VALUE), _convert(cursor, _MASK)
    if value > limit or mask > limit:
        raise ValueError(f"{value:#x} {mask:#x}")
    return value, mask


def _number_key(cursor: Cursor, row: _Row) -> Key:
    value, mask = _value_and_mask(cursor, (1 << row.bits) - 1)
    offset, offset_mask = _take_offset(cursor, row.offset, row.offset_mask)
    return (
        Key(value, mask, offset, offset_mask)
        if row.bits == 32
        else make_key(value, mask, offset, row.bits, offset_mask)
    )


def _take_offset(cursor: Cursor, offset: int, offset_mask: int = 0) -> tuple[int, int]:
    """Take the offset after the word ``at``; return the given one where another word comes next."""
    if cursor.peek() != "at":
        return offset, offset_mask
    cursor.take()
    word = cursor.take()
    ahead = word.removeprefix("nexthdr+")
    if ahead and ahead != word:
        return _take_place(ahead), NEXT_HEADER
    if matches(word, "nexthdr+"):
        return _take_place(cursor.take()), NEXT_HEADER
    return _take_place(word), offset_mask


def _take_place(word: str) -> int:
    try:
        return int(_PLACE(word))
    except ValueError:
        raise ValueError(word) from None


def _address_keys(protocol: str, cursor: Cursor, offset: int) -> tuple[Key, ...]:
    word = _next(cursor)
    if protocol == "ether":
        address = _ethernet(word)
        offset, offset_mask = _take_offset(cursor, offset)
        return tuple(make_key(byte, _FULL_BYTE, offset + number, 8, offset_mask) for number, byte in enumerate(address))
    try:
        number, length = (parse_ipv4_prefix if protocol == "ip" else parse_ipv6_prefix)(word)
    except ValueError as error:
        raise ValueError(str(error) or word) from None
    offset, offset_mask = _take_offset(cursor, offset)
    if protocol == "ip":
        return (Key(number, _U32 << 32 - length & _U32, offset, offset_mask),)
    return tuple(
        Key(number >> 96 - start & _U32, _U32 << max(0, 32 - length + start) & _U32, offset + start // 8, offset_mask)
        for start in range(0, length, 32)
    )


def _ethernet(word: str) -> bytes:
    parts = word.split(":")
    if len(parts) != 6 or not all(0 < len(part) < 3 and part.isalnum() for part in parts):
        raise InvalidOptionsError(f"parse_ether_addr: improperly formed address '{word}'")
    try:
        return bytes(int(part, 16) for part in parts)
    except ValueError:
        raise InvalidOptionsError(f"parse_ether_addr: improperly formed address '{word}'") from None


def _mark(cursor: Cursor) -> bytes:
    word = cursor.take()
    if cursor.done:
        raise UsageError('Error: argument "mark" is required', hints=("a mark has a mask: match mark 1 0xffffffff",))
    mask_word = cursor.take()
    numbers = []
    for name, text in (("value", word), ("mask", mask_word)):
        try:
            numbers.append(int(_VALUE(text)))
        except ValueError:
            raise InvalidOptionsError(f'Illegal "mark" {name}', hints=(f'the value is "{text}"',)) from None
    value, mask = numbers
    if value & ~mask:
        raise InvalidOptionsError('Illegal "mark" (impossible combination)')
    return _MARK.pack(value, mask, 0)


def all_keys(matches: Sequence[Match]) -> tuple[Key, ...]:
    """Return the keys of all words ``match``; raises InvalidOptionsError."""
    try:
        return merge_keys(key for match in matches for key in match.keys)
    except ValueError as error:
        raise InvalidOptionsError('Illegal "match"', hints=(str(error),)) from None


def read_sample(cursor: Cursor) -> TableBucket:
    """Parse the words after ``sample``: what a packet of the bucket has, and how many buckets there are."""
    keys = all_keys([_selector(cursor, "sample")])
    if len(keys) != 1:
        raise InvalidOptionsError('"sample" must contain exactly ONE key.')
    divisor = _LARGEST_DIVISOR
    if cursor.peek() == "divisor":
        cursor.take()
        word = cursor.take()
        try:
            divisor = parse_divisor(word)
        except ValueError:
            raise InvalidOptionsError('Illegal sample "divisor"', hints=(f'the value is "{word}"',)) from None
    return TableBucket(None, hash_bucket(keys[0], divisor))


def parse_divisor(word: str) -> int:
    """Return a power of two up to 256; raises ValueError."""
    number = int(unsigned(_LARGEST_DIVISOR)(word))
    if not number or number & number - 1:
        raise ValueError(word)
    return number


def read_offset(cursor: Cursor) -> Selector:
    """Parse the words after ``offset``, as far as they go, and return a selector with nothing else.

    Raises InvalidOptionsError.
    """
    selector = Selector()
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    while name := choose(cursor.peek(), ("plus", "at", "mask", "shift", "eat")):
        cursor.take()
        if name == "eat":
            selector = selector._replace(flags=selector.flags | EAT)
        elif name == "plus":
            selector = selector._replace(flags=selector.flags | OFFSET, plus=_value(cursor, unsigned(0xFFFF), "offset"))
        elif name == "mask":
            selector = selector._replace(
                flags=selector.flags | VARIABLE_OFFSET, offset_mask=_value(cursor, unsigned(0xFFFF, 16), "offset")
            )
        elif name == "shift":
            selector = selector._replace(
                flags=selector.flags | VARIABLE_OFFSET, shift=_value(cursor, unsigned(0xFF), "offset")
            )
        else:
            selector = selector._replace(flags=selector.flags | VARIABLE_OFFSET, offset_at=_even(cursor))
    return selector


def _even(cursor: Cursor) -> int:
    number = _value(cursor, signed(0x7FFF), "offset")
    if number % 2:
        raise InvalidOptionsError('offset "at" must be even')
    return number


def read_hashkey(cursor: Cursor) -> tuple[int | None, int | None]:
    """Parse the words after ``hashkey``, as far as they go, and return (mask, offset); raises InvalidOptionsError."""
    mask, offset = None, None
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    while name := choose(cursor.peek(), ("mask", "at")):
        cursor.take()
        if name == "mask":
            mask = _value(cursor, _MASK, "hashkey")
            continue
        offset = _value(cursor, signed(0x7FFF), "hashkey")
        if offset % 4:
            raise InvalidOptionsError('Illegal "hashkey"', hints=(f'"at" must be a multiple of 4, not "{offset}"',))
    return mask, offset


def _value(cursor: Cursor, convert: Converter, name: str) -> int:
    word = cursor.take()
    try:
        return int(convert(word))
    except ValueError:
        raise InvalidOptionsError(f'Illegal "{name}"', hints=(f'the value is "{word}"',)) from None
