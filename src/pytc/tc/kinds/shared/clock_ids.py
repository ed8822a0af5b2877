"""Clocks by name, for what goes by the time (include/uapi/linux/time.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import Form

_CLOCKS = {"REALTIME": 0, "TAI": 11, "BOOTTIME": 7, "MONOTONIC": 1}
_PREFIX = "CLOCK_"


def parse_clock(word: str) -> int:
    """Return the number of a clock by its name, with or without ``CLOCK_``; raises ValueError."""
    name = word.upper()
    number = _CLOCKS.get(name[len(_PREFIX) :] if _PREFIX in name else name)
    if number is None:
        raise ValueError(word)
    return number


def clock_form(kind: str) -> Form:
    """Return the form of an option that takes a clock."""

    def convert(word: str) -> int:
        try:
            return parse_clock(word)
        except ValueError:
            raise InvalidOptionsError(
                f'{kind}: illegal value for "clockid": "{word}".',
                hints=("it is CLOCK_TAI, CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME",),
            ) from None

    return Form("CLOCK", convert)


def clock_name(number: int) -> str:
    """Return the name of a clock as tc prints it."""
    return next((name for name, clock in _CLOCKS.items() if clock == number), "invalid")


def clock_field(number: int, after: str = "") -> Field:
    """Return the field for a clock."""
    name = clock_name(number)
    return Field("clockid", name, f"clockid {name}{after}")
