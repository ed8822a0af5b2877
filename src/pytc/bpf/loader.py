"""From blueprint to kernel: maps, programs, slots. Everything or nothing.

:func:`load` takes visible steps, each of which leaves what it made with the :class:`Loaded` object; a failure
closes every descriptor and removes every pin that was made.
"""

import ctypes
import errno
import re
from collections.abc import Iterable
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple

from pytc.bpf.abi import BtfLoadAttr, ProgLoadAttr, pointer
from pytc.bpf.btf import Btf
from pytc.bpf.btf_upload import kernel_image
from pytc.bpf.constants import Command, MapType, ProgramType, map_type_name, program_type_name
from pytc.bpf.core_relocations import CoreResolver
from pytc.bpf.descriptor import OwnedFd
from pytc.bpf.externs import KCONFIG, SETTING, ExternResolver, ExternValue
from pytc.bpf.kconfig import kconfig_contents
from pytc.bpf.kernel import configuration, kernel_btf, symbol_addresses, version_code
from pytc.bpf.linker import LinkedProgram, link, map_names, patch
from pytc.bpf.maps import Map, actual_entries, create_map, open_pin, pin
from pytc.bpf.memlock import retry_unlimited
from pytc.bpf.pinning import PinRoot
from pytc.bpf.program import Program
from pytc.bpf.reader import kernel_map_name, kernel_name
from pytc.bpf.spec import DATA, MapSpec, ObjectSpec, ProgramSpec
from pytc.bpf.syscall import bpf
from pytc.bpf.verifier import verifier_error
from pytc.errors import BpfSyscallError, MapMismatchError, ObjectError, PinError

_TAIL_CALL_SECTION = re.compile(r"(0[xX][0-9a-fA-F]+|\d+)/(0[xX][0-9a-fA-F]+|\d+)\Z")
_LOG_SIZES = (1 << 16, 1 << 20, 1 << 24, (1 << 30) - 1)
_LOG_BRANCHES_AND_STATS = 1 | 4
#: Flags that the kernel itself adds to a map that it makes (kernel/bpf/devmap.c, commit 0cdbb4b09a06).
_KERNEL_ADDS = {MapType.DEVMAP: 1 << 7, MapType.DEVMAP_HASH: 1 << 7}


class TailCall(NamedTuple):
    """A program for slot ``slot`` of the program array ``map_name``."""

    map_name: str
    slot: int
    program: ProgramSpec


class Loaded:
    """A loaded program with its maps; owns all descriptors. Close it, or use it in a ``with`` block.

    ``program`` is what was asked for, ``maps`` are by name, ``notes`` say what a user should know. Closing
    keeps pins; :meth:`undo` removes those that this load made.
    """

    def __init__(self, spec: ObjectSpec, pins: PinRoot) -> None:
        self.spec = spec
        self.maps: dict[str, Map] = {}
        self.notes: list[str] = []
        self.log = ""
        self._pins = pins
        self._owned = ExitStack()
        self._program: Program | None = None

    @property
    def program(self) -> Program:
        if self._program is None:
            raise ObjectError("no program is loaded")
        return self._program

    def close(self) -> None:
        """Closes every descriptor; what is pinned or attached lives on."""
        self._owned.close()

    def undo(self) -> None:
        """Removes the pins that this load made; for callers whose next step failed."""
        self._pins.undo()

    def __enter__(self) -> "Loaded":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()


def load(spec: ObjectSpec, program: ProgramSpec, *, type: ProgramType = ProgramType.UNSPEC,
         pins: PinRoot | None = None, verbose: bool = False, kernel_btf: str = "") -> Loaded:
    """Loads a program, the programs that its tail calls reach, and the object's maps.

    ``type`` overrides what the section's name says. ``verbose`` fetches the verifier's log also on success,
    into ``Loaded.log``. ``kernel_btf`` names a file with the kernel's types where /sys/kernel/btf/vmlinux is missing.
    Raises BpfSyscallError, MapMismatchError, PinError, VerifierError or ObjectError; then
    nothing is left behind.
    """
    loaded = Loaded(spec, pins if pins is not None else PinRoot())
    try:
        loading = _Loading(loaded, type if type is not ProgramType.UNSPEC else program.type, verbose, kernel_btf)
        linked = loading.link_programs(program)
        loading.resolve_externs(linked)
        loading.load_btf()
        loading.make_maps(linked)
        loading.fill_data_maps()
        loading.load_programs(program, linked)
        loading.fill_slots()
    except BaseException:
        loaded.close()
        loaded.undo()
        raise
    return loaded


