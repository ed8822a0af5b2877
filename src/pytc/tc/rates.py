"""Rates, sizes, times and percentages as tc writes them (tc(8), PARAMETERS).

Rates are bytes per second here, sizes bytes, times microseconds or nanoseconds. The arithmetic is that of C doubles and
truncation, so that the kernel gets the same numbers as from tc. Where a number does not fit, tc keeps its low bits, and
these functions raise ValueError.
"""

from __future__ import annotations

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_MAX_U64 = 2**64 - 1
_MAX_U32 = 2**32 - 1
_MAX_S64 = 2**63 - 1
_DIGITS, _HEX_DIGITS = frozenset("0123456789"), frozenset("0123456789abcdefABCDEF")

_SCALES = {
    "": 1,
    "k": 1000,
    "ki": 1024,
    "m": 1000**2,
    "mi": 1024**2,
    "g": 1000**3,
    "gi": 1024**3,
    "t": 1000**4,
    "ti": 1024**4,
}
#: Bits in a unit.
_RATE_UNITS = {
    "": 1,
    **{f"{prefix}bit": scale for prefix, scale in _SCALES.items()},
    **{f"{prefix}bps": 8 * scale for prefix, scale in _SCALES.items()},
}
#: Bytes in a unit; all prefixes are binary here, even those of bits.
_SIZE_UNITS = {
    "": 1,
    "b": 1,
    "k": 1024,
    "kb": 1024,
    "kbit": 1024 // 8,
    "m": 1024**2,
    "mb": 1024**2,
    "mbit": 1024**2 // 8,
    "g": 1024**3,
    "gb": 1024**3,
    "gbit": 1024**3 // 8,
}
_MICROSECONDS, _NANOSECONDS = 10**6, 10**9
_TIME_UNITS = {
    f"{unit}{ending}": scale
    for unit, scale in (("", _MICROSECONDS), ("m", 1000), ("u", 1))
    for ending in ("s", "sec", "secs")
} | {"": 1}
#: Nanoseconds in a unit.
_TIME64_UNITS = {
    f"{unit}{ending}": scale
    for unit, scale in (("", _NANOSECONDS), ("m", 10**6), ("u", 1000), ("n", 1))
    for ending in ("s", "sec", "secs")
} | {"": 1}

_KIBI, _MEBI, _GIBI = 1024, 1024**2, 1024**3


class PercentRate(NamedTuple):
    """A part of the speed of the device, 0 to 1."""

    share: float

    def of(self, megabits: int) -> int:
        """Return bytes per second, for a speed in Mbit/s."""
        return int(float(f"{self.share * megabits * 1000 * 1000:f}") / 8)


def parse_rate(word: str) -> int:
    """Return bytes per second of ``1mbit``, ``1.5kbps``, or bits per second without a unit; raises ValueError."""
    number, bits = _split(word, _RATE_UNITS)
    return _whole(number * bits / 8, _MAX_U64, word)


def parse_size(word: str) -> int:
    """Return bytes of ``15k``, ``1mb``, ``8kbit``, or bytes without a unit; raises ValueError."""
    number, scale = _split(word, _SIZE_UNITS)
    return _whole(number * scale, _MAX_U32, word)


def parse_size64(word: str) -> int:
    """Return bytes as :func:`parse_size` does, of 64 bits."""
    number, scale = _split(word, _SIZE_UNITS)
    return _whole(number * scale, _MAX_U64, word)


def parse_time(word: str) -> int:
    """Return microseconds of ``10ms``, ``1.5s``, ``7us``, or of microseconds without a unit; raises ValueError."""
    number, scale = _split(word, _TIME_UNITS)
    return _whole(number * scale, _MAX_U32, word)


def parse_time64(word: str) -> int:
    """Return nanoseconds of ``10ms``, ``1.5s``, ``800ns``, or of nanoseconds without a unit; raises ValueError."""
    number, scale = _split(word, _TIME64_UNITS)
    return _whole(number * scale, _MAX_S64, word)


