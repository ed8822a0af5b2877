"""Traffic control handles: 32-bit numbers written ``MAJOR:MINOR`` in hex (tc(8), include/uapi/linux/pkt_sched.h)."""

from __future__ import annotations

from pytc.cpython import lru_cache
from pytc.typing import NamedTuple


class Handle(NamedTuple):
    """A qdisc handle (``1:``), class id (``1:10``) or filter parent."""

    major: int
    minor: int

    @property
    def number(self) -> int:
        """The handle as the kernel's 32-bit number."""
        return self.major << 16 | self.minor

    @classmethod
    @lru_cache(maxsize=256)  # a dump has few, thousands of times
    def from_number(cls, number: int) -> Handle:
        """Return the handle of a 32-bit number of the kernel."""
        return cls(number >> 16 & 0xFFFF, number & 0xFFFF)

    def __str__(self) -> str:
        if self == ROOT:
            return "root"
        if self == UNSPEC:
            return "none"
        if not self.major:
            return f":{self.minor:x}"
        return f"{self.major:x}:{self.minor:x}" if self.minor else f"{self.major:x}:"


UNSPEC = Handle(0, 0)
ROOT = Handle(0xFFFF, 0xFFFF)
CLSACT = Handle(0xFFFF, 0xFFF1)
INGRESS = Handle(0xFFFF, 0xFFF2)
EGRESS = Handle(0xFFFF, 0xFFF3)
#: ULONG_MAX, which strtoul(3) returns for a larger number.
_LONGEST = 0xFFFFFFFFFFFFFFFF


def parse_classid(word: str) -> Handle:
    """Return the handle of ``1:10``, ``1:``, ``:10``, ``root``, ``none``, or one hex number; raises ValueError.

    tc uses the low 32 bits of a number without a colon, which strtoul(3) limits to 64 bits.
    """
    if word == "root":
        return ROOT
    if word == "none":
        return UNSPEC
    major, colon, minor = word.partition(":")
    if not colon:
        return Handle.from_number(min(_hex(major), _LONGEST) & 0xFFFFFFFF)
    return Handle(_hex(major, 0xFFFF) if major else 0, _hex(minor, 0xFFFF) if minor else 0)


def parse_qdisc_handle(word: str) -> Handle:
    """Return the handle of ``1:`` or ``1``, or ``none``, as in tc without what follows the colon; raises ValueError."""
    if word == "none":
        return UNSPEC
    return Handle(_hex(word.partition(":")[0], 0xFFFF), 0)


def _hex(text: str, limit: int | None = None) -> int:
    if "_" in text or text != text.strip() or not text.isascii():
        raise ValueError(text)
    number = int(text, 16)
    if number < 0 or (limit is not None and number > limit):
        raise ValueError(text)
    return number
