"""Find the checks that a program makes before it uses a kernel feature: CO-RE questions, ``.kconfig``, weak symbols.

A check of a file for a kernel's version knows only some answers: LINUX_KERNEL_VERSION, and whether ``enum bpf_func_id``
has a helper. For the others it tries the case that guards are for: that the kernel has nothing of what the program asks
for.
"""

from __future__ import annotations

from pytc.bpf.analyse.reach import KnownValues, reachable_slots
from pytc.bpf.btf.ext import core_relocations
from pytc.bpf.insn import instructions as ins
from pytc.bpf.insn.instructions import OP_LD_IMM64
from pytc.bpf.kernel import versions as v
from pytc.bpf.link import core_relocations as core
from pytc.bpf.link.core_match import without_flavour
from pytc.bpf.object.spec import KCONFIG, SETTING
from pytc.bpf.sys.helpers import helpers
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Final, Literal

    from pytc.bpf.btf.ext import CoreRelocation
    from pytc.bpf.link.linker import LinkedProgram
    from pytc.bpf.object.spec import ObjectSpec

#: The first kernel whose verifier tracks the contents of read-only maps (commit a23740ec43ba); earlier ones follow both
#: branches of a test of a setting.
_KNOWS_SETTINGS = "5.5"
_QUESTIONS = frozenset({core.FIELD_EXISTS, core.TYPE_EXISTS, core.TYPE_MATCHES, core.TYPE_SIZE, core.ENUMVAL_EXISTS})
_HELPERS, _HELPER_PREFIX = "bpf_func_id", "BPF_FUNC_"
_MOVE_NUMBER = 0xB0

if TYPE_CHECKING:
    #: Whether a use of something that the kernel lacks happens: always, unless an open question is answered "no",
    #: never.
    UseState = Literal["reached", "guarded", "skipped"]
REACHED: Final = "reached"
GUARDED: Final = "guarded"
SKIPPED: Final = "skipped"


class Use(NamedTuple):
    """The worst of several uses of something that the kernel lacks, and the first slot with a use like that."""

    state: UseState
    slot: int


class _Answers(NamedTuple):
    """Answers by slot, and by (offset, size) in ``.kconfig``: the known ones, and the open ones, which may be "no"."""

    results: dict[int, int | None]
    open_results: frozenset[int]
    settings: dict[tuple[int, int], int]
    open_settings: frozenset[tuple[int, int]]

    @property
    def are_none(self) -> bool:
        """Whether nothing is known and nothing is open."""
        return not (
            self.open_results
            or self.settings
            or self.open_settings
            or any(number is not None for number in self.results.values())
        )


class Guards:
    """The questions of one linked program, and where the answers of a kernel of some version lead."""

    def __init__(self, spec: ObjectSpec, linked: LinkedProgram, version: str) -> None:
        answers = _answers(spec, linked, version)
        self._has_questions = not answers.are_none
        if self._has_questions:
            addresses = {reference.slot: reference.offset for reference in linked.maps if reference.name == KCONFIG}
            self._reached = reachable_slots(linked, KnownValues(answers.results, addresses, answers.settings))
            self._reached_by_no = reachable_slots(
                linked,
                KnownValues(
                    {**answers.results, **dict.fromkeys(answers.open_results, 0)},
                    addresses,
                    {**answers.settings, **dict.fromkeys(answers.open_settings, 0)},
                ),
            )

    def worst(self, slots: Iterable[int]) -> Use:
        """Return the worst of one or more uses of the same thing, in the order of the instructions."""
        ordered = list(slots)
        if not self._has_questions:
            return Use(REACHED, ordered[0])
        for slot in ordered:
            if slot in self._reached_by_no:
                return Use(REACHED, slot)
        for slot in ordered:
            if slot in self._reached:
                return Use(GUARDED, slot)
        return Use(SKIPPED, ordered[0])


def kernel_dependent_slots(spec: ObjectSpec, linked: LinkedProgram) -> set[int]:
    """Return the slots of a linked program whose results depend on the kernel: by CO-RE, or by an extern."""
    return {slot for slot, _ in _relocations(spec, linked)} | {use.slot for use in linked.externs}


def _answers(spec: ObjectSpec, linked: LinkedProgram, version: str) -> _Answers:
    results: dict[int, int | None] = {}
    questions = set()
    for slot, relocation in _relocations(spec, linked):
        instruction = ins.decode(linked.code, slot)
        if instruction.opcode & 7 in (ins.ALU, ins.ALU64) or instruction.opcode == OP_LD_IMM64:
            results[slot] = None
        if (
            instruction.opcode in (_MOVE_NUMBER | ins.ALU, _MOVE_NUMBER | ins.ALU64, OP_LD_IMM64)
            and relocation.kind in _QUESTIONS
        ):
            results[slot] = _answer(spec, relocation, version)
            questions |= {slot} if results[slot] is None else set()
    for use in linked.externs:
        results[use.slot] = None
        if spec.externs[use.name].is_weak and not use.is_call:
            questions.add(use.slot)
    return _Answers(results, frozenset(questions), *_settings(spec, linked, version))


def _relocations(spec: ObjectSpec, linked: LinkedProgram) -> Iterable[tuple[int, CoreRelocation]]:
    """Yield (slot in the linked program, CO-RE relocation)."""
    if spec.btf is None or spec.btf_ext is None:
        return
    for function, start in linked.functions:
        section = spec.sections[function.section].name
        for relocation in core_relocations(spec.btf_ext, spec.btf, section, function.offset, function.size):
            yield start + (relocation.offset - function.offset) // ins.SIZE, relocation


def _answer(spec: ObjectSpec, relocation: CoreRelocation, version: str) -> int | None:
    """Return 1 or 0 for a helper's number in ``enum bpf_func_id`` of a kernel that publishes its types; None where
    unknown."""
    btf = spec.btf
    if (
        btf is None
        or relocation.kind != core.ENUMVAL_EXISTS
        or without_flavour(btf.name(relocation.type_id)) != _HELPERS
        or v.precedes(version, v.CORE.since)
    ):
        return None
    index, values = relocation.access, btf.enumerators(btf.resolve(relocation.type_id))
    name = without_flavour(values[int(index)].name) if index.isdecimal() and int(index) < len(values) else ""
    helper = next((helper for helper in helpers() if _HELPER_PREFIX + helper.name == name), None)
    return None if helper is None else int(not v.precedes(version, helper.since))


def _settings(
    spec: ObjectSpec, linked: LinkedProgram, version: str
) -> tuple[dict[tuple[int, int], int], frozenset[tuple[int, int]]]:
    if v.precedes(version, _KNOWS_SETTINGS) or not any(setting.name == KCONFIG for setting in linked.maps):
        return {}, frozenset()
    settings = [setting for setting in spec.externs.values() if setting.kind == SETTING]
    major, minor = v.version_key(version)
    known = {
        (setting.offset, setting.size): major << 16 | minor << 8
        for setting in settings
        if setting.name == "LINUX_KERNEL_VERSION"
    }
    return known, frozenset((setting.offset, setting.size) for setting in settings if setting.is_weak)
