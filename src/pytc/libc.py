"""Call functions of the C library that Python's own modules lack; no other module opens it."""

from __future__ import annotations

import ctypes
import os

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

# syscall(2) is declared twice: ctypes looks at the declared types of bpf(2)'s arguments once instead of in each call.
syscall = ctypes.CDLL(None, use_errno=True)["syscall"]
syscall.restype = ctypes.c_long
bpf_syscall = ctypes.CDLL(None, use_errno=True)["syscall"]
bpf_syscall.restype = ctypes.c_long
bpf_syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_void_p, ctypes.c_uint)

_LIBC.mount.argtypes = (ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p)
_LIBC.setns.argtypes = (ctypes.c_int, ctypes.c_int)
_LIBC.unshare.argtypes = (ctypes.c_int,)
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_MAP_FAILED = ctypes.c_void_p(-1).value


def mount(kind: str, target: str, options: str = "") -> None:
    """Mount a file system that needs no device, like ``bpf``, at a directory; raises OSError."""
    data = options.encode() or None
    if _LIBC.mount(kind.encode(), os.fsencode(target), kind.encode(), 0, data) != 0:
        raise _last_error(target)


def enter_network_namespace(fd: int) -> None:
    """Move this thread into the network namespace of a descriptor (os.setns is new in Python 3.12); raises OSError."""
    if _LIBC.setns(fd, _CLONE_NEWNET) != 0:
        raise _last_error()


def enter_new_network_namespace() -> None:
    """Move this thread into a new, empty network namespace (os.unshare is new in Python 3.12); raises OSError."""
    if _LIBC.unshare(_CLONE_NEWNET) != 0:
        raise _last_error()


def socket_option(fd: int, level: int, option: int, data: bytes) -> bytes:
    """Return what getsockopt(2) makes of a buffer that holds a question (Python's sends none); raises OSError."""
    buffer = ctypes.create_string_buffer(data, len(data))
    size = ctypes.c_uint(len(data))
    if _LIBC.getsockopt(fd, level, option, buffer, ctypes.byref(size)) != 0:
        raise _last_error()
    return buffer.raw[: size.value]


def file_system_type(file: int | str) -> int:
    """Return ``f_type`` of statfs(2) for a descriptor or a path, like 0xCAFE4A11 of a bpffs; 0 when it fails."""
    buffer = (ctypes.c_long * 64)()  # struct statfs; f_type is its first field
    call, name = (_LIBC.fstatfs, file) if isinstance(file, int) else (_LIBC.statfs, os.fsencode(file))
    return buffer[0] & 0xFFFFFFFF if call(name, ctypes.byref(buffer)) == 0 else 0


def map_memory(address: int, size: int, protection: int, flags: int, fd: int) -> int:
    """Map a file into memory and return the address; the module mmap cannot choose one.

    ``address`` 0 lets the kernel choose. Raises OSError.
    """
    mapped = _LIBC.mmap(address, size, protection, flags, fd, 0)
    if mapped in (None, _MAP_FAILED):
        raise _last_error()
    return int(mapped)


def unmap_memory(address: int, size: int) -> None:
    """Unmap the result of :func:`map_memory`."""
    _LIBC.munmap(address, size)


def _last_error(path: str = "") -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), path) if path else OSError(number, os.strerror(number))
