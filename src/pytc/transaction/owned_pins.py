"""Remove the pins that a command created, unless somebody has replaced them."""

from __future__ import annotations

import errno
import os
import stat

from pytc.bpf.maps.pinning import PinRoot
from pytc.bpf.sys.info import describe_map
from pytc.bpf.sys.pins import open_pin
from pytc.errors import BpfSyscallError, PinError, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.sys.descriptor import OwnedFd

#: What bpf(2) says of a path without a map's pin.
_NO_MAP = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EINVAL)
_NOT_OURS = (errno.ENOENT, errno.ENOTEMPTY, errno.ENOTDIR)


def pinned_map_id(path: str) -> int:
    """Return the id of the map that is pinned at a path, 0 for a directory, a link, another object's pin, or nothing.

    Raises PinError where that cannot be found out.
    """
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return 0
        with open_pin(path) as pin:
            return describe_map(pin.fd).id
    except (OSError, BpfSyscallError) as error:
        if error.errno in _NO_MAP:
            return 0
        raise PinError(f"cannot look at what is pinned: {strerror(error.errno or 0)}", errno=error.errno) from error


def remove_owned_pin(path: str, number: int) -> None:
    """Remove the pin of the map with that id, or for 0 an empty directory or a link.

    A pin that others have put there meanwhile stays. Raises PinError for other failures.
    """
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode) and not number:
            os.rmdir(path)
        elif (stat.S_ISLNK(mode) and not number) or (number and pinned_map_id(path) == number):
            os.unlink(path)
    except OSError as error:
        if error.errno not in _NOT_OURS:
            raise PinError(strerror(error.errno or 0), errno=error.errno) from error


def restore_pin(path: str, former: OwnedFd, number: int) -> None:
    """Pin the former map again, unless others have moved the pin of the map with that id meanwhile; raises PinError."""
    if pinned_map_id(path) == number:
        PinRoot().replace(path, former.fd)
