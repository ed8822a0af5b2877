"""Rates and sizes as tc writes them (tc(8), PARAMETERS): rates are bytes per second here, sizes bytes.

The arithmetic is that of C doubles and truncation, so that the kernel gets the same numbers as from tc.
"""

from collections.abc import Mapping

_MAX_RATE = 2**64 - 1
_MAX_SIZE = 2**32 - 1

_SCALES = {"": 1, "k": 1000, "ki": 1024, "m": 1000**2, "mi": 1024**2, "g": 1000**3, "gi": 1024**3,
           "t": 1000**4, "ti": 1024**4}
#: Bits in a unit.
_RATE_UNITS = {"": 1, **{f"{prefix}bit": scale for prefix, scale in _SCALES.items()},
               **{f"{prefix}bps": 8 * scale for prefix, scale in _SCALES.items()}}
#: Bytes in a unit; all prefixes are binary here, even those of bits.
_SIZE_UNITS = {"": 1, "b": 1, "k": 1024, "kb": 1024, "kbit": 1024 // 8, "m": 1024**2, "mb": 1024**2,
               "mbit": 1024**2 // 8, "g": 1024**3, "gb": 1024**3, "gbit": 1024**3 // 8}

_KIBI, _MEBI = 1024, 1024**2


def parse_rate(word: str) -> int:
    """``1mbit``, ``1.5kbps``, or bits per second without a unit; raises ValueError."""
    number, bits = _split(word, _RATE_UNITS)
    return _whole(number * bits / 8, _MAX_RATE, word)


def parse_size(word: str) -> int:
    """``15k``, ``1mb``, ``8kbit``, or bytes without a unit; raises ValueError."""
    number, scale = _split(word, _SIZE_UNITS)
    return _whole(number * scale, _MAX_SIZE, word)


def format_rate(rate: int) -> str:
    """In the largest unit that is exact, or that leaves no more than six digits."""
    bits = rate * 8
    for unit in ("", "K", "M", "G"):
        if bits < 1000 or (bits % 1000 and bits < 1000_000):
            return f"{bits}{unit}bit"
        bits //= 1000
    return f"{bits}Tbit"


def format_size(size: int) -> str:
    """In Kb or Mb when it is close to a whole number of them."""
    if size >= _MEBI and abs(_MEBI * round(size / _MEBI) - size) < _KIBI:
        return f"{round(size / _MEBI)}Mb"
    if size >= _KIBI and abs(_KIBI * round(size / _KIBI) - size) < 16:
        return f"{round(size / _KIBI):g}Kb"
    return f"{size}b"


def _split(word: str, units: Mapping[str, int]) -> tuple[float, int]:
    """(number, what its unit is worth)."""
    digits = word.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    unit = units.get(word[len(digits):].lower())
    if unit is None or not digits.isascii() or "_" in digits or digits != digits.strip():
        raise ValueError(word)
    return float(digits), unit


def _whole(value: float, limit: int, word: str) -> int:
    if not 0 <= value < limit + 1:
        raise ValueError(word)
    return int(value)
