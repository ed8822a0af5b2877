"""Pin and open BPF objects: BPF_OBJ_PIN and BPF_OBJ_GET."""

from __future__ import annotations

import ctypes
import errno
import os

from pytc.bpf.sys.abi import ObjectPathAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.files import is_bpffs, looks_like_elf
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError

#: bpf_lookup() in kernel/bpf/inode.c refuses them with EPERM: dots are reserved for the kernel's own files.
NO_DOTS = "a bpffs takes no names with a dot"


def pin(fd: int, path: str) -> None:
    """Pin a descriptor of bpf(2) at a path in a bpffs; raises BpfSyscallError (EEXIST when the path exists)."""
    encoded = ctypes.create_string_buffer(os.fsencode(path))
    try:
        bpf(Command.OBJ_PIN, ObjectPathAttr(pathname=pointer(encoded), bpf_fd=fd), what=f'pinning at "{path}"')
    except BpfSyscallError as error:
        error.with_hints(*pin_obstacles(path))
        raise


def open_pin(path: str, *, flags: int = 0) -> OwnedFd:
    """Open what is pinned at a path; ``flags`` is 0 or F_RDONLY. Raises BpfSyscallError."""
    encoded = ctypes.create_string_buffer(os.fsencode(path))
    attr = ObjectPathAttr(pathname=pointer(encoded), file_flags=flags)
    try:
        return OwnedFd(bpf(Command.OBJ_GET, attr, what=f'pinned object "{path}"'))
    except BpfSyscallError as error:
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            error.with_hints(*_not_a_pin(path))
        raise


def pin_obstacles(path: str) -> tuple[str, ...]:
    """Return why nothing can be pinned at a path, as far as its name and its directory say that."""
    directory, name = os.path.split(os.path.abspath(path))
    if not os.path.isdir(directory):
        return (f'the directory "{directory}" does not exist: mkdir makes it',)
    if not is_bpffs(directory):
        return ("a pin must be in a bpffs",)
    return (NO_DOTS,) if "." in name else ()


def _not_a_pin(path: str) -> tuple[str, ...]:
    """Return why a path cannot be opened as a pin; the kernel says EACCES of any other file (bpf_inode_type), and EROFS
    before it looks at one of a read-only file system."""
    if os.path.exists(path) and not is_bpffs(path):
        kind = "an object file" if looks_like_elf(path) else "a file"
        return (f'"{path}" is {kind} outside a bpffs, not a pin',)
    if os.path.isdir(path):
        return (f'"{path}" is a directory, not a pin',)
    return (NO_DOTS,) if "." in os.path.basename(path) else ()
