"""Which helpers the running kernel keeps for programs under the GPL: its verifier is asked for each."""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator
from functools import cache

from pytc.bpf.btf import types as b
from pytc.bpf.kernel.running import kernel_btf
from pytc.bpf.sys.abi import ProgLoadAttr, pointer
from pytc.bpf.sys.constants import Command, ProgramType
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf
from pytc.errors import BpfSyscallError
from tests.elf_writer import EXIT, insn, mov

_SLEEPABLE = 1 << 4
_FOR_GPL = "GPL-restricted"
#: The words of Linux 6.18 and 6.1.
_NO_SUCH_HELPER = ("invalid func", "unknown func", "cannot use helper")
#: Attach types that open a program type to more helpers (enum bpf_attach_type).
_FENTRY, _FEXIT, _ITER, _RAW_TP = 24, 25, 28, 23
_ATTACH_TYPES = {
    ProgramType.CGROUP_SOCK_ADDR: (8, 10, 12),
    ProgramType.CGROUP_SOCKOPT: (21, 22),
    ProgramType.CGROUP_SOCK: (2,),
    ProgramType.CGROUP_SYSCTL: (18,),
    ProgramType.SK_LOOKUP: (36,),
    ProgramType.SOCK_OPS: (3,),
    ProgramType.XDP: (37,),
    ProgramType.SK_REUSEPORT: (39,),
    ProgramType.FLOW_DISSECTOR: (17,),
    ProgramType.CGROUP_DEVICE: (6,),
    ProgramType.SK_SKB: (5,),
    ProgramType.SK_MSG: (7,),
    ProgramType.CGROUP_SKB: (0, 1),
}
#: (attach type, function or tracepoint of the kernel) of programs that attach by type.
_TRACED = ((_FENTRY, "vfs_open"), (_FEXIT, "vfs_open"), (_ITER, "bpf_iter_task"), (_RAW_TP, "btf_trace_sys_enter"))
#: These need the GPL themselves, or a type of the kernel that is theirs alone.
_NOT_ASKED = (ProgramType.UNSPEC, ProgramType.TRACING, ProgramType.STRUCT_OPS, ProgramType.EXT, ProgramType.LSM)


def _kinds() -> Iterator[tuple[ProgramType, int, int]]:
    """(program type, attach type, BTF id of what it attaches to)."""
    for type in ProgramType:
        if type not in _NOT_ASKED:
            yield from ((type, attach, 0) for attach in _ATTACH_TYPES.get(type, (0,)))
    kernel = kernel_btf()
    for attach, name in _TRACED:
        for type_id in kernel.named((name,)).get(name, ()):
            if kernel.kind(type_id) in (b.FUNC, b.TYPEDEF):
                yield ProgramType.TRACING, attach, type_id


@cache
def kinds() -> tuple[tuple[ProgramType, int, int], ...]:
    """The kinds of programs that this kernel loads, without a compatible license."""
    return tuple(kind for kind in _kinds() if not _refusal(0, *kind))


def restricted(number: int) -> bool | None:
    """Whether a helper is for programs under the GPL only; None where no kind of program here may call it."""
    for kind in kinds():
        said = _refusal(number, *kind)
        if _FOR_GPL in said:
            return True
        if not any(words in said for words in _NO_SUCH_HELPER):
            return False
    return None


def unknown(numbers: Iterable[int]) -> list[int]:
    """Those that the kernel does not know at all, whoever asks."""
    return [number for number in numbers if "invalid func" in _refusal(number, ProgramType.SOCKET_FILTER, 0, 0)]


def _refusal(number: int, type: ProgramType, attach: int, type_id: int) -> str:
    """What the verifier says of a call with nothing in its registers, of nothing at all for helper 0; empty if it
    takes the program."""
    body = [insn(0x85, immediate=number), mov(0, 0), EXIT] if number else [mov(0, 0), EXIT]
    code = ctypes.create_string_buffer(b"".join(body))
    license, log = ctypes.create_string_buffer(b"Proprietary"), ctypes.create_string_buffer(1 << 14)
    attr = ProgLoadAttr(
        prog_type=type,
        insn_cnt=len(body),
        insns=pointer(code),
        license=pointer(license),
        prog_flags=_SLEEPABLE if type is ProgramType.SYSCALL else 0,
        expected_attach_type=attach,
        attach_btf_id=type_id,
        log_level=1,
        log_size=len(log),
        log_buf=pointer(log),
    )
    try:
        OwnedFd(bpf(Command.PROG_LOAD, attr)).close()
    except BpfSyscallError as error:
        return log.value.decode() or str(error)
    return ""
