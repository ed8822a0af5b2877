"""Read files that a user names: regular ones only, of bounded size, without waiting for a writer."""

from __future__ import annotations

import os
import stat

_BPF_FS_MAGIC = 0xCAFE4A11
ELF_MAGIC = b"\x7fELF"
STANDARD_INPUT = "-"
_PIECE = 1 << 12
#: Paths of descriptors that this process was given: what a shell makes of ``<(COMMAND)``.
_GIVEN = ("/dev/stdin", "/dev/fd/", "/proc/self/fd/")


class NotRegularError(ValueError):
    """The path is a directory, device, socket or FIFO."""


class TooLargeError(ValueError):
    """The file is larger than the reader takes."""


def read_regular_file(path: str, limit: int) -> bytes:
    """Return the bytes of a file of at most ``limit`` bytes.

    Raises OSError, NotRegularError, TooLargeError; ValueError for a path with a NUL.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegularError("it is not a regular file")
        if status.st_size > limit:
            raise TooLargeError(f"it has {status.st_size} bytes; the limit is {limit}")
        return _read_to_the_end(fd, status.st_size, limit)
    finally:
        os.close(fd)


def _read_to_the_end(fd: int, expected: int, limit: int) -> bytes:
    """Return all bytes; ``expected`` is the size, unless the file grows or shrinks meanwhile."""
    pieces, total = [], 0
    while piece := os.read(fd, max(expected + 1 - total, _PIECE)):
        pieces.append(piece)
        total += len(piece)
        if total > limit:
            raise TooLargeError(f"it grows beyond the limit of {limit} bytes")
    return b"".join(pieces)


def read_input_file(path: str, limit: int) -> bytes:
    """Return the bytes of a file like :func:`read_regular_file`, or of an inherited descriptor up to its end.

    ``-``, /dev/stdin and the pipe of ``<(COMMAND)`` name such descriptors.
    """
    if path != STANDARD_INPUT and not path.startswith(_GIVEN):
        return read_regular_file(path, limit)
    with open(0 if path == STANDARD_INPUT else path, "rb", closefd=path != STANDARD_INPUT) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise TooLargeError(f"it exceeds the limit of {limit} bytes")
    return data


def is_given_pipe(path: str) -> bool:
    """Report whether a path names an inherited descriptor that is no regular file, like the pipe at standard input."""
    if path != STANDARD_INPUT and not path.startswith(_GIVEN):
        return False
    try:
        status = os.stat(path)
    except OSError:
        return path == STANDARD_INPUT
    return not stat.S_ISREG(status.st_mode)


def looks_like_elf(path: str) -> bool:
    """Return whether the path is a regular file that starts like an ELF file; never raises."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return False
    try:
        return stat.S_ISREG(os.fstat(fd).st_mode) and os.read(fd, len(ELF_MAGIC)) == ELF_MAGIC
    except OSError:
        return False
    finally:
        os.close(fd)


def is_bpffs(path: str) -> bool:
    """Return whether a path is in a bpffs, by statfs(2)."""
    from pytc.libc import file_system_type  # ctypes is slow to import, and few commands need it here

    return "\0" not in path and file_system_type(path) == _BPF_FS_MAGIC
