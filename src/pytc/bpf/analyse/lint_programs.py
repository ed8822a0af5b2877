"""Check programs: licenses, what a kernel's version lacks, tail calls, debug information."""

from __future__ import annotations

from pytc.bpf.analyse.findings import ERROR, NOTE, WARNING, Finding
from pytc.bpf.kernel import versions as v
from pytc.bpf.link.needs import REGISTER_CALL, register_call
from pytc.bpf.object.arguments import argument_structures, is_of_another_type
from pytc.bpf.sys.constants import ProgramType, program_type_name
from pytc.bpf.sys.helpers import helper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Final, Literal

    from pytc.bpf.analyse.findings import Case, Severity
    from pytc.bpf.analyse.guards import Guards, UseState
    from pytc.bpf.analyse.inspect import ProgramFacts
    from pytc.bpf.link.needs import HelperCall

#: Severity and remark for a use, by :class:`pytc.bpf.analyse.guards.Use`.
_GUARDED: dict[UseState, tuple[Severity, str]] = {
    "reached": (ERROR, ""),
    "guarded": (WARNING, "; harmless if the check before it (CO-RE, .kconfig or a weak symbol) skips it"),
    "skipped": (NOTE, "; the program checks for it first and skips it"),
}
if TYPE_CHECKING:
    _Usage = Literal["call", "address"]
_CALL: Final = "call"
_ADDRESS: Final = "address"
_MAX_MAPS = 64  # MAX_USED_MAPS of the kernel


def check_links(case: Case) -> Iterator[Finding]:
    """Find programs that cannot be linked."""
    broken_maps = {declared.problem for declared in case.spec.maps.values()}  # a finding about the map
    for program in case.inspection.programs:
        if program.problem and program.problem not in broken_maps:
            remedy = f"; {program.remedy}" if program.remedy else ""
            yield case.in_program(ERROR, "link", program.problem + remedy, program)


def check_calls(case: Case) -> Iterator[Finding]:
    """Find calls by a register."""
    for program in case.inspection.programs:
        slot = register_call(program.linked) if program.linked is not None else -1
        if slot >= 0:
            yield case.in_program(
                ERROR, "register-call", f"no kernel knows the instruction (opcode 0x8d): {REGISTER_CALL}", program, slot
            )


def check_license(case: Case) -> Iterator[Finding]:
    """Find uses of GPL-only features in an object without a GPL-compatible license."""
    if case.inspection.is_gpl_compatible:
        return
    license = case.spec.license
    state = f'the license is "{license}"' if license else "the object has no license section"
    has_restricted_use = False
    for program in case.inspection.programs:
        for call in _first_calls(program):
            called = helper(call.number)
            if called is not None and v.needs_gpl(called, case.version):
                has_restricted_use = True
                yield case.in_program(
                    ERROR,
                    "gpl-helper",
                    f"only programs with a GPL-compatible license may call bpf_{called.name}; {state}",
                    program,
                    call.slot,
                )
        for need in program.needs:
            if need.feature == v.KFUNCS:
                has_restricted_use = True
                yield case.in_program(
                    ERROR,
                    "gpl-kfunc",
                    f"only programs with a GPL-compatible license may call kfuncs; {state}",
                    program,
                    need.slot,
                )
    if not license and not has_restricted_use:
        yield Finding(
            WARNING,
            "license",
            "no license section: the kernel treats the programs as not GPL-compatible",
        )


def _first_calls(program: ProgramFacts) -> list[HelperCall]:
    """Return the first call of each helper."""
    first: dict[int, HelperCall] = {}
    for call in program.calls:
        first.setdefault(call.number, call)
    return list(first.values())


def check_helpers(case: Case) -> Iterator[Finding]:
    """Find calls of helpers that the kernel lacks, or that pytc does not know."""
    for program in case.inspection.programs:
        lacking = []
        for call in _first_calls(program):
            called = helper(call.number)
            if called is None:
                yield case.in_program(
                    WARNING,
                    "helper-unknown",
                    f"calls helper {call.number}, which pytc does not know",
                    program,
                    call.slot,
                )
            elif case.lacks(called.since):
                lacking.append(called)
        guards = _guards(case, program) if lacking else None
        for called in lacking:
            calls = [call.slot for call in program.calls if call.number == called.number]
            yield _guarded(
                case, guards, "helper-version", f"bpf_{called.name} came with Linux {called.since}", program, calls
            )


def check_features(case: Case) -> Iterator[Finding]:
    """Find instructions, calls and data that the kernel does not know."""
    for program in case.inspection.programs:
        # A call of a weak symbol may stand behind a check, and the loader gives what is missing the address 0; the
        # rest the kernel looks at in any case.
        weak = _weak_uses(case, program)
        lacking = [need for need in program.needs if case.lacks(need.feature.since) and weak.get(need.slot) != _ADDRESS]
        guards = _guards(case, program) if any(need.slot in weak for need in lacking) else None
        for need in lacking:
            text = f"{need.feature.text}: since Linux {need.feature.since}"
            if need.feature == v.CORE:
                yield case.in_program(
                    WARNING,
                    "core-version",
                    f"CO-RE needs the kernel's types: /sys/kernel/btf/vmlinux came with Linux {need.feature.since}",
                    program,
                )
            elif need.slot in weak:
                yield _guarded(case, guards, "feature-version", text, program, [need.slot])
            else:
                yield case.in_program(ERROR, "feature-version", text, program, need.slot)


