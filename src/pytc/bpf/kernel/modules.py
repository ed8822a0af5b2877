"""Read the types of loaded kernel modules from their BTF objects (Linux 5.11)."""

from __future__ import annotations

import ctypes
import errno
import os

from pytc.bpf.btf.types import Btf
from pytc.bpf.kernel.running import kernel_btf
from pytc.bpf.kernel.types import KernelTypes, Module, Modules
from pytc.bpf.sys.abi import BtfInfo, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.info import btf_by_id, get_info, ids
from pytc.errors import BpfSyscallError, ObjectError
from pytc.typing import NamedTuple

_NAME_LENGTH = 64  # MODULE_NAME_LEN is less
_VMLINUX = "vmlinux"
_MAX_BTF = 1 << 28


class _Description(NamedTuple):
    name: str
    is_kernel: bool
    size: int


def loaded_modules(vmlinux: Btf) -> Modules:
    """Return the loaded modules that have types, in the order of their BTF objects' ids, in which libbpf searches them.

    Leaves out a module whose types make no sense.
    """
    modules, problem = [], ""
    try:
        for number in ids(Command.BTF_GET_NEXT_ID):
            try:
                with btf_by_id(number) as descriptor:
                    module = _module(descriptor.fd, number, vmlinux)
            except BpfSyscallError as error:
                if error.errno != errno.ENOENT:  # unloaded meanwhile
                    raise
            except ObjectError as error:
                problem = str(error)
            else:
                modules += [module] if module is not None else []
    except BpfSyscallError as error:
        problem = str(error)
    return Modules(tuple(modules), problem)


def _module(fd: int, number: int, vmlinux: Btf) -> Module | None:
    """Return the module of a BTF object; None for the types of something else."""
    name, is_kernel, size = _describe(fd)
    if not is_kernel or name == _VMLINUX:
        return None
    if size > _MAX_BTF:
        raise ObjectError(f'module "{name}" has {size} bytes of types; the limit is {_MAX_BTF}')
    buffer = ctypes.create_string_buffer(max(size, 1))
    get_info(fd, BtfInfo(btf=pointer(buffer), btf_size=size))
    try:
        return Module(name, Btf(buffer.raw[:size], vmlinux, lazy=True), number)
    except ObjectError as error:
        raise ObjectError(f'module "{name}": {error}') from error


def _describe(fd: int) -> _Description:
    name = ctypes.create_string_buffer(_NAME_LENGTH)
    info = BtfInfo(name=pointer(name), name_len=_NAME_LENGTH)
    get_info(fd, info)
    return _Description(name.value.decode("utf-8", "replace"), bool(info.kernel_btf), info.btf_size)


def kernel_types(path: str = "") -> KernelTypes:
    """Return the running kernel's types, or those of a file alone (:func:`pytc.bpf.kernel.running.kernel_btf`).

    Without a path, $PYTC_KERNEL_BTF may name the file.
    """
    path = path or os.environ.get("PYTC_KERNEL_BTF", "")
    return KernelTypes(lambda: kernel_btf(path), None if path else loaded_modules, f'"{path}"' if path else "vmlinux")
