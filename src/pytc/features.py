"""What the running kernel offers to BPF programs, found out by trying.

>>> pytc.features.helper("sched_cls", "redirect_peer"), pytc.features.map_type("ringbuf")
(True, True)

Each answer is a clear yes or no, and remembered; where the kernel gives neither, as for lack of privileges, an error is
raised. Nothing follows from version numbers: distributions backport.
"""

from __future__ import annotations

import ctypes
import errno
from functools import cache

from pytc.bpf.kernel.features import PROBES, attempt
from pytc.bpf.sys import helpers
from pytc.bpf.sys.abi import MapCreateAttr, ProgLoadAttr, pointer
from pytc.bpf.sys.attach_points import AttachPoint, query
from pytc.bpf.sys.constants import F_SLEEPABLE, MAP_IN_MAP, Command, MapType, ProgramType, attach_type_number
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf
from pytc.enums import IntEnum
from pytc.errors import ENOTSUPP, ArgumentError, BpfError, BpfSyscallError
from pytc.typing import TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["attach_type", "helper", "kernel_function", "map_type", "names", "other", "program_type"]

_Named = TypeVar("_Named", bound=IntEnum)
_RETURN_0 = bytes([0xB7, 0, 0, 0, 0, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0])
_CALL = b"\x85\0\0\0"
_LOG_BYTES = 1 << 14
#: What the verifier says of a helper that it does not know, or not for the type of program.
_UNKNOWN = (b"invalid func", b"unknown func", b"cannot use helper")
_UNTOLD = (errno.EPERM, errno.EACCES)
_ABSENT = (errno.EINVAL, errno.E2BIG, errno.ENOSYS)
#: Sizes of keys and values, entries and flags of maps that want others than 4, 4, 1 and 0.
_SHAPES: dict[int, tuple[int, int, int, int]] = {
    MapType.LPM_TRIE: (8, 4, 1, 1),
    MapType.STACK_TRACE: (4, 8, 1, 0),
    MapType.CGROUP_STORAGE: (16, 4, 0, 0),
    MapType.PERCPU_CGROUP_STORAGE: (16, 4, 0, 0),
    MapType.QUEUE: (0, 4, 1, 0),
    MapType.STACK: (0, 4, 1, 0),
    MapType.RINGBUF: (0, 0, 1 << 16, 0),
    MapType.USER_RINGBUF: (0, 0, 1 << 16, 0),
    MapType.BLOOM_FILTER: (0, 4, 1, 0),
    MapType.ARENA: (0, 0, 1, 1 << 10),
    MapType.INSN_ARRAY: (4, 16, 1, 0),
    **dict.fromkeys(
        (MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE), (4, 4, 0, 1)
    ),
}
#: Types of maps that the kernel creates with BTF only.
_WITH_BTF = frozenset({MapType.SK_STORAGE, MapType.INODE_STORAGE, MapType.TASK_STORAGE, MapType.CGRP_STORAGE})
#: Types of programs that are loaded for an attach type, and one that they have.
_FOR_ATTACH_TYPE = {
    ProgramType.CGROUP_SOCK: "cgroup_inet_sock_create",
    ProgramType.CGROUP_SOCK_ADDR: "cgroup_inet4_connect",
    ProgramType.CGROUP_SOCKOPT: "cgroup_getsockopt",
    ProgramType.SK_LOOKUP: "sk_lookup",
    ProgramType.NETFILTER: "netfilter",
}
#: Types that are loaded for a function of the kernel only: nothing is found out without naming one.
_FOR_FUNCTION = frozenset({ProgramType.TRACING, ProgramType.LSM, ProgramType.EXT, ProgramType.STRUCT_OPS})


@cache
def helper(program_type: str, name: str) -> bool:
    """Return whether programs of a type may call a helper, by its name with or without ``bpf_``.

    Raises ArgumentError for a type or helper that pytc does not know, BpfError where the kernel gives no answer.
    """
    type = _named(ProgramType, program_type, "type of programs")
    known = {one.name: one.number for one in helpers.helpers()}
    number = known.get(name.removeprefix("bpf_"))
    if number is None:
        from pytc.words.suggestions import suggestion

        hint = suggestion(name.removeprefix("bpf_"), known)
        raise ArgumentError(f'"{name}" is no helper that pytc knows', hints=(hint,) if hint else ())
    refusal, log = _load(type, _CALL + number.to_bytes(4, "little") + _RETURN_0)
    return refusal is None or (bool(log) and not any(words in log for words in _UNKNOWN))


@cache
def program_type(name: str) -> bool:
    """Return whether the kernel has a type of programs, like ``xdp``; raises ArgumentError, BpfError."""
    refusal, log = _load(_named(ProgramType, name, "type of programs"), _RETURN_0)
    return refusal is None or bool(log) or refusal.errno not in _ABSENT


