"""Read the kernel's trace pipe, into which bpf_trace_printk writes (Documentation/trace/ftrace.rst)."""

from __future__ import annotations

import errno
import os

from pytc.bpf.kernel.permissions import administration_causes
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.mounts import find_mounts
from pytc.errors import TraceError, strerror
from pytc.libc import mount

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

MOUNT = "/sys/kernel/tracing"
_KNOWN = (MOUNT, "/sys/kernel/debug/tracing")
_CHUNK = 1 << 16


def find_tracefs() -> str:
    """Return the directory of a mounted tracefs, empty when there is none."""
    return next((path for path in (*_KNOWN, *find_mounts("tracefs")) if os.path.exists(f"{path}/trace_pipe")), "")


def mount_tracefs() -> str:
    """Mount a tracefs at its usual place, and return that; raises TraceError."""
    try:
        mount("tracefs", MOUNT)
    except OSError as error:
        number = error.errno or 0
        raise TraceError(
            f'no tracefs is mounted, and mounting one at "{MOUNT}" failed: {strerror(number)}',
            errno=number,
            hints=_hints(number),
        ) from error
    return MOUNT


def _hints(number: int) -> tuple[str, ...]:
    return administration_causes("the trace pipe") if number in (errno.EPERM, errno.EACCES) else ()


def open_trace_pipe() -> OwnedFd:
    """Open the trace pipe, of which every line is read once; raises TraceError."""
    path = f"{find_tracefs() or mount_tracefs()}/trace_pipe"
    try:
        return OwnedFd(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
    except OSError as error:
        raise TraceError(
            f'cannot open "{path}": {strerror(error.errno or 0)}', errno=error.errno, hints=_hints(error.errno or 0)
        ) from error


def copy_trace(pipe: OwnedFd, write: Callable[[bytes], object]) -> None:
    """Copy the trace pipe until its end, or until an exception like that of Ctrl-C; raises TraceError."""
    while True:
        try:
            data = os.read(pipe.fd, _CHUNK)
        except OSError as error:
            raise TraceError(f"cannot read the trace pipe: {strerror(error.errno or 0)}", errno=error.errno) from error
        if not data:
            return
        write(data)
