"""Words behind ``munge``, which say what ``pedit`` changes (tc-pedit(8))."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix, parse_ipv6_prefix, parse_mac
from pytc.typing import NamedTuple
from pytc.words.engine import choose, matches, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pytc.words.engine import Cursor

_U32 = 0xFFFFFFFF
_MOST = 0x7FFFFFFF
if TYPE_CHECKING:
    #: Which form a value has: a number, an address of IPv4 or IPv6, one of Ethernet.
    _Value = Literal["number", "ipv4", "ipv6", "mac"]


class Key(NamedTuple):
    """32 bits of a packet that are changed: struct tc_pedit_key."""

    mask: bytes
    value: bytes
    offset: int
    at: int = 0
    offmask: int = 0
    shift: int = 0


class Munge(NamedTuple):
    """A field that is changed, of one or more keys.

    ``header`` is that of enum pedit_header_type, from which offsets count with ``ex``; without, they count from the
    network header. ``adds`` says that the value is added, not set. ``mode`` is "ex" or "plain" for a field that only
    one of them has. ``name`` is for messages.
    """

    keys: tuple[Key, ...]
    header: int
    adds: bool
    mode: Literal["", "ex", "plain"]
    name: str


class _Place(NamedTuple):
    """The position of a field: its offset and size in bytes.

    ``retain`` has the bits of it that can change. ``decrements`` says whether there is a command for one less.
    ``left`` is how far it is shifted to the left in its key.
    """

    offset: int
    size: int
    retain: int = _U32
    value: _Value = "number"
    exact: bool = True
    decrements: bool = False
    plain: bool = False
    left: int = 0


class _Change(NamedTuple):
    """A change of a field: bytes that are set or added, those that stay, and bits of these that can change."""

    value: bytes
    stays: bytes
    retain: int
    adds: bool


_IP = {
    "src": _Place(12, 4, value="ipv4"),
    "dst": _Place(16, 4, value="ipv4"),
    "tos": _Place(1, 1, 0xFF),
    "dsfield": _Place(1, 1, 0xFF, exact=False),
    "ihl": _Place(0, 1, 0x0F),
    "ttl": _Place(8, 1, 0xFF, decrements=True),
    "protocol": _Place(9, 1, 0xFF),
    "precedence": _Place(1, 1, 0xFF, exact=False),
    "nofrag": _Place(6, 1, 0x3F),
    "firstfrag": _Place(6, 1, 0x1F),
    "ce": _Place(6, 1, 0x80),
    "df": _Place(6, 1, 0x40),
    "mf": _Place(6, 1, 0x20),
    "dport": _Place(22, 2, 0xFFFF, plain=True),
    "sport": _Place(20, 2, 0xFFFF, plain=True),
    "icmp_type": _Place(20, 1, 0xFF, plain=True),
    "icmp_code": _Place(20, 1, 0xFF, plain=True),
}
_IP6 = {
    "src": _Place(8, 16, value="ipv6"),
    "dst": _Place(24, 16, value="ipv6"),
    "flow_lbl": _Place(0, 4, 0x0007FFFF),
    "payload_len": _Place(4, 2, 0xFFFF),
    "nexthdr": _Place(6, 1, 0xFF),
    "hoplimit": _Place(7, 1, 0xFF, decrements=True),
    "traffic_class": _Place(1, 1, 0xFF, left=4),
}
_PORTS = {"sport": _Place(0, 2, 0xFFFF), "dport": _Place(2, 2, 0xFFFF)}
_ETH = {"type": _Place(12, 2, 0xFFFF), "dst": _Place(0, 6, value="mac"), "src": _Place(6, 6, value="mac")}
#: Headers by their words: TCA_PEDIT_KEY_EX_HDR_TYPE_*, and their fields in the order in which abbreviations are tried.
_HEADERS = {
    "ip": (2, _IP),
    "ip6": (3, _IP6),
    "eth": (1, _ETH),
    "tcp": (4, {**_PORTS, "flags": _Place(13, 1, 0xFF)}),
    "udp": (5, _PORTS),
}
_SIZES = {"u32": 4, "u16": 2, "u8": 1}
_CHANGES = ("invert", "set", "add", "decrement", "preserve", "clear")


def take_munge(cursor: Cursor) -> Munge:
    """Take what follows ``munge``; raises InvalidOptionsError, UsageError."""
    word = cursor.take()
    if matches(word, "offset"):
        return _raw(cursor)
    header = next((name for name in _HEADERS if word == name), "")
    if not header:
        raise _unparsable(f'"{word}" is none of offset, {", ".join(_HEADERS)}')
    number, fields = _HEADERS[header]
    word = cursor.take()
    field = next((name for name, place in fields.items() if matches(word, name, exact=place.exact)), "")
    if not field:
        raise _unparsable(f'{header} has no field "{word}"; it has {", ".join(fields)}')
    place, name = fields[field], f"{header} {field}"
    try:
        change = _change(cursor, place)
        keys = _keys(place, change)
    except ValueError as error:
        raise _unparsable(f"{name}: {error}") from None
    if place.left:
        keys = [_shifted(key, place.left) for key in keys]
    mode: Literal["", "ex", "plain"] = "" if header == "ip" else "ex"
    return Munge(tuple(keys), number, change.adds, "plain" if place.plain else mode, name)


def _unparsable(reason: str) -> InvalidOptionsError:
    return InvalidOptionsError(f"bad pedit parsing: {reason}")


def _raw(cursor: Cursor) -> Munge:
    """Take a field that is given by offset and size."""
    word = cursor.take()
    try:
        offset = signed(_MOST)(word) & _U32
    except ValueError:
        raise InvalidOptionsError(f"Bad pedit construct ({word}): the offset is a number of bytes") from None
    size = _SIZES.get(choose(cursor.peek(), tuple(_SIZES)), 0)
    if not size:
        named = f', not "{cursor.peek()}"' if not cursor.done else ""
        raise InvalidOptionsError(f"Bad pedit construct ({word}): u32, u16 or u8 expected{named}")
    cursor.take()
    place = _Place(offset, size, (1 << 8 * size) - 1)
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    try:
        at = _take_at(cursor)
    except ValueError as error:
        raise InvalidOptionsError(f"Bad pedit construct ({word}): {error}") from None
    start = cursor.peek()
    try:
        change = _change(cursor, place)
        keys = [key._replace(at=at[0], offmask=at[1], shift=at[2]) for key in _keys(place, change)]
    except ValueError as error:
        raise InvalidOptionsError(f"Bad pedit construct ({start}): {error}") from None
    return Munge(tuple(keys), 0, change.adds, "", f"offset {word}")


def _take_at(cursor: Cursor) -> tuple[int, int, int]:
    """Take where the packet has something to add to the offset, its mask and shift; raises ValueError, UsageError.

    The words before mask and shift are those of tc-pedit(8); tc takes none.
    """
    if not matches(cursor.peek(), "at"):
        return 0, 0, 0
    cursor.take()
    numbers = []
    for name, base in (("at", 0), ("offmask", 16), ("shift", 0)):
        if name != "at" and cursor.peek() == name:
            cursor.take()
        word = cursor.take()
        try:
            numbers.append(unsigned(_U32, base)(word))
        except ValueError:
            raise ValueError(f'"{word}" is not a number') from None
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    return numbers[0], numbers[1], numbers[2]


def _change(cursor: Cursor, place: _Place) -> _Change:
    """Take the command and what may stand behind it; raises ValueError, UsageError."""
    word = cursor.peek()
    command = choose(word, _CHANGES)
    if not command:
        instead = f', not "{word}"' if word else ""
        raise ValueError(f"{', '.join(_CHANGES)} expected{instead}")
    cursor.take()
    ones, zeros, retain = b"\xff" * place.size, bytes(place.size), place.retain
    value, stays = zeros, zeros
    if command == "invert" and place.size > 4:
        value = b"\xff".ljust(place.size, b"\0")  # as tc does, which the kernel's tests insist on (tc-testing, 918d)
    elif command == "invert":
        value = stays = ones
    elif command in ("set", "add"):
        value = _value(cursor.take(), place)
    elif command == "decrement":
        if not place.decrements:
            raise InvalidOptionsError("decrement command is not supported for this field")
        value = ones  # overflows
    elif command == "preserve":
        retain = 0
    if not cursor.done and matches(cursor.peek(), "retain"):
        cursor.take()
        word = cursor.take()
        try:
            retain = unsigned(_U32)(word)
        except ValueError:
            raise ValueError(f'retain takes a number, not "{word}"') from None
    if place.size > 4 and retain != _U32:
        raise InvalidOptionsError("retain is not supported for fields longer the 32 bits")
    return _Change(value, stays, retain, command in ("add", "decrement"))


def _value(word: str, place: _Place) -> bytes:
    """Return a value in network byte order; raises ValueError, InvalidOptionsError."""
    if place.value == "mac" and not all(_is_byte(part) for part in word.split(":")):
        raise InvalidOptionsError(f'"{word}" is invalid lladdr.')
    try:
        if place.value == "mac":
            return parse_mac(word)
        if place.value == "ipv4":
            return parse_ipv4_prefix(word)[0].to_bytes(4, "big")
        if place.value == "ipv6":
            return parse_ipv6_prefix(word)[0].to_bytes(16, "big")
        number = int(unsigned(_U32)(word))
    except ValueError:
        raise ValueError(f'"{word}" is no value for it') from None
    if number >> 8 * place.size:
        shown = f"pack_key{8 * place.size} bad value"
        raise InvalidOptionsError(f"{shown} (val {number:x} mask 0" if place.size == 1 else f"{shown}: {word}")
    return number.to_bytes(place.size, "big")


def _is_byte(digits: str) -> bool:
    try:
        unsigned(0xFF, 16)(digits)
    except ValueError:
        return False
    return True


def _keys(place: _Place, change: _Change) -> list[Key]:
    """Return the keys of a field: of each 32 bits of the packet that it has a part of."""
    before = place.offset & 3
    if place.size == 4 and before:
        raise InvalidOptionsError("pack_key32: 32 bit offsets must begin in 32bit boundaries")
    if place.size == 2 and before == 3:
        raise InvalidOptionsError("pack_key16 bad index value 3")
    behind = -(before + place.size) & 3
    offset = place.offset - before
    if place.size <= 4:
        shift, ones = 8 * behind, (1 << 8 * place.size) - 1
        value = (int.from_bytes(change.value, "big") & change.retain) << shift
        # As in tc, bits of the retained mask that the field lacks count as those of the field's neighbours.
        stays = ((int.from_bytes(change.stays, "big") | ~change.retain) << shift) | (_U32 ^ ones << shift)
        return [Key((stays & _U32).to_bytes(4, "big"), (value & _U32).to_bytes(4, "big"), offset)]
    values = bytes(before) + change.value + bytes(behind)
    masks = b"\xff" * before + change.stays + b"\xff" * behind
    return [Key(masks[at : at + 4], values[at : at + 4], offset + at) for at in range(0, len(values), 4)]


def _shifted(key: Key, bits: int) -> Key:
    """Return a key for a field that begins so many bits before its byte ends."""
    mask, value = (int.from_bytes(raw, "big") << bits & _U32 for raw in (key.mask, key.value))
    low = (1 << bits) - 1
    return key._replace(mask=(mask | low).to_bytes(4, "big"), value=value.to_bytes(4, "big"))
