"""Pin and open BPF objects: BPF_OBJ_PIN and BPF_OBJ_GET."""

import ctypes
import os

from pytc.bpf.sys.abi import ObjectPathAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf


def pin(fd: int, path: str) -> None:
    """Pin a descriptor of bpf(2) at a path in a bpffs; raises BpfSyscallError (EEXIST when the path exists)."""
    encoded = ctypes.create_string_buffer(os.fsencode(path))
    bpf(Command.OBJ_PIN, ObjectPathAttr(pathname=pointer(encoded), bpf_fd=fd), what=f'pinning at "{path}"')


def open_pin(path: str, *, flags: int = 0) -> OwnedFd:
    """Open what is pinned at a path; ``flags`` is 0 or F_RDONLY. Raises BpfSyscallError."""
    encoded = ctypes.create_string_buffer(os.fsencode(path))
    return OwnedFd(
        bpf(
            Command.OBJ_GET, ObjectPathAttr(pathname=pointer(encoded), file_flags=flags), what=f'pinned object "{path}"'
        )
    )
