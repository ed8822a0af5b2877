"""Bytes for people: hexdump, and the lines in which two packets differ."""

from collections.abc import Iterator
from typing import NamedTuple

_WIDTH = 16


class Difference(NamedTuple):
    """``length`` bytes from ``offset`` on that are ``before`` in one and ``after`` in the other, either of them shorter
    where one packet ends."""

    offset: int
    before: bytes
    after: bytes


def hexdump(data: bytes) -> str:
    """Lines of offset, 16 bytes in hex, and their characters."""
    return "".join(f"{_line(data, at)}\n" for at in range(0, len(data), _WIDTH))


def _line(data: bytes, at: int) -> str:
    row = data[at : at + _WIDTH]
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"{at:04x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}"


def differences(before: bytes, after: bytes) -> list[Difference]:
    """The runs of bytes in which two packets differ."""
    found: list[Difference] = []
    start = -1
    common = min(len(before), len(after))
    for at in range(common + 1):
        differs = at < common and before[at] != after[at]
        if differs and start < 0:
            start = at
        elif not differs and start >= 0:
            found.append(Difference(start, before[start:at], after[start:at]))
            start = -1
    if len(before) != len(after):
        found.append(Difference(common, before[common:], after[common:]))
    return found


def diff(before: bytes, after: bytes, indent: str = "") -> str:
    """The lines of a hexdump in which two packets differ, with ``-`` and ``+`` as of diff(1), and ``^^`` below what is
    different; empty for equal ones."""
    return "".join(f"{indent}{line}\n" for line in _diff_lines(before, after))


def _diff_lines(before: bytes, after: bytes) -> Iterator[str]:
    for at in range(0, max(len(before), len(after)), _WIDTH):
        old, new = before[at : at + _WIDTH], after[at : at + _WIDTH]
        if old == new:
            continue
        if old:
            yield f"- {_line(before, at)}"
        if new:
            yield f"+ {_line(after, at)}"
        if old and new:
            marks = [
                ("^^" if old[i : i + 1] != new[i : i + 1] else "  ") + (" " if i == 7 else "") for i in range(_WIDTH)
            ]
            yield f"  {'':4}  {' '.join(marks)}".rstrip()
