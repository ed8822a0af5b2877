"""A captured packet, and helpers of the readers of both file formats."""

from __future__ import annotations

from pytc.errors import CaptureError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

#: The largest packet that is read, in bytes: libpcap's own limit, MAXIMUM_SNAPLEN.
MAX_PACKET = 262144


class Packet(NamedTuple):
    """A captured packet: ``data`` is the captured part of ``length`` bytes on the wire.

    ``link_type`` is a LINKTYPE_ number; ``time`` is in nanoseconds since the epoch; ``interface`` counts the interfaces
    of a pcapng section, from 0.
    """

    data: bytes
    length: int
    link_type: int
    time: int = 0
    interface: int = 0


def read_exactly(file: BinaryIO, size: int, what: str) -> bytes:
    """Return ``size`` bytes; raises CaptureError, with the name ``what`` of the part, where the file ends earlier."""
    data = file.read(size)
    if len(data) != size:
        raise CaptureError(f"it ends within {what}")
    return data