def parse_percent(word: str) -> float:
    """Return 0 to 1 for ``0`` to ``100``, with or without ``%``; raises ValueError."""
    number, rest = split_number(word)
    if rest not in ("", "%") or not 0 <= number / 100 <= 1:
        raise ValueError(word)
    return number / 100


def format_rate(rate: int, *, iec: bool = False) -> str:
    """Return a rate in the largest unit that is exact, or that leaves no more than six digits.

    ``iec`` counts in powers of 1024.
    """
    bits, kilo, binary = rate * 8, 1024 if iec else 1000, "i" if iec else ""
    for unit in ("", "K", "M", "G"):
        if bits < kilo or (bits % kilo and bits < 1000 * kilo):
            return f"{bits}{unit}{binary if unit else ''}bit"
        bits //= kilo
    return f"{bits}T{binary}bit"


def format_size(size: int) -> str:
    """Return a size in Kb, Mb or Gb where it is close to a whole number of them, else in bytes."""
    if size >= _GIBI and abs(_GIBI * round(size / _GIBI) - size) < _KIBI:  # tc 6.1 knows no Gb
        return f"{round(size / _GIBI)}Gb"
    if size >= _MEBI and abs(_MEBI * round(size / _MEBI) - size) < _KIBI:
        return f"{round(size / _MEBI)}Mb"
    if size >= _KIBI and abs(_KIBI * round(size / _KIBI) - size) < 16:
        return f"{round(size / _KIBI):g}Kb"
    return f"{size}b"


def format_time(microseconds: int) -> str:
    """Return microseconds in seconds or milliseconds with three digits, else in microseconds."""
    if microseconds >= _MICROSECONDS:
        return f"{microseconds / _MICROSECONDS:.3g}s"
    return f"{microseconds / 1000:.3g}ms" if microseconds >= 1000 else f"{microseconds}us"


def format_time64(nanoseconds: int) -> str:
    """Return nanoseconds in seconds, milliseconds or microseconds with three digits, else in nanoseconds."""
    for unit, scale in (("s", _NANOSECONDS), ("ms", 10**6), ("us", 1000)):
        if nanoseconds >= scale:
            return f"{nanoseconds / scale:.3g}{unit}"
    return f"{nanoseconds}ns"


def split_number(word: str) -> tuple[float, str]:
    """Return the number at the start of a word, and the rest, as strtod(3) but for blanks, infinity and NaN.

    Raises ValueError where there is none.
    """
    start = 1 if word[:1] in ("+", "-") else 0
    if word[start : start + 2].lower() == "0x":
        end = _digits_end(word, start + 2, _HEX_DIGITS)
        if end > start + 2 and word[start + 2 : end] != ".":
            end = _exponent_end(word, end, "pP")
            return float.fromhex(word[:end]), word[end:]
    end = _digits_end(word, start, _DIGITS)
    if word[start:end] in ("", "."):
        raise ValueError(word)
    end = _exponent_end(word, end, "eE")
    return float(word[:end]), word[end:]


def _digits_end(word: str, position: int, digits: frozenset[str]) -> int:
    """Return the position after digits with at most one point among them."""
    point = False
    while position < len(word) and (word[position] in digits or (word[position] == "." and not point)):
        point = point or word[position] == "."
        position += 1
    return position


def _exponent_end(word: str, position: int, letters: str) -> int:
    """Return the position after an exponent, where there is a complete one."""
    if word[position : position + 1] not in tuple(letters):
        return position
    first = position + (2 if word[position + 1 : position + 2] in ("+", "-") else 1)
    end = first
    while end < len(word) and word[end] in _DIGITS:
        end += 1
    return end if end > first else position


def _split(word: str, units: Mapping[str, int]) -> tuple[float, int]:
    """Return the number of a word, and the factor of its unit."""
    number, rest = split_number(word)
    unit = units.get(rest.lower()) if rest.isascii() else None
    if unit is None:
        raise ValueError(word)
    return number, unit


def _whole(value: float, limit: int, word: str) -> int:
    if not 0 <= value < limit + 1:
        raise ValueError(word)
    return int(value)
