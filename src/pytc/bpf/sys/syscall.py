"""Call bpf(2): every call goes through :func:`bpf`."""

from __future__ import annotations

import ctypes
import errno
import os

from pytc.bpf.sys.constants import Command
from pytc.cpython import lru_cache
from pytc.errors import BpfError, BpfSyscallError
from pytc.libc import bpf_syscall, map_memory, syscall, unmap_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ctypes import Structure

# Number of bpf(2): arch/*/entry/syscalls/*.tbl, include/uapi/asm-generic/unistd.h.
_SYSCALL_NUMBERS = {
    "x86_64": 321,
    "i386": 357,
    "i686": 357,
    "aarch64": 280,
    "riscv64": 280,
    "loongarch64": 280,
    "armv7l": 386,
    "armv8l": 386,
    "armv6l": 386,
    "ppc64le": 361,
    "ppc64": 361,
    "s390x": 351,
    "mips64": 5315,
}
_PERF_EVENT_OPEN_NUMBERS = {
    "x86_64": 298,
    "i386": 336,
    "i686": 336,
    "aarch64": 241,
    "riscv64": 241,
    "loongarch64": 241,
    "armv7l": 364,
    "armv8l": 364,
    "armv6l": 364,
    "ppc64le": 319,
    "ppc64": 319,
    "s390x": 331,
    "mips64": 5292,
}
_PERF_FLAG_FD_CLOEXEC = 8
_PROG_LOAD_ATTEMPTS = 5
#: Commands whose memory kernels before 5.11 charge to RLIMIT_MEMLOCK.
_CHARGED = (Command.MAP_CREATE, Command.PROG_LOAD, Command.BTF_LOAD)

_MACHINE = os.uname().machine
_BPF = _SYSCALL_NUMBERS.get(_MACHINE, 0)
# include/uapi/asm-generic/mman-common.h; MAP_FIXED_NOREPLACE since Linux 4.17.
_PROT_READ, _PROT_WRITE, _MAP_SHARED, _MAP_FIXED_NOREPLACE = 1, 2, 1, 0x100000


def bpf(command: Command, attr: Structure, *, size: int = 0, what: str = "") -> int:
    """Call bpf(2); returns its non-negative result.

    ``size`` is the number of bytes of ``attr`` that the kernel may read, 0 for those up to the last field in use.
    ``what`` names the attempt in errors. PROG_LOAD is tried again, a bounded number of times, on EAGAIN, the verifier's
    answer when a signal interrupts it (commit c3494801cd17, "bpf: check pending signals while verifying programs",
    v5.0). A call that takes memory is tried again after EPERM, with a higher RLIMIT_MEMLOCK.

    Raises BpfSyscallError with the errno.
    """
    length = size or used_size(attr)
    result = _call(command, attr, length)
    if result == -errno.EPERM and command in _CHARGED:
        result = _retry_unlimited(command, attr, length)
    if result < 0:
        raise BpfSyscallError(command.name, -result, what)
    return result


def _call(command: Command, attr: Structure, size: int) -> int:
    """Return the result of bpf(2), or the errno as a negative number."""
    attempts = _PROG_LOAD_ATTEMPTS if command is Command.PROG_LOAD else 1
    while True:
        result: int = bpf_syscall(_BPF or _number(), command, ctypes.byref(attr), size)
        if result >= 0:
            return result
        number = ctypes.get_errno()
        attempts -= 1
        if number != errno.EAGAIN or attempts <= 0:
            return -number


def _retry_unlimited(command: Command, attr: Structure, size: int) -> int:
    try:
        from pytc.bpf.sys.memlock import call_unlimited
    except (OSError, ImportError):  # no descriptor is left to read it with
        return -errno.EPERM
    return call_unlimited(lambda: _call(command, attr, size))


def used_size(attr: Structure) -> int:
    """Return the size of ``attr`` in bytes up to the end of its last non-zero field."""
    used = len(bytes(attr).rstrip(b"\0"))
    return next(end for end in _field_ends(type(attr)) if end >= used)


@lru_cache(maxsize=64)
def _field_ends(kind: type[Structure]) -> list[int]:
    """Return the end of each field of a structure, in bytes."""
    fields = (getattr(kind, entry[0]) for entry in kind._fields_)
    return [field.offset + field.size for field in fields]


def perf_event_open(attr: Structure, cpu: int) -> int:
    """Call perf_event_open(2) for all processes on a CPU; returns the descriptor. Raises BpfSyscallError."""
    ctypes.set_errno(0)
    result = syscall(
        _number("perf_event_open", _PERF_EVENT_OPEN_NUMBERS),
        ctypes.byref(attr),
        ctypes.c_int(-1),
        ctypes.c_int(cpu),
        ctypes.c_int(-1),
        ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC),
    )
    if result < 0:
        raise BpfSyscallError("perf_event_open", ctypes.get_errno(), f"events of CPU {cpu}")
    return int(result)


def write_once(fd: int, size: int, address: int, contents: bytes, what: str = "") -> None:
    """Map a file into memory, at ``address`` if that is not 0, copy bytes to its start, and unmap it again.

    Raises BpfSyscallError, with EEXIST where something else is mapped at the address.
    """
    flags = _MAP_SHARED | (_MAP_FIXED_NOREPLACE if address else 0)
    try:
        mapped = map_memory(address, size, _PROT_READ | _PROT_WRITE, flags, fd)
    except OSError as error:
        raise BpfSyscallError("mmap", error.errno or 0, what) from error
    ctypes.memmove(mapped, contents, len(contents))
    unmap_memory(mapped, size)


def _number(name: str = "bpf", numbers: Mapping[str, int] = _SYSCALL_NUMBERS) -> int:
    try:
        return numbers[_MACHINE]
    except KeyError:
        raise BpfError(f"pytc does not know the number of {name}(2) on the machine type {_MACHINE}") from None