def tail_calls(spec: ObjectSpec) -> list[TailCall]:
    """The programs that belong into program arrays: sections named ``ID/KEY``, and ``values`` of ``.maps``."""
    found = []
    for program in spec.programs:
        match = _TAIL_CALL_SECTION.match(program.section)
        array = spec.map_by_id(int(match.group(1), 0)) if match else None
        if match and array is not None and array.type == MapType.PROG_ARRAY:
            found.append(TailCall(array.name, int(match.group(2), 0), program))
    by_name = {program.name: program for program in spec.programs}
    for declared in spec.maps.values():
        if declared.type == MapType.PROG_ARRAY:
            for index, name in declared.slots:
                if name not in by_name:
                    raise ObjectError(f'map "{declared.name}" wants program "{name}" in slot {index}; '
                                      "the object has no such program")
                found.append(TailCall(declared.name, index, by_name[name]))
    return found


class _KernelTypes:
    """The kernel's types, read when they are first needed."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._types: Btf | None = None

    def types(self) -> Btf:
        if self._types is None:
            self._types = kernel_btf(self._path)
        return self._types


class _Loading:
    """The state of one load."""

    def __init__(self, loaded: Loaded, program_type: ProgramType, verbose: bool, kernel_btf: str) -> None:
        self._loaded = loaded
        self._spec = loaded.spec
        self._type = program_type
        self._verbose = verbose
        self._kernel = _KernelTypes(kernel_btf)
        self._externs: dict[str, ExternValue] = {}
        self._btf_fd = 0
        self._programs: dict[str, Program] = {}
        self._tail_calls: list[TailCall] = []
        if program_type is ProgramType.UNSPEC:
            raise ObjectError("the section's name does not say a program type; give one")

    def link_programs(self, program: ProgramSpec) -> list[LinkedProgram]:
        """The program and all that its tail calls can reach, in that order."""
        candidates, core = tail_calls(self._spec), None
        if self._spec.btf is not None and self._spec.btf_ext is not None:
            core = CoreResolver(self._spec.btf, self._spec.btf_ext, self._kernel.types)
        linked = [link(self._spec, program, core)]
        known, reached = {program.function}, map_names(linked[0])
        while True:
            found = [call for call in candidates if call.map_name in reached]
            candidates = [call for call in candidates if call.map_name not in reached]
            if not found:
                return linked
            for call in found:
                self._tail_calls.append(call)
                if call.program.function not in known:
                    known.add(call.program.function)
                    linked.append(link(self._spec, call.program, core))
                    reached |= map_names(linked[-1])

    def resolve_externs(self, linked: Iterable[LinkedProgram]) -> None:
        """Finds the kernel's variables and functions that the programs use."""
        used = {use.name for one in linked for use in one.externs}
        if used and self._spec.btf is not None:
            resolver = ExternResolver(self._spec.btf, self._kernel.types, symbol_addresses)
            self._externs = resolver.resolve([self._spec.externs[name] for name in sorted(used)])

    def load_btf(self) -> None:
        """Uploads the object's BTF. A kernel that refuses it may still take the program: noted, not fatal."""
        btf = self._spec.btf
        if btf is None:
            return
        data = ctypes.create_string_buffer(kernel_image(self._spec, btf))
        attr = BtfLoadAttr(btf=pointer(data), btf_size=len(data) - 1)
        try:
            fd = OwnedFd(retry_unlimited(lambda: bpf(Command.BTF_LOAD, attr, what="the object's BTF")))
        except BpfSyscallError as error:
            self._loaded.notes.append(f"{error}; going on without type information")
            return
        self._loaded._owned.enter_context(fd)
        self._btf_fd = fd.fd

    def make_maps(self, linked: Iterable[LinkedProgram]) -> None:
        """Opens or creates the object's maps. One that no loaded program uses may fail."""
        needed = set().union(*(map_names(one) for one in linked))
        for name in list(needed):
            spec = self._spec.maps[name]
            needed.update(member for _, member in spec.slots if member in self._spec.maps)
        for spec in self._in_order():
            try:
                self._loaded.maps[spec.name] = self._loaded._owned.enter_context(self._open_or_create(spec))
            except BpfSyscallError as error:
                if spec.name in needed:
                    raise
                self._loaded.notes.append(f"{error}; no loaded program uses it")

    def _in_order(self) -> list[MapSpec]:
        """Maps in the object's order, but a map-in-map after the others: it wants its template first."""
        specs = list(self._spec.maps.values())
        return [s for s in specs if s.inner is None] + [s for s in specs if s.inner is not None]

    def _open_or_create(self, spec: MapSpec) -> Map:
        path = self._loaded._pins.path_for(spec, self._spec)
        pinned = _open_pinned(spec, path) if path else None
        if pinned is not None:
            return pinned
        made = self._create(spec)
        if path:
            try:
                self._loaded._pins.prepare(path)
                pin(made.fd, path)
                self._loaded._pins.pinned(path)
            except BpfSyscallError as error:
                made.close()
                raise PinError(f'map "{spec.name}": {error}', errno=error.errno) from error
            except BaseException:
                made.close()
                raise
        return made

    def _create(self, spec: MapSpec) -> Map:
        name = kernel_map_name(spec, self._spec.name)
        if spec.inner is None:
            return create_map(spec, name, btf_fd=self._btf_fd)
        with create_map(spec.inner._replace(pinning=0), kernel_name(spec.inner.name),
                        btf_fd=self._btf_fd) as template:
            return create_map(spec, name, btf_fd=self._btf_fd, inner_fd=template.fd)

    def fill_data_maps(self) -> None:
        """Puts the bytes of data sections into their maps, and freezes the read-only ones."""
        for made in self._loaded.maps.values():
            spec = made.spec
            if spec is None or spec.origin != DATA:
                continue
            contents = self._settings(spec) if spec.name == KCONFIG else spec.contents
            if contents:
                made.update(bytes(4), contents)
            if spec.frozen:
                _freeze(made)

    def _settings(self, spec: MapSpec) -> bytes:
        settings = [e for e in self._spec.externs.values() if e.kind == SETTING]
        assert self._spec.btf is not None
        return kconfig_contents(spec.value_size, settings, self._spec.btf, version=version_code,
                                configuration=configuration)

    def load_programs(self, program: ProgramSpec, linked: Iterable[LinkedProgram]) -> None:
        """BPF_PROG_LOAD for each."""
        fds = {name: made.fd for name, made in self._loaded.maps.items()}
        numbers = {extern.name: extern.number for extern in self._spec.externs.values()}
        for one in linked:
            code = patch(one, fds, self._externs, numbers)
            descriptor, log = _submit(self._spec, one, code, self._type,
                                      btf_fd=self._btf_fd, verbose=self._verbose)
            made = self._loaded._owned.enter_context(Program(descriptor, one.program))
            self._programs[one.program.name] = made
            if one.program == program:
                self._loaded._program = made
                self._loaded.log = log

    def fill_slots(self) -> None:
        """Programs into program arrays, maps into maps-in-maps."""
        for call in self._tail_calls:
            self._fill(call.map_name, call.slot, self._programs[call.program.name].fd,
                       f'program "{call.program.name}"')
        for made in self._loaded.maps.values():
            spec = made.spec
            if spec is None or spec.inner is None:
                continue
            for index, name in spec.slots:
                member = self._loaded.maps.get(name)
                if member is None:
                    raise ObjectError(f'map "{spec.name}" wants map "{name}" in slot {index}; there is no such map')
                self._fill(spec.name, index, member.fd, f'map "{name}"')
        self._warn_of_lost_slots()

    def _fill(self, map_name: str, index: int, fd: int, what: str) -> None:
        target = self._loaded.maps[map_name]
        try:
            target.update(index.to_bytes(4, "little"), fd.to_bytes(4, "little"))
        except OverflowError:
            raise ObjectError(f'map "{map_name}": slot {index} is out of range') from None
        except BpfSyscallError as error:
            if error.errno == errno.E2BIG:
                error.hints = (f'map "{map_name}" has {target.description.max_entries} entries; '
                               f"slot {index} is not among them",)
            elif error.errno == errno.EINVAL:
                error.hints = ("all programs of a program array must have the same type and be JIT-compiled alike; "
                               "a pinned array keeps the type of the first program that it held",)
            error.args = (f"putting {what} into slot {index}: {error}",)
            raise

    def _warn_of_lost_slots(self) -> None:
        for name in {call.map_name for call in self._tail_calls}:
            spec = self._spec.maps[name]
            if not spec.pinning:
                self._loaded.notes.append(
                    f'program array "{name}" is not pinned: the kernel empties it when the last descriptor is '
                    "closed, and its tail calls then fall through")


