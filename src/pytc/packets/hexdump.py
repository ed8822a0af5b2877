"""Show how two packets differ, as lines of a hexdump."""

from __future__ import annotations

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_WIDTH = 16


class Difference(NamedTuple):
    """A run of bytes from ``offset`` on that differ: ``before`` in one packet, ``after`` in the other.

    One of the two is shorter where its packet ends.
    """

    offset: int
    before: bytes
    after: bytes


def _line(data: bytes, start: int) -> str:
    """Return the offset, 16 bytes in hex, and their characters."""
    row = data[start : start + _WIDTH]
    text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"{start:04x}  {row[:8].hex(' '):<23}  {row[8:].hex(' '):<23}  {text}"


def differences(before: bytes, after: bytes) -> list[Difference]:
    """Return the runs of bytes in which two packets differ."""
    runs: list[Difference] = []
    start = -1
    common = min(len(before), len(after))
    for offset in range(common + 1):
        differs = offset < common and before[offset] != after[offset]
        if differs and start < 0:
            start = offset
        elif not differs and start >= 0:
            runs.append(Difference(start, before[start:offset], after[start:offset]))
            start = -1
    if len(before) != len(after):
        runs.append(Difference(common, before[common:], after[common:]))
    return runs


def diff(before: bytes, after: bytes, indent: str = "") -> str:
    """Return the lines of a hexdump in which two packets differ, with diff(1)'s ``-`` and ``+``, and with ``^^`` below
    different bytes; nothing for equal packets."""
    return "".join(f"{indent}{line}\n" for line in _diff_lines(before, after))


def _diff_lines(before: bytes, after: bytes) -> Iterator[str]:
    for start in range(0, max(len(before), len(after)), _WIDTH):
        old, new = before[start : start + _WIDTH], after[start : start + _WIDTH]
        if old == new:
            continue
        if old:
            yield f"- {_line(before, start)}"
        if new:
            yield f"+ {_line(after, start)}"
        if old and new:
            marks = [
                ("^^" if old[i : i + 1] != new[i : i + 1] else "  ") + (" " if i == 7 else "") for i in range(_WIDTH)
            ]
            yield f"  {'':4}  {' '.join(marks)}".rstrip()
