"""Read the kernel's full description of a loaded program: BPF_OBJ_GET_INFO_BY_FD with all its arrays."""

from __future__ import annotations

import ctypes

from pytc.bpf.btf.ext import Line
from pytc.bpf.btf.text import type_text
from pytc.bpf.btf.types import Btf
from pytc.bpf.insn.disassemble import callee
from pytc.bpf.insn.instructions import OP_CALL, PSEUDO_CALL
from pytc.bpf.kernel.symbols import KernelSymbols
from pytc.bpf.sys.abi import ProgInfo
from pytc.bpf.sys.info import btf_image, check_kind, get_info
from pytc.errors import BpfError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.insn.instructions import Instruction

#: The smallest records of functions (``insn_off u32, type_id u32``) and of lines (``insn_off, file, line, column``).
_FUNCTION, _LINE = 8, 16
_CALL_BASE = "__bpf_call_base"


class ProgramInfo(NamedTuple):
    """Fields of ``struct bpf_prog_info``.

    ``tag`` is hex, ``load_time`` in nanoseconds since boot; ``run_count`` and ``run_time`` (nanoseconds) are counted
    while statistics are on; the lengths are in bytes.
    """

    id: int
    type: int
    name: str
    tag: str
    gpl_compatible: bool
    load_time: int
    created_by_uid: int
    map_ids: tuple[int, ...]
    btf_id: int
    translated_length: int
    jited_length: int
    run_count: int
    run_time: int
    recursion_misses: int
    verified_instructions: int


class Function(NamedTuple):
    """A function: its first slot, its name, and its declaration in C."""

    start: int
    name: str
    text: str


class Source(NamedTuple):
    """Functions, and lines of C with the slot, or the address in machine code, at which each begins."""

    functions: tuple[Function, ...]
    lines: tuple[tuple[int, Line], ...]


class TranslatedProgram(NamedTuple):
    """A program as the kernel rewrote it: instructions with ids of maps, and the addresses of its functions' machine
    code."""

    instructions: bytes
    source: Source
    addresses: tuple[int, ...]


class MachineFunction(NamedTuple):
    """The machine code of a function."""

    name: str
    address: int
    code: bytes


class MachineCode(NamedTuple):
    """The machine code of a program, and its source."""

    functions: tuple[MachineFunction, ...]
    source: Source


def program_info(fd: int) -> ProgramInfo:
    """Return the kernel's full description of a program; raises BpfSyscallError, also for a descriptor of something
    else."""
    check_kind(fd, "prog")
    info = ProgInfo()
    get_info(fd, info)
    maps = (ctypes.c_uint32 * max(info.nr_map_ids, 1))()
    request = ProgInfo(nr_map_ids=info.nr_map_ids, map_ids=ctypes.addressof(maps))
    get_info(fd, request)
    return ProgramInfo(
        info.id,
        info.type,
        info.name.decode("utf-8", "replace"),
        bytes(info.tag).hex(),
        bool(info.gpl_compatible & 1),
        info.load_time,
        info.created_by_uid,
        tuple(maps[: min(info.nr_map_ids, request.nr_map_ids)]),
        info.btf_id,
        info.xlated_prog_len,
        info.jited_prog_len,
        info.run_cnt,
        info.run_time_ns,
        info.recursion_misses,
        info.verified_insns,
    )


class _Arrays:
    """The arrays of a program's description, read in one call."""

    def __init__(self, fd: int, *, jited: bool) -> None:
        check_kind(fd, "prog")
        first = ProgInfo()
        get_info(fd, first)
        self._buffers: list[ctypes.Array[ctypes.c_char]] = []
        self.info = ProgInfo(
            func_info_rec_size=first.func_info_rec_size,
            line_info_rec_size=first.line_info_rec_size,
            jited_line_info_rec_size=first.jited_line_info_rec_size,
        )
        info = self.info
        info.jited_ksyms = self._room(8 * first.nr_jited_ksyms)
        info.nr_jited_ksyms = first.nr_jited_ksyms
        info.func_info = self._room(first.func_info_rec_size * first.nr_func_info)
        info.nr_func_info = first.nr_func_info
        info.line_info = self._room(first.line_info_rec_size * first.nr_line_info)
        info.nr_line_info = first.nr_line_info
        if jited:
            info.jited_prog_insns, info.jited_prog_len = self._room(first.jited_prog_len), first.jited_prog_len
            info.jited_func_lens, info.nr_jited_func_lens = (
                self._room(4 * first.nr_jited_func_lens),
                first.nr_jited_func_lens,
            )
            info.jited_line_info = self._room(first.jited_line_info_rec_size * first.nr_jited_line_info)
            info.nr_jited_line_info = first.nr_jited_line_info
        else:
            info.xlated_prog_insns, info.xlated_prog_len = self._room(first.xlated_prog_len), first.xlated_prog_len
        get_info(fd, info)

    def _room(self, size: int) -> int:
        self._buffers.append(ctypes.create_string_buffer(max(size, 1)))
        return ctypes.addressof(self._buffers[-1])

    def numbers(self, address: int, count: int, size: int, record: int = 0) -> list[tuple[int, ...]]:
        """Return ``count`` records of ``record`` bytes at an address, each as numbers of ``size`` (4 or 8) bytes."""
        step = (record or size) // size
        if not step or not address:
            return []
        data = memoryview(ctypes.string_at(address, count * step * size))
        values = (data.cast("I") if size == 4 else data.cast("Q")).tolist()
        return [tuple(values[start : start + step]) for start in range(0, len(values), step)]

    def addresses(self) -> list[int]:
        """Return the addresses of the functions' machine code."""
        return [address for (address,) in self.numbers(self.info.jited_ksyms, self.info.nr_jited_ksyms, 8)]

    def functions(self, btf: Btf | None) -> tuple[Function, ...]:
        """Return the functions; none without BTF."""
        info = self.info
        if btf is None or info.func_info_rec_size < _FUNCTION:
            return ()
        records = self.numbers(info.func_info, info.nr_func_info, 4, info.func_info_rec_size)
        return tuple(
            Function(start, btf.name(type_id), type_text(btf, btf.referred(type_id), btf.name(type_id)))
            for start, type_id, *_ in records
        )

    def lines(self, btf: Btf | None) -> list[tuple[int, Line]]:
        """Return (slot, line of C) in the order of the slots; none without BTF."""
        info = self.info
        if btf is None or info.line_info_rec_size < _LINE:
            return []
        records = self.numbers(info.line_info, info.nr_line_info, 4, info.line_info_rec_size)
        return [
            (start, Line(btf.string(file), column >> 10, btf.string(text).strip()))
            for start, file, text, column, *_ in records
        ]


