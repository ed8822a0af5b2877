"""Reading captures: a stream of packets from a pcap or pcapng file, whoever wrote it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, NamedTuple

from pytc.errors import CaptureError

#: The largest packet that is read: libpcap's own limit, MAXIMUM_SNAPLEN.
MAX_PACKET = 262144
STANDARD_INPUT = "-"


class Packet(NamedTuple):
    """``data`` is what was captured, of ``length`` bytes on the wire; ``link_type`` a LINKTYPE_ number; ``time`` in
    nanoseconds since the epoch; ``interface`` counts the interfaces of a pcapng section, from 0."""

    data: bytes
    length: int
    link_type: int
    time: int = 0
    interface: int = 0


@contextmanager
def open_capture(path: str) -> Iterator[Iterator[Packet]]:
    """The packets of a file, ``-`` for the standard input; the file is open for as long as the block runs.

    Raises CaptureError, also in the midst of the packets, where the file is damaged.
    """
    with _opened(path) as file:
        yield _named(path, file)


def _opened(path: str) -> BinaryIO:
    try:
        return open(0, "rb", closefd=False) if path == STANDARD_INPUT else open(path, "rb")
    except (OSError, ValueError) as error:
        raise CaptureError(
            f'cannot open capture "{path}": {getattr(error, "strerror", None) or error}',
            errno=getattr(error, "errno", None),
        ) from error


def read_packets(file: BinaryIO) -> Iterator[Packet]:
    """The packets of an open file; raises CaptureError."""
    try:
        magic = file.read(4)
        if magic == b"\x0a\x0d\x0d\x0a":
            from pytc.packets.pcapng import packets

            yield from packets(file)
        else:
            from pytc.packets.pcap import packets as pcap_packets

            yield from pcap_packets(file, magic)
    except OSError as error:
        raise CaptureError(f"cannot be read: {error.strerror}", errno=error.errno) from error


def _named(path: str, file: BinaryIO) -> Iterator[Packet]:
    try:
        yield from read_packets(file)
    except CaptureError as error:
        raise CaptureError(f'capture "{path}": {error}', errno=error.errno) from error


def take(file: BinaryIO, size: int, what: str) -> bytes:
    """Just so many bytes; raises CaptureError where the file ends before."""
    data = file.read(size)
    if len(data) != size:
        raise CaptureError(f"it ends within {what}")
    return data
