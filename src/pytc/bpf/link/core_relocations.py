"""Resolve CO-RE relocations: instructions that depend on the layout of the kernel's types.

A record of .BTF.ext (``insn_off u32, type_id u32, access_str_off u32, kind u32``; enum bpf_core_relo_kind in
include/uapi/linux/bpf.h) says which instruction depends on what. The kernel's answer replaces the compiler's; where the
kernel has no such thing, the instruction becomes a call that the verifier refuses if the program can reach it.
"""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.btf.ext import root_types
from pytc.bpf.insn import instructions as ins
from pytc.bpf.link.core_access import field_access, match_access, parse_indices
from pytc.bpf.link.core_match import kinds_agree, types_agree, types_match, without_flavour
from pytc.bpf.object.spec import POISON_RELOCATION
from pytc.errors import ObjectError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.bpf.btf.ext import BtfExt, CoreRelocation
    from pytc.bpf.btf.types import Btf
    from pytc.bpf.kernel.types import KernelType, KernelTypes
    from pytc.bpf.link.core_access import Access

(
    FIELD_BYTE_OFFSET,
    FIELD_BYTE_SIZE,
    FIELD_EXISTS,
    FIELD_SIGNED,
    FIELD_LSHIFT_U64,
    FIELD_RSHIFT_U64,
    TYPE_ID_LOCAL,
    TYPE_ID_TARGET,
    TYPE_EXISTS,
    TYPE_SIZE,
    ENUMVAL_EXISTS,
    ENUMVAL_VALUE,
    TYPE_MATCHES,
) = range(13)
_FIELD_KINDS = frozenset(
    {FIELD_BYTE_OFFSET, FIELD_BYTE_SIZE, FIELD_EXISTS, FIELD_SIGNED, FIELD_LSHIFT_U64, FIELD_RSHIFT_U64}
)
_TYPE_KINDS = frozenset({TYPE_ID_LOCAL, TYPE_ID_TARGET, TYPE_EXISTS, TYPE_SIZE, TYPE_MATCHES})
_ENUM_KINDS = frozenset({ENUMVAL_EXISTS, ENUMVAL_VALUE})

_ENUMS = frozenset({b.ENUM, b.ENUM64})
_KEYWORDS = {b.STRUCT: "struct ", b.UNION: "union ", b.ENUM: "enum ", b.ENUM64: "enum "}

_CLASS_LD, _CLASS_LDX, _CLASS_ST, _CLASS_STX, _CLASS_ALU, _CLASS_ALU64 = 0, 1, 2, 3, 4, 7
_SIZE_BITS = {8: 0x18, 4: 0x00, 2: 0x08, 1: 0x10}


class Value(NamedTuple):
    """Result of a relocation for one type. ``size`` is the bytes of the accessed field, 0 where that does not matter;
    ``widens`` is the kind of a field whose load may change its width, else 0; ``exact`` says whether the instruction
    must hold the object's own value."""

    number: int
    size: int = 0
    widens: int = 0
    exact: bool = True


class Resolution(NamedTuple):
    """The value of a relocation in the object and in the kernel; ``value`` None poisons the instruction."""

    original: Value | None
    value: Value | None
    fits: bool = True