def _guards(case: Case, program: ProgramFacts) -> Guards | None:
    from pytc.bpf.analyse.guards import Guards  # for few files

    return Guards(case.spec, program.linked, case.version) if program.linked is not None else None


def _weak_uses(case: Case, program: ProgramFacts) -> dict[int, _Usage]:
    """Return how the program uses weak symbols of the kernel, by slot."""
    uses = program.linked.externs if program.linked is not None else ()
    return {use.slot: _CALL if use.is_call else _ADDRESS for use in uses if case.spec.externs[use.name].is_weak}


def _guarded(
    case: Case, guards: Guards | None, check: str, text: str, program: ProgramFacts, slots: list[int]
) -> Finding:
    """Return an error about uses of something the kernel lacks, or a lesser finding where the program checks for it
    first."""
    if guards is None:
        return case.in_program(ERROR, check, text, program, slots[0])
    use = guards.worst(slots)
    severity, remark = _GUARDED[use.state]
    return case.in_program(severity, check, text + remark, program, use.slot)


def check_types(case: Case) -> Iterator[Finding]:
    """Find sections that do not tell a program type, or another one than is asked for, and types that the kernel
    lacks."""
    names = [program.spec.name for program in case.inspection.programs]
    structures = argument_structures(case.spec.btf, names) if case.spec.btf is not None else {}
    for program in case.inspection.programs:
        if case.type and program.spec.type and program.spec.type != case.type:
            yield case.in_program(
                NOTE,
                "section-type",
                f"the section makes it a program of type {program_type_name(program.spec.type)}, not "
                f"{program_type_name(case.type)}, whose results and contexts may mean something else",
                program,
            )
        type = program.spec.type or case.type
        structure = structures.get(program.spec.name, "")
        if is_of_another_type(structure, type):
            yield case.in_program(
                WARNING,
                "argument-type",
                f"its argument is a struct {structure}, which programs of type {program_type_name(type)} do not get: "
                "other fields are in the places of those that it reads, and its return values mean something else",
                program,
            )
        since = v.program_type_since(type)
        if not type and not program.slots:
            yield case.in_program(
                WARNING,
                "program-type",
                "the section's name does not say a program type: whoever "
                "loads it must (a filter takes it for sched_cls)",
                program,
            )
        elif type is not ProgramType.UNSPEC and case.lacks(since):
            yield case.in_program(
                ERROR, "type-version", f"program type {program_type_name(type)} came with Linux {since}", program
            )


def check_kernel_types(case: Case) -> Iterator[Finding]:
    """Find accesses to types, members and enumerators that the kernel lacks; its answers decide which are reached."""
    spec = case.spec
    if case.types is None or spec.btf is None or spec.btf_ext is None:
        return
    from pytc.bpf.analyse.reach import KnownValues, reachable_slots
    from pytc.bpf.link.core_relocations import CoreResolver
    from pytc.bpf.link.linker import link

    resolver = CoreResolver(spec.btf, spec.btf_ext, case.types)
    for program in case.inspection.programs:
        if program.linked is None:
            continue
        linked = link(spec, program.spec, resolver)
        reached = reachable_slots(linked, KnownValues({}, {}, {})) if linked.missing else ()
        for slot, reason in linked.missing.items():
            if slot in reached:
                yield case.in_program(ERROR, "core", reason, program, slot)


def check_tail_calls(case: Case) -> Iterator[Finding]:
    """Find slots of program arrays that do not exist, and slots that two programs claim."""
    owners: dict[tuple[str, int], str] = {}
    for program in case.inspection.programs:
        for slot in program.slots:
            array = case.spec.maps.get(slot.map)
            if array is None:
                yield case.in_program(
                    WARNING,
                    "tail-call-array",
                    f'section "{program.spec.section}" names a slot of the '
                    f"program array with id {slot.array_id}, which the object lacks: the program "
                    "is not loaded",
                    program,
                )
                continue
            if slot.slot >= array.max_entries:
                yield case.in_program(
                    ERROR,
                    "tail-call-slot",
                    f'slot {slot.slot} is out of range: program array "{array.name}" has {array.max_entries}',
                    program,
                )
            owner = owners.setdefault((array.name, slot.slot), program.spec.name)
            if owner != program.spec.name:
                yield case.in_program(
                    WARNING,
                    "tail-call-twice",
                    f'slot {slot.slot} of program array "{array.name}" is also that of program "{owner}"',
                    program,
                )


def check_sizes(case: Case) -> Iterator[Finding]:
    """Find programs that use more maps than the kernel allows."""
    for program in case.inspection.programs:
        if len(program.maps) > _MAX_MAPS:
            yield case.in_program(
                ERROR, "many-maps", f"uses {len(program.maps)} maps; a program may use at most {_MAX_MAPS}", program
            )


def check_lines(case: Case) -> Iterator[Finding]:
    """Find programs without line information."""
    without = [p.spec.name for p in case.inspection.programs if p.linked is not None and not p.linked.line_info]
    if without:
        yield Finding(
            NOTE,
            "lines",
            "no line information (compile with -g): errors of the verifier cannot name the "
            f"line of C in {', '.join(without)}",
        )


CHECKS = (
    check_links,
    check_calls,
    check_license,
    check_helpers,
    check_features,
    check_types,
    check_kernel_types,
    check_tail_calls,
    check_sizes,
    check_lines,
)
