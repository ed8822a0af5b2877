"""Replace this process by a command that inherits maps."""

from __future__ import annotations

import os
import signal

from pytc.errors import TransferError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import NoReturn

#: Python ignores these signals; execve(2) would hand that on.
_RESTORED = ("SIGPIPE", "SIGXFSZ")


def become(words: Sequence[str], environment: Mapping[str, str], descriptors: Iterable[int]) -> NoReturn:
    """Replace this process by a command that inherits descriptors; it is searched in PATH of ``environment``.

    Raises TransferError when the command cannot be run; the descriptors are close-on-exec again then.
    """
    inherited = list(descriptors)
    former = {number: signal.signal(number, signal.SIG_DFL) for number in map(_number, _RESTORED)}
    try:
        for fd in inherited:
            os.set_inheritable(fd, True)
        os.execvpe(words[0], list(words), dict(environment))
    except (OSError, ValueError) as error:
        for fd in inherited:
            os.set_inheritable(fd, False)
        for number, handler in former.items():
            signal.signal(number, handler)
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise TransferError(
            f'cannot run "{words[0]}": {reason}', errno=error.errno if isinstance(error, OSError) else None
        ) from error


def _number(name: str) -> signal.Signals:
    return signal.Signals[name]