def _types(number: int) -> Btf | None:
    """Return the types with an id of the kernel; None for 0, and where this process may not read them."""
    try:
        return Btf(btf_image(number)) if number else None
    except BpfError:
        return None


def read_translated(fd: int) -> TranslatedProgram:
    """Return a program's instructions after the kernel's changes, with their source (needs CAP_SYS_ADMIN).

    Raises BpfSyscallError.
    """
    arrays = _Arrays(fd, jited=False)
    info = arrays.info
    btf = _types(info.btf_id)
    code = ctypes.string_at(info.xlated_prog_insns, info.xlated_prog_len) if info.xlated_prog_insns else b""
    return TranslatedProgram(code, Source(arrays.functions(btf), tuple(arrays.lines(btf))), tuple(arrays.addresses()))


def read_machine_code(fd: int) -> MachineCode:
    """Return a program's machine code, empty where the kernel interprets it or this process may not see it.

    Raises BpfSyscallError.
    """
    arrays = _Arrays(fd, jited=True)
    info = arrays.info
    btf = _types(info.btf_id)
    code = ctypes.string_at(info.jited_prog_insns, info.jited_prog_len) if info.jited_prog_insns else b""
    if not code:
        return MachineCode((), Source((), ()))
    lengths = [size for (size,) in arrays.numbers(info.jited_func_lens, info.nr_jited_func_lens, 4)]
    records = arrays.numbers(info.jited_line_info, info.nr_jited_line_info, 8, info.jited_line_info_rec_size)
    lines = [(record[0], line) for record, (_, line) in zip(records, arrays.lines(btf), strict=False)]
    declared, symbols = arrays.functions(btf), KernelSymbols()
    functions, offset = [], 0
    for number, (address, size) in enumerate(zip(arrays.addresses(), lengths, strict=False)):
        name = declared[number].name if number < len(declared) else symbols.name(address)
        functions.append(MachineFunction(name, address, code[offset : offset + size]))
        offset += size
    return MachineCode(tuple(functions), Source(declared, tuple(lines)))


class CallNames:
    """Names for the targets of a program's calls: helpers and kernel functions by their distance from
    ``__bpf_call_base``, subprograms by the address of their machine code."""

    def __init__(self, addresses: tuple[int, ...] = (), symbols: KernelSymbols | None = None) -> None:
        self._addresses = addresses
        self._symbols = symbols if symbols is not None else KernelSymbols()
        self._base = -1

    def __call__(self, instruction: Instruction) -> str:
        """Return the name of a call's target in the form of ``bpftool prog dump xlated``."""
        assert instruction.opcode == OP_CALL
        if instruction.source == PSEUDO_CALL:
            return self._subprogram(instruction)
        own = callee(instruction)
        if not instruction.source and not own.startswith("unknown"):
            return own
        if self._base < 0:
            self._base = self._symbols.address(_CALL_BASE)
        address = self._base + instruction.immediate
        return f"{self._symbols.name(address) or f'{address & (1 << 64) - 1:#x}'}#{instruction.immediate}"

    def _subprogram(self, instruction: Instruction) -> str:
        distance, number = f"pc{instruction.offset:+d}", instruction.immediate
        if not 0 <= number < len(self._addresses):
            return distance
        return f"{distance}#{self._symbols.name(self._addresses[number]) or f'{self._addresses[number]:#x}'}"