@cache
def map_type(name: str) -> bool:
    """Return whether the kernel has a type of maps, like ``ringbuf``; raises ArgumentError, BpfError."""
    type = _named(MapType, name, "type of maps")
    if type == MapType.STRUCT_OPS:
        raise BpfError("a map of struct_ops is created for a structure of the kernel only: no probe tells")
    if type in MAP_IN_MAP:
        with OwnedFd(_create(MapType.ARRAY)) as template:
            return _answer(lambda: _create(type, inner=template.fd))
    if type in _WITH_BTF:
        with OwnedFd(PROBES["btf"]()) as types:  # type 1 is an int
            return _answer(lambda: _create(type, btf=types.fd))
    return _answer(lambda: _create(type))


@cache
def attach_type(name: str) -> bool:
    """Return whether the kernel has an attach type of devices or cgroups, like ``tcx_ingress`` or
    ``cgroup_inet_egress``; raises ArgumentError, BpfError."""
    try:
        number = attach_type_number(name)
    except (ValueError, KeyError):
        raise ArgumentError(f'"{name}" is no attach type that pytc knows') from None
    try:
        query(AttachPoint(0, number), links=name.startswith(("tcx", "netkit")))
    except BpfSyscallError as error:
        if error.errno in _UNTOLD:
            raise
        return error.errno not in _ABSENT  # others are about the target, which there is none of
    return True


@cache
def kernel_function(name: str) -> bool:
    """Return whether the kernel itself, without modules, has a function, and tells its type: programs can call it if it
    is a kfunc. Raises ObjectError where the kernel's types cannot be read."""
    from pytc.bpf.btf.types import FUNC
    from pytc.bpf.kernel.running import kernel_btf

    types = kernel_btf()
    return any(types.kind(number) == FUNC for number in types.named((name,)).get(name, ()))


@cache
def other(name: str) -> bool:
    """Return whether the kernel has one of :func:`names`, like ``btf_enum64`` or ``mmapable``; raises ArgumentError,
    BpfError."""
    if name not in PROBES:
        raise ArgumentError(f'"{name}" is no feature: {", ".join(PROBES)}')
    answer = attempt(PROBES[name])
    if answer is None:
        raise BpfError(f'the kernel does not tell whether it has "{name}"', errno=errno.EPERM)
    return answer


def names() -> list[str]:
    """Return the names that :func:`other` knows."""
    return list(PROBES)


def _named(types: type[_Named], name: str, what: str) -> _Named:
    try:
        return types[name.upper()]
    except KeyError:
        raise ArgumentError(f'"{name}" is no {what} that pytc knows') from None


def _load(type: ProgramType, code: bytes) -> tuple[BpfSyscallError | None, bytes]:
    """Load a program; return the refusal, if there is one, and the verifier's log. Raises BpfError where it does not
    come as far as that."""
    if type in _FOR_FUNCTION:
        raise BpfError(f"a program of type {type.name.lower()} is loaded for a function of the kernel only")
    instructions, license = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    log = ctypes.create_string_buffer(_LOG_BYTES)
    attr = ProgLoadAttr(
        prog_type=type,
        insn_cnt=len(code) // 8,
        insns=pointer(instructions),
        license=pointer(license),
        log_level=1,
        log_size=len(log),
        log_buf=pointer(log),
        prog_flags=F_SLEEPABLE if type == ProgramType.SYSCALL else 0,
        expected_attach_type=attach_type_number(_FOR_ATTACH_TYPE[type]) if type in _FOR_ATTACH_TYPE else 0,
    )
    try:
        OwnedFd(bpf(Command.PROG_LOAD, attr)).close()
    except BpfSyscallError as error:
        if error.errno in _UNTOLD and not log.value:
            raise
        return error, log.value
    return None, log.value


def _create(type: MapType, *, btf: int = 0, inner: int = 0) -> int:
    key_size, value_size, entries, flags = _SHAPES.get(type, (4, 4, 1, 0))
    return bpf(
        Command.MAP_CREATE,
        MapCreateAttr(
            map_type=type,
            key_size=key_size,
            value_size=value_size,
            max_entries=entries,
            map_flags=flags,
            inner_map_fd=inner,
            btf_fd=btf,
            btf_key_type_id=1 if btf else 0,
            btf_value_type_id=1 if btf else 0,
        ),
    )


def _answer(probe: Callable[[], int]) -> bool:
    try:
        OwnedFd(probe()).close()
    except BpfSyscallError as error:
        if error.errno not in (*_ABSENT, errno.EOPNOTSUPP, ENOTSUPP):  # the latter two: not for this CPU
            raise
        return False
    return True