def _open_pinned(spec: MapSpec, path: str) -> Map | None:
    """The pinned map, None when there is none; raises MapMismatchError when it is another kind of map."""
    try:
        descriptor = open_pin(path)
    except BpfSyscallError as error:
        if error.errno == errno.ENOENT:
            return None
        raise PinError(f'map "{spec.name}": {error}', errno=error.errno) from error
    try:
        found = Map(descriptor, spec)
    except BpfSyscallError as error:
        raise PinError(f'map "{spec.name}": what is pinned at "{path}" is no map', errno=error.errno) from error
    differences = differing_fields(spec, found)
    if differences:
        found.close()
        raise MapMismatchError(spec.name, path, differences)
    return found


def differing_fields(spec: MapSpec, found: Map) -> dict[str, tuple[str, str]]:
    """{field: (pinned, declared)} where a map is not what a declaration wants."""
    description = found.description
    ignored = _KERNEL_ADDS.get(MapType(spec.type), 0) if spec.type in _KERNEL_ADDS else 0
    pairs = {
        "type": (map_type_name(description.type), map_type_name(spec.type)),
        "key size": (str(description.key_size), str(spec.key_size)),
        "value size": (str(description.value_size), str(spec.value_size)),
        "max entries": (str(description.max_entries), str(actual_entries(spec))),
        "flags": (f"{description.flags & ~ignored:#x}", f"{spec.flags & ~ignored:#x}"),
    }
    return {field: values for field, values in pairs.items() if values[0] != values[1]}


