"""Link a program and its subprograms to one run of instructions; pure, no kernel.

Subprograms are appended depth first, at their first call: libbpf's order, so that a program's tag is the same whichever
of the two loaded it. References to maps stay symbolic until :func:`patch` puts descriptors in.
"""

from __future__ import annotations

from bisect import bisect_left

from pytc.bpf.btf.ext import core_relocations
from pytc.bpf.insn import instructions as ins
from pytc.bpf.object.spec import (
    POISON_FUNCTION,
    Target,
)
from pytc.errors import MapDefinitionError, ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytc.bpf.link.core_relocations import CoreResolver
    from pytc.bpf.object.spec import (
        CodeSection,
        ExternValue,
        FunctionSpec,
        ObjectSpec,
        ProgramSpec,
    )

_MAX_INSTRUCTIONS = 1_000_000


class MapReference(NamedTuple):
    """A 16-byte load in slot ``slot``: of the map, or of the address ``offset`` in a data map's value."""

    slot: int
    name: str
    offset: int = 0


class ExternReference(NamedTuple):
    """A call, or a 16-byte load, in slot ``slot`` that needs an extern of the kernel."""

    slot: int
    name: str
    is_call: bool


class LinkedFunction(NamedTuple):
    """A function of the linked program; ``start`` is its first instruction there."""

    function: FunctionSpec
    start: int


class LinkedProgram(NamedTuple):
    """A program with its subprograms as instructions.

    ``func_info`` and ``line_info`` are empty unless the object has them for every function. ``missing`` says by slot
    why an instruction is poisoned.
    """

    program: ProgramSpec
    code: bytes
    maps: tuple[MapReference, ...]
    functions: tuple[LinkedFunction, ...]
    externs: tuple[ExternReference, ...] = ()
    missing: Mapping[int, str] = {}
    func_info: bytes = b""
    func_info_size: int = 0
    line_info: bytes = b""
    line_info_size: int = 0


def link(spec: ObjectSpec, program: ProgramSpec, core: CoreResolver | None = None) -> LinkedProgram:
    """Return a program linked with its subprograms.

    ``core`` resolves CO-RE relocations; without it, an instruction that has one keeps the object's value. Raises
    ObjectError for a call that leads nowhere, and for externs that the object's BTF does not declare.
    """
    linking = _Linking(spec, program, core)
    linking.append(program.function)
    func_info, line_info = _debug_info(spec, linking.functions)
    ext = spec.btf_ext
    return LinkedProgram(
        program,
        bytes(linking.code),
        tuple(linking.maps),
        tuple(linking.functions),
        tuple(linking.externs),
        linking.missing,
        func_info,
        ext.functions.size if ext and func_info else 0,
        line_info,
        ext.lines.size if ext and line_info else 0,
    )


def patch(
    linked: LinkedProgram,
    fds: Mapping[str, int],
    externs: Mapping[str, ExternValue] | None = None,
    numbers: Mapping[str, int] | None = None,
) -> bytes:
    """Return the instructions with map descriptors and externs in place.

    ``numbers`` are the positions of the externs in their order; the poisoned call of a missing weak function carries
    its.
    """
    code = bytearray(linked.code)
    for reference in linked.maps:
        ins.set_immediate(code, reference.slot, fds[reference.name])
    for use in linked.externs:
        value = (externs or {})[use.name]
        if use.is_call:
            _patch_call(code, use, value, (numbers or {}).get(use.name, 0))
        else:
            _patch_load(code, use, value)
    return bytes(code)


def _patch_call(code: bytearray, use: ExternReference, value: ExternValue, number: int) -> None:
    ins.set_source(code, use.slot, ins.PSEUDO_KFUNC_CALL if value.btf_id else 0)
    ins.set_offset(code, use.slot, value.module_index)
    ins.set_immediate(code, use.slot, value.btf_id or POISON_FUNCTION + number)


