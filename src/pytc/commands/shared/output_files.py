"""Files that a command writes because it was told to."""

from __future__ import annotations

import os
import stat

from pytc.contexts import contextmanager, suppress
from pytc.errors import OutputError
from pytc.signals import block_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_MODE = 0o666  # less the umask


@contextmanager
def replace_file(path: str) -> Iterator[BinaryIO]:
    """Open a file that replaces the one at ``path`` when the block ends well, and is removed when it does not.

    At ``path`` there must be a regular file, or nothing: a link is not followed. Raises OutputError.
    """
    temporary, is_created = f"{path}.{os.getpid()}.tmp", False
    try:
        _check(path)
        with block_signals():
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _MODE)
            is_created = True
        with open(fd, "wb") as file:
            yield file
        os.replace(temporary, path)
    except BaseException as error:
        if is_created:
            with suppress(OSError):  # a signal may have come after it had become the file at path
                os.unlink(temporary)
        if isinstance(error, OSError) or (isinstance(error, ValueError) and not is_created):
            raise _output_error(path, error) from error
        raise


def _check(path: str) -> None:
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise OutputError(f'cannot write "{path}": it exists and is not a regular file')


def _output_error(path: str, error: Exception) -> OutputError:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return OutputError(f'cannot write "{path}": {why}', errno=getattr(error, "errno", None))
