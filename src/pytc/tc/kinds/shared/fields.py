"""Fields as most kinds print them: ``name value`` and a blank."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.rates import format_rate, format_size, format_time, format_time64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.render.documents import Display, Document, Json
    from pytc.tc.kinds.layout import Layout


def number(name: str, value: int, unit: str = "") -> Field:
    """Return a field for a number after its word."""
    return Field(name, value, f"{name} {value}{unit} ")


def size(name: str, value: int) -> Field:
    """Return a field for a size in bytes."""
    return Field(name, value, f"{name} {format_size(value)} ")


def rate(name: str, value: int, display: Display) -> Field:
    """Return a field for a rate in bytes per second."""
    return Field(name, value, f"{name} {format_rate(value, iec=display.iec)} ")


def time(name: str, value: int) -> Field:
    """Return a field for a time in microseconds."""
    return Field(name, value, f"{name} {format_time(value)} ")


def time64(name: str, value: int) -> Field:
    """Return a field for a time in nanoseconds."""
    return Field(name, value, f"{name} {format_time64(value)} ")


def flag(name: str) -> Field:
    """Return a field for a flag that is set."""
    return Field(name, True, f"{name} ")


def numbers(key: str, values: Sequence[int], text: str, each: str = "{} ") -> Field:
    """Return a field for numbers, an array in JSON; ``each`` is how one of them is printed after ``text``."""
    return Field(key, list(values), text + "".join(map(each.format, values)))


def hexadecimal(number: int) -> str:
    """Return a number as C's ``%#x`` writes it: 0 has no 0x."""
    return f"{number:#x}" if number else "0"


def counter(name: str, value: int, before: str = " ") -> Field:
    """Return a field for a number in a line of statistics."""
    return Field(name, value, f"{before}{name} {value}")


def signed_time(name: str, value: int) -> Field:
    """Return a field for microseconds in a line of statistics, which may be less than 0."""
    return Field(name, value, f" {name} {'-' if value < 0 else ''}{format_time(abs(value))}")


def six_digits(value: float) -> Json:
    """Return a number with the precision that C's ``%g`` leaves it."""
    short = float(f"{value:g}")
    return int(short) if short.is_integer() else short


def unknown_options(what: str, raw: bytes) -> Document:
    """Return the size of options of a kind that pytc does not know, as tc prints it, and in JSON the bytes."""
    if not raw:
        return ()
    return (Field("optlen", len(raw), f"[Unknown {what}, optlen={len(raw)}] "), Field("raw", raw.hex()))


def statistics_lines(layout: Layout, *lines: str, whole: bool = False) -> Callable[[bytes, Display], Document]:
    """Return what shows a kind's own statistics: lines of members of their structure.

    A member with ``?`` before it is printed unless it is 0; ``:time`` and ``:size`` behind it say how. With ``whole``,
    nothing is shown of a structure that is cut off.
    """
    parts = [[_statistic(word, first=not at) for at, word in enumerate(line.split())] for line in lines]

    def document(raw: bytes, display: Display) -> Document:
        if whole and len(raw) < layout.size:
            return ()
        values = layout.unpack(raw)
        shown: list[Field] = []
        for number, line in enumerate(parts):
            shown += [Field("", text="\n")] if number else []
            shown += [field(name, values[name]) for name, field, optional in line if values[name] or not optional]
        return shown

    return document


def _statistic(word: str, *, first: bool) -> tuple[str, Callable[[str, int], Field], bool]:
    name, _, form = word.removeprefix("?").partition(":")
    before = "  " if first else " "
    spelled = format_time if form == "time" else format_size if form == "size" else str
    return name, lambda key, value: Field(key, value, f"{before}{key} {spelled(value)}"), word.startswith("?")
