"""Read captures: a stream of packets from a pcap or pcapng file."""

from __future__ import annotations

from pytc.contexts import contextmanager
from pytc.errors import CaptureError
from pytc.packets import pcap, pcapng

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from pytc.packets.packet import Packet

STANDARD_INPUT = "-"


@contextmanager
def open_capture(path: str) -> Iterator[Iterator[Packet]]:
    """Open a file, ``-`` for the standard input, and yield its packets; it is open for as long as the block runs.

    Raises CaptureError, also in the midst of the packets, where the file is damaged.
    """
    with _open(path) as file:
        yield _name_errors(path, file)


def _open(path: str) -> BinaryIO:
    try:
        return open(0, "rb", closefd=False) if path == STANDARD_INPUT else open(path, "rb")
    except (OSError, ValueError) as error:
        raise CaptureError(
            f'cannot open capture "{path}": {getattr(error, "strerror", None) or error}',
            errno=getattr(error, "errno", None),
        ) from error


def read_packets(file: BinaryIO) -> Iterator[Packet]:
    """Yield the packets of an open file, whose first bytes tell its format; raises CaptureError."""
    try:
        magic = file.read(4)
        yield from pcapng.packets(file) if magic == pcapng.MAGIC else pcap.packets(file, magic)
    except OSError as error:
        raise CaptureError(f"cannot be read: {error.strerror}", errno=error.errno) from error


def _name_errors(path: str, file: BinaryIO) -> Iterator[Packet]:
    try:
        yield from read_packets(file)
    except CaptureError as error:
        raise CaptureError(f'capture "{path}": {error}', errno=error.errno) from error
