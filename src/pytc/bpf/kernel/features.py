"""Probe for features of the running kernel.

A probe gives a clear yes or no, which is remembered; a failure that says neither (EPERM) is not. Nothing is decided by
version numbers: distributions backport. Probes run after a refusal, to find out what to leave out, and where a program
asks (``LINUX_HAS_...`` in .kconfig).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct

from pytc.bpf.btf import types as b
from pytc.bpf.sys.abi import BtfLoadAttr, MapCreateAttr, ProgLoadAttr, pointer
from pytc.bpf.sys.constants import F_MMAPABLE, Command, MapType, ProgramType
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Answers to attributes, flags and types that a kernel does not know: E2BIG where fields beyond the attribute it knows
# are not zero (bpf_check_uarg_tail_zero), ENOSYS without bpf(2). Any other errno leaves the question open.
_REFUSALS = (errno.EINVAL, errno.E2BIG, errno.EOPNOTSUPP, errno.ENOSYS)
_EXIT = bytes([0x95, 0, 0, 0, 0, 0, 0, 0])
_RETURN_0 = bytes([0xB7, 0, 0, 0, 0, 0, 0, 0]) + _EXIT
_GET_ATTACH_COOKIE = bytes([0x85, 0, 0, 0, 174, 0, 0, 0]) + _EXIT
_INT = (b.INT << 24, 4, 1 << 24 | 32)


class Features:
    """Answers for one kernel. ``missing`` has the features that are known to be missing; those that are passed need no
    probe, which is how tests stand in for an old kernel."""

    def __init__(self, missing: Iterable[str] = ()) -> None:
        self.missing = set(missing)
        self._known = dict.fromkeys(self.missing, False)

    def has(self, name: str) -> bool:
        """Return whether the kernel has a feature of :data:`PROBES`; a probe that cannot tell counts as yes."""
        if name not in self._known:
            answer = attempt(PROBES[name])
            if answer is None:
                return True
            self._known[name] = answer
            if not answer:
                self.missing.add(name)
        return self._known[name]


def attempt(probe: Callable[[], int]) -> bool | None:
    """Run a probe; returns True, False, or None when its failure does not tell."""
    try:
        OwnedFd(probe()).close()
    except BpfSyscallError as error:
        return False if error.errno in _REFUSALS else None
    return True


def _load_btf(*types: tuple[int, ...]) -> int:
    """Load types, given as words without their name_off, which is that of the name ``x``."""
    words = b"".join(struct.pack(f"<{len(type_words) + 1}I", 1, *type_words) for type_words in types)
    strings = b"\0x\0"
    data = b.HEADER.pack(b.MAGIC, 1, 0, b.HEADER.size, 0, len(words), len(words), len(strings)) + words + strings
    buffer = ctypes.create_string_buffer(data, len(data))
    return bpf(Command.BTF_LOAD, BtfLoadAttr(btf=pointer(buffer), btf_size=len(data)))


def _create_map(**fields: object) -> int:
    return bpf(
        Command.MAP_CREATE, MapCreateAttr(map_type=MapType.ARRAY, key_size=4, value_size=4, max_entries=1, **fields)
    )


def _load_program(code: bytes = _RETURN_0, type: ProgramType = ProgramType.SOCKET_FILTER, **fields: object) -> int:
    instructions, license = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    return bpf(
        Command.PROG_LOAD,
        ProgLoadAttr(
            prog_type=type, insn_cnt=len(code) // 8, insns=pointer(instructions), license=pointer(license), **fields
        ),
    )


def _open_kernel_types() -> int:
    try:
        return os.open("/sys/kernel/btf/vmlinux", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise BpfSyscallError("BTF_LOAD", errno.ENOSYS, "types of the kernel") from error
    except OSError as error:
        raise BpfSyscallError("BTF_LOAD", error.errno or 0, "types of the kernel") from error


PROBES: dict[str, Callable[[], int]] = {
    "btf": lambda: _load_btf(_INT),  # v4.18
    "btf_datasec": lambda: _load_btf(_INT, (b.VAR << 24, 1, 1), (b.DATASEC << 24 | 1, 4, 2, 0, 4)),  # v5.2
    "btf_float": lambda: _load_btf((b.FLOAT << 24, 4)),  # v5.13
    "btf_decl_tag": lambda: _load_btf(_INT, (b.VAR << 24, 1, 1), (b.DECL_TAG << 24, 2, 0xFFFFFFFF)),  # v5.16
    "btf_type_tag": lambda: _load_btf(_INT, (b.TYPE_TAG << 24, 1)),  # v5.17
    "btf_enum64": lambda: _load_btf((b.ENUM64 << 24 | 1, 8, 1, 0, 0)),  # v6.0
    "kernel_types": _open_kernel_types,  # v5.4 with CONFIG_DEBUG_INFO_BTF
    "map_names": lambda: _create_map(map_name=b"probe"),  # v4.15
    "program_names": lambda: _load_program(prog_name=b"probe"),  # v4.15
    "bpf_cookie": lambda: _load_program(_GET_ATTACH_COOKIE, ProgramType.TRACEPOINT),  # v5.15
    "mmapable": lambda: _create_map(map_flags=F_MMAPABLE),  # v5.5
}