def _freeze(made: Map) -> None:
    try:
        made.freeze()
    except BpfSyscallError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # v5.2 brought BPF_MAP_FREEZE
            raise


def _submit(spec: ObjectSpec, linked: LinkedProgram, code: bytes, type: ProgramType, *, btf_fd: int,
            verbose: bool) -> tuple[OwnedFd, str]:
    """BPF_PROG_LOAD: without a log first, which is faster; with one when refused or asked for."""
    attr, kept = _load_attribute(spec, linked, code, type, btf_fd)
    what = f'program "{linked.program.name}" ({program_type_name(type)})'
    if not verbose:
        try:
            return OwnedFd(retry_unlimited(lambda: bpf(Command.PROG_LOAD, attr, what=what))), ""
        except BpfSyscallError as error:
            if error.errno == errno.EPERM:
                raise verifier_error(spec, linked, errno.EPERM, "") from error
    number, log = 0, ""
    for size in _LOG_SIZES:
        buffer = ctypes.create_string_buffer(size)
        attr.log_buf, attr.log_size, attr.log_level = ctypes.addressof(buffer), size, _LOG_BRANCHES_AND_STATS
        try:
            fd = OwnedFd(retry_unlimited(lambda: bpf(Command.PROG_LOAD, attr, what=what)))
            return fd, _text(buffer)
        except BpfSyscallError as error:
            number, log = error.errno or 0, _text(buffer)
        if number != errno.ENOSPC:
            break
    del kept
    raise verifier_error(spec, linked, number, log)


def _text(buffer: "ctypes.Array[ctypes.c_char]") -> str:
    return bytes(buffer.value).decode("utf-8", "replace")


def _load_attribute(spec: ObjectSpec, linked: LinkedProgram, code: bytes, type: ProgramType,
                    btf_fd: int) -> tuple[ProgLoadAttr, list[object]]:
    instructions = ctypes.create_string_buffer(code, len(code))
    license = ctypes.create_string_buffer(spec.license.encode())
    kept: list[object] = [instructions, license]
    attr = ProgLoadAttr(
        prog_type=type, insn_cnt=len(code) // 8, insns=pointer(instructions), license=pointer(license),
        kern_version=spec.kernel_version, prog_name=kernel_name(linked.program.name).encode())
    if type == linked.program.type and type not in (ProgramType.SCHED_CLS, ProgramType.SCHED_ACT):
        attr.expected_attach_type = linked.program.expected_attach_type
    if btf_fd and linked.func_info:
        functions = ctypes.create_string_buffer(linked.func_info, len(linked.func_info))
        attr.prog_btf_fd, attr.func_info = btf_fd, pointer(functions)
        attr.func_info_rec_size = linked.func_info_size
        attr.func_info_cnt = len(linked.func_info) // linked.func_info_size
        kept.append(functions)
        if linked.line_info:
            lines = ctypes.create_string_buffer(linked.line_info, len(linked.line_info))
            attr.line_info, attr.line_info_rec_size = pointer(lines), linked.line_info_size
            attr.line_info_cnt = len(linked.line_info) // linked.line_info_size
            kept.append(lines)
    return attr, kept
