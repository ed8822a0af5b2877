"""Repeat a load that succeeded, as the mere calls of bpf(2).

For programs with nothing but maps of their own, as most are: no pins, no tail calls, no questions to the kernel. All
but the first of a thousand loads of one program are these calls.
"""

from __future__ import annotations

import ctypes
import os
import struct

from pytc.bpf.link.linker import patch
from pytc.bpf.loader.prog_load import program_attribute
from pytc.bpf.maps.map import map_attribute
from pytc.bpf.object.names import kernel_map_name
from pytc.bpf.object.spec import DATA, KCONFIG
from pytc.bpf.sys.abi import MapElementAttr, MapFdAttr, pointer
from pytc.bpf.sys.constants import Command, MapType, ProgramType
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf, used_size
from pytc.errors import BpfSyscallError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.bpf.kernel.features import Features
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.link.prepare import Prepared
    from pytc.bpf.object.spec import MapSpec, ObjectSpec
    from pytc.bpf.sys.abi import MapCreateAttr, ProgLoadAttr

_IMMEDIATE = struct.Struct("=i")
_KEY = ctypes.create_string_buffer(4)
_FIRST_OWN = 3  # OwnedFd moves lower numbers, those of closed standard streams, which a replay cannot


class _MapStep(NamedTuple):
    """A map to create, and the calls that write and freeze it, which lack its descriptor.

    ``fd_offsets`` are the offsets in the program's bytes that take the descriptor, too; ``memory`` is what ``write``
    points to.
    """

    attr: MapCreateAttr
    size: int
    write: MapElementAttr | None
    freeze: MapFdAttr | None
    fd_offsets: tuple[int, ...]
    memory: object


class Replay:
    """A load of a program that can be repeated, each time with new maps."""

    def __init__(self, maps: Sequence[_MapStep], code: bytearray, program: ProgLoadAttr, memory: list[object]) -> None:
        self._maps = maps
        self._code = code
        self._program = program
        self._size = used_size(program)
        self._memory = memory

    def load(self) -> OwnedFd | None:
        """Load the program; returns its descriptor. Its maps live as long as the program does.

        Returns None where a call failed, with nothing left behind: a load from scratch says why.
        """
        fds: list[int] = []
        try:
            for step in self._maps:
                fd = bpf(Command.MAP_CREATE, step.attr, size=step.size)
                fds.append(fd)
                if fd < _FIRST_OWN:
                    return None
                self._fill(step, fd)
            return OwnedFd(bpf(Command.PROG_LOAD, self._program, size=self._size))
        except BpfSyscallError:
            return None
        finally:
            for fd in fds:
                os.close(fd)

    def _fill(self, step: _MapStep, fd: int) -> None:
        if step.write is not None:
            step.write.map_fd = fd
            bpf(Command.MAP_UPDATE_ELEM, step.write, size=32)
        if step.freeze is not None:
            step.freeze.map_fd = fd
            bpf(Command.MAP_FREEZE, step.freeze, size=4)
        for offset in step.fd_offsets:
            _IMMEDIATE.pack_into(self._code, offset, fd)


def replay_of(spec: ObjectSpec, prepared: Prepared, btf_fd: int, features: Features) -> Replay | None:
    """Return the replay of a prepared program's load; None if the load takes more than a replay can do.

    ``btf_fd``, the descriptor of the program's types, must stay open as long as the replay is used.
    """
    used = [declared for declared in spec.maps.values() if declared.name in prepared.used]
    if (
        len(prepared.programs) != 1
        or prepared.tail_calls
        or prepared.externs
        or not prepared.is_cacheable
        or not all(map(_is_plain, used))
    ):
        return None
    linked, type = prepared.programs[0], prepared.types[0]
    maps = [_map_step(declared, spec, linked, btf_fd, features) for declared in used]
    code = bytearray(patch(linked, dict.fromkeys(prepared.used, 0)))
    program, memory = program_attribute(spec, linked, code, ProgramType(type), btf_fd, features)
    return Replay(maps, code, program, memory)


def _is_plain(spec: MapSpec) -> bool:
    if spec.origin == DATA and len(spec.contents) not in (0, spec.value_size):
        return False
    if spec.type == MapType.ARENA:  # it is mapped after it is made
        return False
    return not spec.pinning and not spec.reuse and spec.inner is None and not spec.slots and spec.name != KCONFIG


def _map_step(spec: MapSpec, owner: ObjectSpec, linked: LinkedProgram, btf_fd: int, features: Features) -> _MapStep:
    attr = map_attribute(spec, kernel_map_name(spec, owner.name), features, btf_fd=btf_fd)
    is_data = spec.origin == DATA
    contents = ctypes.create_string_buffer(spec.contents, len(spec.contents)) if is_data and spec.contents else None
    write = MapElementAttr(0, 0, pointer(_KEY), pointer(contents)) if contents is not None else None
    freeze = MapFdAttr() if is_data and spec.frozen else None
    fd_offsets = tuple(reference.slot * 8 + 4 for reference in linked.maps if reference.name == spec.name)
    return _MapStep(attr, used_size(attr), write, freeze, fd_offsets, contents)