class CoreResolver:
    """A resolver of the CO-RE relocations of one object for one kernel, whose types are read at their first use."""

    def __init__(self, local: Btf, ext: BtfExt, kernel: KernelTypes) -> None:
        self._local = local
        self._ext = ext
        self._kernel = kernel
        self._in_vmlinux: dict[str, list[KernelType]] | None = None
        self._in_modules: dict[str, list[KernelType]] | None = None
        self._known: dict[tuple[int, str, int], Resolution] = {}

    def _root_name(self, type_id: int) -> str:
        return without_flavour(self._local.name(type_id))

    def resolve(self, relocation: CoreRelocation) -> Resolution:
        """Return the answer to a relocation; raises ObjectError if it is malformed, and where types of the kernel
        disagree."""
        key = (relocation.type_id, relocation.access, relocation.kind)
        if key not in self._known:
            self._known[key] = self._resolve(relocation)
        return self._known[key]

    def explain(self, relocation: CoreRelocation, resolution: Resolution) -> str:
        """Return why an instruction is poisoned."""
        what = self.describe(relocation)
        if resolution.value is None:
            reason = "" if self._candidates(relocation.type_id) else f" ({self._kernel.lacking()})"
            return f"this kernel has no {what}{reason}, which the program uses without checking that it exists"
        return (
            f"{what} has a different size in this kernel than in the object; only pointers and unsigned "
            "integers can be loaded with a different width"
        )

    def describe(self, relocation: CoreRelocation) -> str:
        """Return the subject of a relocation, for messages: ``struct task_struct.pid``, ``enum state.RUNNING``."""
        local = self._local
        name = f"{_KEYWORDS.get(local.kind(relocation.type_id), '')}{local.name(relocation.type_id)}"
        if relocation.kind in _ENUM_KINDS:
            return f"{name}.{self._enumerator(relocation)[0]}"
        if relocation.kind in _FIELD_KINDS:
            steps = field_access(local, relocation.type_id, parse_indices(relocation.access)).steps
            return name + "".join(f".{step.name}" if step.name else f"[{step.number}]" for step in steps[1:])
        return name

    def _resolve(self, relocation: CoreRelocation) -> Resolution:
        local, kind = self._local, relocation.kind
        if kind == TYPE_ID_LOCAL:
            return Resolution(None, Value(relocation.type_id, exact=False))
        if kind in _FIELD_KINDS:
            access = field_access(local, relocation.type_id, parse_indices(relocation.access))
            original = _field_value(local, access, kind)
            answers = [
                (match.bit_offset, _field_value(candidate.btf, match, kind))
                for candidate in self._candidates(relocation.type_id)
                if (match := match_access(local, access, candidate.btf, candidate.type_id)) is not None
            ]
        elif kind in _TYPE_KINDS:
            original = _type_value(local, relocation.type_id, kind)
            answers = [
                (0, _type_value(candidate.btf, candidate.type_id, kind))
                for candidate in self._candidates(relocation.type_id)
                if self._same_type(relocation, candidate)
            ]
        elif kind in _ENUM_KINDS:
            name, number = self._enumerator(relocation)
            original = Value(1 if kind == ENUMVAL_EXISTS else number)
            answers = [
                (0, Value(1 if kind == ENUMVAL_EXISTS else value))
                for candidate in self._candidates(relocation.type_id)
                for other, value in candidate.btf.enumerators(candidate.btf.resolve(candidate.type_id))
                if without_flavour(other) == without_flavour(name)
            ]
        else:
            raise ObjectError(f"CO-RE: unknown relocation kind {kind}")
        return self._decide(relocation, original, answers)

    def _candidates(self, type_id: int) -> list[KernelType]:
        """Return the kernel's types with the name of a type: vmlinux's, or the modules' where vmlinux has none."""
        if not self._root_name(type_id):
            raise ObjectError(f"CO-RE: a relocation to type {type_id}, which has no name")
        if self._in_vmlinux is None:
            self._in_vmlinux = self._look_up(self._kernel.find_in_vmlinux, root_types(self._ext))
        candidates = self._matching(type_id, self._in_vmlinux)
        if candidates:
            return candidates
        if self._in_modules is None:
            missing = {root for root in root_types(self._ext) if not self._matching(root, self._in_vmlinux)}
            self._in_modules = self._look_up(self._kernel.find_in_modules, missing)
        return self._matching(type_id, self._in_modules)

    def _look_up(
        self, search: Callable[..., dict[str, list[KernelType]]], roots: set[int]
    ) -> dict[str, list[KernelType]]:
        """Return the types of all names that relocations start from; one search for all, as each goes over
        megabytes."""
        kinds = {self._local.kind(root) for root in roots}
        names = {self._root_name(root) for root in roots} - {""}
        return search(names, *kinds, *(_ENUMS if kinds & _ENUMS else ()))

    def _matching(self, type_id: int, named: dict[str, list[KernelType]]) -> list[KernelType]:
        name, kind = self._root_name(type_id), self._local.kind(type_id)
        return [
            candidate
            for candidate in named.get(name, ())
            if kinds_agree(kind, candidate.btf.kind(candidate.type_id))
            and without_flavour(candidate.btf.name(candidate.type_id)) == name
        ]

    def _same_type(self, relocation: CoreRelocation, candidate: KernelType) -> bool:
        same = types_match if relocation.kind == TYPE_MATCHES else types_agree
        return same(self._local, relocation.type_id, candidate.btf, candidate.type_id)

    def _enumerator(self, relocation: CoreRelocation) -> tuple[str, int]:
        enum = self._local.resolve(relocation.type_id)
        indices = parse_indices(relocation.access)
        if self._local.kind(enum) not in (b.ENUM, b.ENUM64) or len(indices) != 1:
            raise ObjectError(f"CO-RE: type {relocation.type_id} is not an enum")
        values = self._local.enumerators(enum)
        if indices[0] >= len(values):
            raise ObjectError(f"CO-RE: no enumerator {indices[0]}; the enum has {len(values)}")
        return values[indices[0]]

    def _decide(self, relocation: CoreRelocation, original: Value, answers: list[tuple[int, Value]]) -> Resolution:
        if not answers:
            absent = relocation.kind in _TYPE_KINDS or relocation.kind in (FIELD_EXISTS, ENUMVAL_EXISTS)
            return Resolution(original, Value(0) if absent else None)
        numbers = {(offset, value.number) for offset, value in answers}
        if len(numbers) > 1:
            raise ObjectError(
                f'CO-RE: the kernel has several types "{self._root_name(relocation.type_id)}", which '
                f"disagree about {relocation.access}"
            )
        value = answers[0][1]
        fits = original.size == value.size or original.widens == value.widens != 0
        return Resolution(original, value, fits)


