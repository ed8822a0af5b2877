"""Programs of a type that a hook does not run."""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType, program_type_name
from pytc.errors import SelectionError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
    from pytc.tc.kinds.shared.programs import BpfSource

_TC = (ProgramType.SCHED_CLS, ProgramType.SCHED_ACT)


def check_type(source: BpfSource, spec: ObjectSpec, program: ProgramSpec, needed: ProgramType) -> list[str]:
    """Return warnings about a program that is to be loaded as the type a hook needs.

    The verifier takes many a program as another type, where its return values mean something else. Raises
    SelectionError, unless the command names the section or states the type.
    """
    name = program_type_name(needed)
    where = f'object file "{spec.path}": program "{program.name}" (section "{program.section}")'
    if source.type and source.type != needed:
        raise SelectionError(
            f"{where}: a program of type {program_type_name(source.type)} does not go here; {name} is needed"
        )
    if source.type or program.type is ProgramType.UNSPEC or program.type == needed or {program.type, needed} <= {*_TC}:
        return []
    actual = program_type_name(program.type)
    pitfall = ": XDP_PASS (2) is TC_ACT_SHOT" if _means_shot(program, needed) else ""
    if not source.section:
        raise SelectionError(
            f"{where} is of type {actual}; {name} is needed here",
            hints=(f'"type {name}" loads it as {name} all the same{pitfall}',),
        )
    return [
        f'Warning: program "{program.name}" (section "{program.section}") is of type {actual}; as {name}, its return '
        f'values mean something else{pitfall}. "type {name}" says that this is meant'
    ]


def argument_warnings(spec: ObjectSpec, program: ProgramSpec, type: ProgramType) -> list[str]:
    """Return warnings about a program whose section goes with ``type``, and its argument with another one.

    The verifier takes it, with the fields of the type's own structure in their places.
    """
    from pytc.bpf.object.arguments import argument_structures, is_of_another_type

    structures = argument_structures(spec.btf, [program.name]) if spec.btf is not None else {}
    structure = structures.get(program.name, "")
    if not is_of_another_type(structure, type):
        return []
    pitfall = "; XDP_PASS (2) is TC_ACT_SHOT" if structure == "xdp_md" and type in _TC else ""
    return [
        f'Warning: program "{program.name}" (section "{program.section}") has a struct {structure} for its argument; '
        f"as {program_type_name(type)}, it gets another structure, and its return values mean something else{pitfall}"
    ]


def _means_shot(program: ProgramSpec, needed: ProgramType) -> bool:
    return program.type == ProgramType.XDP and needed in _TC