def _patch_load(code: bytearray, use: ExternReference, value: ExternValue) -> None:
    if value.btf_id:
        ins.set_source(code, use.slot, ins.PSEUDO_BTF_ID)
    ins.set_immediate(code, use.slot, value.btf_id or value.address)
    ins.set_immediate(code, use.slot + 1, value.module_fd if value.btf_id else value.address >> 32)


def calls_modules(linked: LinkedProgram, externs: Mapping[str, ExternValue]) -> bool:
    """Return whether a program calls a function of a module; it is then loaded with the modules' descriptors."""
    return any(use.is_call and externs[use.name].module_index for use in linked.externs)


def map_names(linked: LinkedProgram) -> set[str]:
    """Return the maps that a linked program refers to."""
    return {reference.name for reference in linked.maps}


class _Linking:
    def __init__(self, spec: ObjectSpec, program: ProgramSpec, core: CoreResolver | None) -> None:
        self._core = core
        self._spec = spec
        self._program = program
        self._sorted: dict[int, list[int]] = {}
        self._functions: dict[int, dict[int, FunctionSpec]] = {}
        self._starts: dict[tuple[int, int], int] = {}
        self._operands: list[ins.Operand] = []
        self.code = bytearray()
        self.maps: list[MapReference] = []
        self.functions: list[LinkedFunction] = []
        self.externs: list[ExternReference] = []
        self.missing: dict[int, str] = {}

    def append(self, entry: FunctionSpec) -> None:
        """Append a function and, depth first, the functions it calls. Iterative, since a file may nest calls deeply."""
        work = [self._copy(entry)]
        while work:
            caller, pending = work[-1]
            if not pending:
                work.pop()
                continue
            index, target = pending.pop()
            function = self._function(caller, index, target)
            start = self._starts.get((function.section, function.offset))
            if start is None:
                copied = self._copy(function)
                start = copied[0].start
                work.append(copied)
            self._set_call(caller.start + index, start)
        ins.set_operands(self.code, self._operands)

    def _copy(self, function: FunctionSpec) -> tuple[LinkedFunction, list[tuple[int, Target]]]:
        """Copy a function's code; returns it with its calls still to be made, last first."""
        section = self._spec.sections[function.section]
        start = len(self.code) // ins.SIZE
        linked = LinkedFunction(function, start)
        self._starts[(function.section, function.offset)] = start
        self.functions.append(linked)
        code = section.code[function.offset : function.offset + function.size]
        self.code += code
        if len(self.code) > _MAX_INSTRUCTIONS * ins.SIZE:
            raise ObjectError(f'program "{self._program.name}" has more than {_MAX_INSTRUCTIONS} instructions')
        if code[-ins.SIZE] == ins.OP_LD_IMM64:
            raise ObjectError(f'function "{function.name}" ends in the middle of a 16-byte load')
        self._relocate_core(function, section.name, start)
        calls = []
        for index in self._interesting(section, function, code):
            offset = index * ins.SIZE
            target, is_call = section.relocations.get(function.offset + offset), code[offset] == ins.OP_CALL
            if target is None:
                if is_call and code[offset + 1] >> 4 == ins.PSEUDO_CALL:
                    target_offset = function.offset + offset + (1 + ins.immediate_at(code, index)) * ins.SIZE
                    calls.append((index, Target("function", section=function.section, offset=target_offset)))
            elif target.kind == "function":
                calls.append((index, target))
            else:
                self._refer(linked, index, target, is_call=is_call)
        calls.reverse()
        return linked, calls

    def _interesting(self, section: CodeSection, function: FunctionSpec, code: bytes) -> list[int]:
        """Return the slots of a function with a relocation or a call, few of many, in order."""
        offsets = self._sorted.get(section.number)
        if offsets is None:
            offsets = self._sorted[section.number] = sorted(section.relocations)
        first = bisect_left(offsets, function.offset)
        last = bisect_left(offsets, function.offset + function.size)
        slots = {(offset - function.offset) // ins.SIZE for offset in offsets[first:last]}
        opcodes = code[:: ins.SIZE]
        slot = opcodes.find(ins.OP_CALL)
        while slot >= 0:
            slots.add(slot)
            slot = opcodes.find(ins.OP_CALL, slot + 1)
        return sorted(slots)

    def _relocate_core(self, function: FunctionSpec, section: str, start: int) -> None:
        if self._core is None or self._spec.btf_ext is None or self._spec.btf is None:
            return
        from pytc.bpf.link.core_relocations import patch as patch_core

        for relocation in core_relocations(self._spec.btf_ext, self._spec.btf, section, function.offset, function.size):
            slot = start + (relocation.offset - function.offset) // ins.SIZE
            try:
                resolution = self._core.resolve(relocation)
                patch_core(self.code, slot, relocation, resolution)
            except ObjectError as error:
                raise ObjectError(
                    f'function "{function.name}", instruction {slot - start}: {error}',
                    errno=error.errno,
                    hints=error.hints,
                ) from error
            if resolution.value is None or not resolution.fits:
                self.missing[slot] = self._core.explain(relocation, resolution)

    def _refer(self, caller: LinkedFunction, index: int, target: Target, *, is_call: bool) -> None:
        slot = caller.start + index
        if target.kind == "problem":
            raise ObjectError(target.name, hints=target.hints)
        if target.kind == "extern":
            if target.name not in self._spec.externs:
                from pytc.bpf.link.undefined import undefined_causes

                raise ObjectError(
                    f'function "{caller.function.name}" refers to "{target.name}", which the object '
                    "neither defines nor declares as an extern (__ksym or __kconfig, and -g)",
                    hints=undefined_causes(target.name, is_call=is_call),
                )
            self.externs.append(ExternReference(slot, target.name, is_call))
            return
        if target.kind == "jumps":
            raise ObjectError(
                f'function "{caller.function.name}", instruction {index}: a jump table, which pytc cannot load',
                hints=("clang -fno-jump-tables, or -mcpu=v3, compiles a switch without one",),
            )
        if self._spec.maps[target.name].problem:
            raise MapDefinitionError(self._spec.maps[target.name].problem)
        is_map = target.kind == "map"
        offset = 0 if is_map else target.offset
        self._operands.append(
            ins.Operand(slot, ins.PSEUDO_MAP_FD if is_map else ins.PSEUDO_MAP_VALUE, offset, is_wide=True)
        )
        self.maps.append(MapReference(slot, target.name, offset))

    def _function(self, caller: LinkedFunction, index: int, target: Target) -> FunctionSpec:
        if target.section not in self._functions:
            section = self._spec.sections.get(target.section)
            self._functions[target.section] = {f.offset: f for f in section.functions} if section is not None else {}
        function = self._functions[target.section].get(target.offset)
        if function is None:
            raise ObjectError(
                f'function "{caller.function.name}", instruction {index}: a call to byte '
                f"{target.offset} of a section, where no function starts"
            )
        return function

    def _set_call(self, slot: int, start: int) -> None:
        source = ins.PSEUDO_CALL if self.code[slot * ins.SIZE] == ins.OP_CALL else ins.PSEUDO_FUNC
        self._operands.append(ins.Operand(slot, source, start - slot - 1))
        if source == ins.PSEUDO_FUNC:
            self._operands.append(ins.Operand(slot, source, 0, is_wide=True))


def _debug_info(spec: ObjectSpec, linked: list[LinkedFunction]) -> tuple[bytes, bytes]:
    """Return function and line information of the functions, in order: all of it, or none where a function lacks it."""
    if spec.btf_ext is None:
        return b"", b""
    functions, lines = [], []
    for function, start in linked:
        section = spec.sections[function.section].name
        functions.append(spec.btf_ext.functions.slice(section, function.offset, function.size, start))
        lines.append(spec.btf_ext.lines.slice(section, function.offset, function.size, start))
    return (b"".join(functions) if all(functions) else b"", b"".join(lines) if all(lines) else b"")
