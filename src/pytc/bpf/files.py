"""Reading files that somebody named: regular ones only, of bounded size, without waiting for a writer."""

import os
import stat

ELF_MAGIC = b"\x7fELF"


class NotRegularError(ValueError):
    """The path is a directory, device, socket or FIFO."""


class TooLargeError(ValueError):
    """The file is larger than the reader wants."""


def read_regular_file(path: str, limit: int) -> bytes:
    """The bytes of a file. Raises OSError, NotRegularError, TooLargeError; ValueError for a path with a NUL."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise NotRegularError("it is not a regular file")
        if status.st_size > limit:
            raise TooLargeError(f"it has {status.st_size} bytes; the most that is read is {limit}")
        with open(fd, "rb", closefd=False) as file:
            data = file.read(limit + 1)
        if len(data) > limit:
            raise TooLargeError(f"it grows beyond the {limit} bytes that are read")
        return data
    finally:
        os.close(fd)


def looks_like_elf(path: str) -> bool:
    """Whether the path is a regular file that starts as an ELF file does; never raises."""
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