def _type_value(btf: Btf, type_id: int, kind: int) -> Value:
    if kind == TYPE_ID_TARGET:
        return Value(type_id, exact=False)
    return Value(btf.size(type_id) if kind == TYPE_SIZE else 1)


def _field_value(btf: Btf, access: Access, kind: int) -> Value:
    """Return the value that a relocation kind asks for at the end of a path."""
    if kind == FIELD_EXISTS:
        return Value(1)
    last = access.steps[-1]
    if not last.name:  # an element of an array, or the root type itself
        if kind == FIELD_BYTE_OFFSET:
            return Value(access.bit_offset // 8, btf.size(last.type_id), _widens(btf, last.type_id))
        if kind == FIELD_BYTE_SIZE:
            return Value(btf.size(last.type_id))
        raise ObjectError("CO-RE: a bit-field relocation of something other than a member")
    member = btf.member(last.type_id, last.number)
    type_id = btf.resolve(member.type_id)
    start, width = _storage(btf.size(type_id), access.bit_offset, member.bits)
    bits = member.bits or width * 8
    if kind == FIELD_BYTE_OFFSET:
        return Value(start, 0 if member.bits else width, _widens(btf, type_id), exact=not member.bits)
    if kind == FIELD_BYTE_SIZE:
        return Value(width, exact=not member.bits)
    if kind == FIELD_SIGNED:
        return Value(int(btf.is_signed(type_id)))
    if kind == FIELD_LSHIFT_U64:
        return Value(64 - (access.bit_offset + bits - start * 8), exact=False)
    return Value(64 - bits, exact=False)


def _widens(btf: Btf, type_id: int) -> int:
    """Return whether a load or store may change its width: PTR for pointers, INT for unsigned integers, 0 for
    others."""
    type_id = btf.resolve(type_id)
    kind = btf.kind(type_id)
    return kind if kind == b.PTR or (kind == b.INT and not btf.is_signed(type_id)) else 0


def _storage(size: int, bit_offset: int, bits: int) -> tuple[int, int]:
    """Return (byte offset, bytes) of the aligned load that holds a field."""
    if not bits or not size:
        return bit_offset // 8, size
    start = bit_offset // 8 // size * size
    while bit_offset + bits - start * 8 > size * 8:
        if size >= 8:
            raise ObjectError("CO-RE: a bit field that does not fit an 8-byte load")
        size *= 2
        start = bit_offset // 8 // size * size
    return start, size


def patch(code: bytearray, slot: int, relocation: CoreRelocation, resolution: Resolution) -> None:
    """Put the kernel's value into the instruction in ``slot``.

    Raises ObjectError where the instruction does not hold the value that the relocation says.
    """
    opcode = code[slot * ins.SIZE]
    kind = opcode & 7
    value, original = resolution.value, resolution.original
    memory = kind in (_CLASS_LDX, _CLASS_ST, _CLASS_STX)
    if value is None or (memory and not resolution.fits):
        _poison(code, slot)
        if opcode == ins.OP_LD_IMM64:
            _poison(code, slot + 1)
        return
    if kind in (_CLASS_ALU, _CLASS_ALU64) and not opcode & 8:
        _expect(ins.immediate_at(code, slot) & 0xFFFFFFFF, original, relocation)
        ins.set_immediate(code, slot, value.number)
    elif memory:
        _expect(ins.offset_at(code, slot), original, relocation)
        if value.number > 0x7FFF:
            raise ObjectError(f"CO-RE: offset {value.number} does not fit into an instruction")
        ins.set_offset(code, slot, value.number)
        if original is not None and original.size != value.size:
            _resize(code, slot, value.size)
    elif opcode == ins.OP_LD_IMM64:
        low, high = ins.immediate_at(code, slot), ins.immediate_at(code, slot + 1)
        _expect(low & 0xFFFFFFFF | (high & 0xFFFFFFFF) << 32, original, relocation)
        ins.set_immediate(code, slot, value.number)
        ins.set_immediate(code, slot + 1, value.number >> 32)
    else:
        raise ObjectError(f"CO-RE: a relocation of an instruction that takes none (opcode {opcode:#04x})")


def _expect(held: int, original: Value | None, relocation: CoreRelocation) -> None:
    if original is not None and original.exact and held != original.number & 0xFFFFFFFFFFFFFFFF:
        raise ObjectError(f"CO-RE: the instruction at byte {relocation.offset} holds {held}, not {original.number}")


def _resize(code: bytearray, slot: int, size: int) -> None:
    if size not in _SIZE_BITS:
        raise ObjectError(f"CO-RE: a field of {size} bytes cannot be loaded at once")
    code[slot * ins.SIZE] = (code[slot * ins.SIZE] & ~0x18) | _SIZE_BITS[size]


def _poison(code: bytearray, slot: int) -> None:
    call = bytes([ins.OP_CALL, 0, 0, 0]) + POISON_RELOCATION.to_bytes(4, "little")
    code[slot * ins.SIZE : (slot + 1) * ins.SIZE] = call
