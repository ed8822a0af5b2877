"""Documents of an object file: an inspection, and the findings of lint."""

from __future__ import annotations

from pytc.bpf.analyse.findings import SEVERITIES
from pytc.bpf.codec.variables import value_text
from pytc.bpf.kernel.versions import map_flags, newest
from pytc.bpf.object.spec import LEGACY, PIN_GLOBAL_NS, PIN_NONE, PIN_OBJECT_NS
from pytc.bpf.sys.constants import (
    MAP_IN_MAP,
    ProgramType,
    attach_type_name,
    map_type_name,
    program_type_name,
)
from pytc.render.documents import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pytc.bpf.analyse.findings import Finding
    from pytc.bpf.analyse.inspect import ExternFacts, Inspection, MapFacts, ProgramFacts, VariableFacts
    from pytc.bpf.codec.scalars import Value
    from pytc.bpf.kernel.versions import Feature
    from pytc.bpf.object.spec import CodeSection, MapSpec
    from pytc.render.documents import Document, Json

_WIDTH = 100
_LONGEST_VALUE = 72
_PINNINGS = {PIN_NONE: "none", PIN_OBJECT_NS: "object", PIN_GLOBAL_NS: "global"}
_INSTRUCTION_BYTES = 8


def inspection_document(inspection: Inspection, *, details: bool = False) -> Document:
    """Describe an object: a paragraph in text, a member in JSON for its sections, programs, maps, variables and so on.

    With ``details``, the text has long values whole.
    """
    spec = inspection.spec
    code = [section for section in spec.sections.values() if section.code]
    return [
        Field("object", spec.path, _clean(f"{spec.path}\n")),
        Field("license", spec.license, _clean(_license(inspection))),
        Field("gpl_compatible", inspection.is_gpl_compatible),
        _paragraph(
            "sections",
            [*map(_section, code)],
            _table([*map(_section_row, code)]),
        ),
        _paragraph(
            "programs",
            [*map(_program, inspection.programs)],
            "".join(map(_program_text, inspection.programs)),
        ),
        _paragraph("maps", [*map(_map, inspection.maps)], _maps_text(inspection.maps)),
        _paragraph(
            "variables",
            [*map(_variable, inspection.variables)],
            _variables_text(inspection.variables, details),
        ),
        _paragraph(
            "externs",
            [*map(_extern, inspection.externs)],
            _table(
                [(extern.kind, extern.declaration, "weak" if extern.is_weak else "") for extern in inspection.externs]
            ),
        ),
        *_needs(inspection.needs),
    ]


def _paragraph(key: str, values: Sequence[Json], text: str) -> Field:
    return Field(key, list(values), _clean(f"{key}:\n{text}") if text else "")


def _clean(text: str) -> str:
    """Replace characters that control a terminal: names come from a file that anybody may have made."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)


def _table(rows: Iterable[Sequence[str]], indent: int = 2) -> str:
    """Return rows with aligned columns, a line each."""
    lines = list(rows)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)] if lines else []
    padded = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in lines)
    return "".join(f"{' ' * indent}{line.rstrip()}\n" for line in padded)


def _license(inspection: Inspection) -> str:
    license = inspection.spec.license
    remark = "" if inspection.is_gpl_compatible else " (not compatible with the GPL)"
    return f"license: {license or 'none'}{remark}\n"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _section(section: CodeSection) -> Json:
    return {
        "name": section.name,
        "instructions": len(section.code) // _INSTRUCTION_BYTES,
        "functions": [function.name for function in section.functions],
    }


def _section_row(section: CodeSection) -> Sequence[str]:
    return (
        section.name,
        _count(len(section.code) // _INSTRUCTION_BYTES, "instruction"),
        " ".join(function.name for function in section.functions),
    )


def _type_name(program: ProgramFacts) -> str:
    return program_type_name(program.spec.type) if program.spec.type else "unknown"


def _attach_type(program: ProgramFacts) -> str:
    """Return the name of the attach type, empty for none; 0 is a type of CGROUP_SKB, and none for others."""
    number = program.spec.expected_attach_type
    return attach_type_name(number) if number or program.spec.type is ProgramType.CGROUP_SKB else ""


def _program(program: ProgramFacts) -> Json:
    members: dict[str, Json] = {
        "section": program.spec.section,
        "name": program.spec.name,
        "type": _type_name(program),
        "attach_type": _attach_type(program) or None,
        "instructions": program.instructions,
        "subprograms": list(program.subprograms),
        "maps": list(program.maps),
        "helpers": list(program.helpers),
        "externs": list(program.externs),
        "core_relocations": program.core_relocations,
        "slots": [{"map": slot.map or None, "id": slot.array_id, "slot": slot.slot} for slot in program.slots],
    }
    return {**members, "problem": program.problem} if program.problem else members


def _program_text(program: ProgramFacts) -> str:
    head = [program.spec.section, program.spec.name, _type_name(program), _attach_type(program)]
    size = f"cannot be linked: {program.problem}" if program.problem else _count(program.instructions, "instruction")
    return f"  {'  '.join([*filter(None, head), size])}\n" + _table(_program_details(program), 6)


def _program_details(program: ProgramFacts) -> Iterable[Sequence[str]]:
    places = [
        f"{slot.slot} of {slot.map or f'id {slot.array_id}, which no program array has'}" for slot in program.slots
    ]
    relocations = [_count(program.core_relocations, "relocation")] if program.core_relocations else []
    lists = {
        "subprograms": program.subprograms,
        "maps": program.maps,
        "helpers": program.helpers,
        "externs": program.externs,
        "CO-RE": relocations,
        "slot": places,
    }
    for name, words in lists.items():
        yield from _wrap(name, words)


def _wrap(name: str, words: Iterable[str], separator: str = " ") -> Iterable[Sequence[str]]:
    """Break a long list of words into rows, of which the first has the name."""
    line = ""
    for word in words:
        if line and len(line) + len(separator) + len(word) > _WIDTH:
            yield name, line + separator.rstrip()
            name = line = ""
        line += (separator if line else "") + word
    if line:
        yield name, line


def _map(facts: MapFacts) -> Json:
    if facts.spec.problem:
        return {"name": facts.spec.name, "origin": facts.spec.section, "problem": facts.spec.problem}
    return {
        **_map_attributes(facts.spec),
        "origin": facts.spec.section,
        "layout": facts.layout,
        "layout_size": facts.layout_size or None,
        "key_type": facts.key or None,
        "value_type": facts.value or None,
    }


def _map_attributes(spec: MapSpec) -> dict[str, Json]:
    legacy: dict[str, Json] = {"id": spec.id, "inner_id": spec.inner_id, "inner_idx": spec.inner_idx}
    return {
        "name": spec.name,
        "type": map_type_name(spec.type),
        "key_size": spec.key_size,
        "value_size": spec.value_size,
        "max_entries": spec.max_entries,
        "flags": _flag_names(spec),
        "pinning": _PINNINGS.get(spec.pinning, spec.pinning),
        "numa_node": spec.numa_node,
        "map_extra": spec.map_extra,
        "frozen": spec.frozen,
        **(legacy if spec.origin == LEGACY else {}),
        "inner": _map_attributes(spec.inner) if spec.inner is not None else None,
        "slots": [{"slot": index, "name": name} for index, name in spec.slots],
    }


def _flag_names(spec: MapSpec) -> list[Json]:
    return [flag.text.lower() for flag in map_flags(spec.flags)]


def _maps_text(maps: Sequence[MapFacts]) -> str:
    good = [f for f in maps if not f.spec.problem]
    rows = [(f.spec.name, *_map_columns(f.spec), _layout(f), ", ".join(_map_words(f))) for f in good]
    broken = [f"  {f.spec.name}  cannot be created: {f.spec.problem}\n" for f in maps if f.spec.problem]
    return _table(rows) + "".join(broken)


def _map_columns(spec: MapSpec) -> tuple[str, ...]:
    return (
        map_type_name(spec.type),
        f"key {spec.key_size}",
        f"value {spec.value_size}",
        _count(spec.max_entries, "entry").replace("entrys", "entries"),
    )


def _layout(facts: MapFacts) -> str:
    return f"{facts.layout_size}-byte {facts.layout}" if facts.layout_size else facts.layout


def _map_words(facts: MapFacts) -> Iterable[str]:
    """Return the attributes that differ from those of most maps."""
    spec = facts.spec
    if spec.flags:
        yield f"flags {'|'.join(map(str, _flag_names(spec)))}"
    if spec.pinning:
        yield f"pinning {_PINNINGS.get(spec.pinning, spec.pinning)}"
    if spec.id is not None:
        yield f"id {spec.id}"
    if spec.numa_node is not None:
        yield f"numa_node {spec.numa_node}"
    if spec.map_extra:
        yield f"map_extra {spec.map_extra:#x}"
    if facts.key or facts.value:
        yield f"{facts.key or 'void'} -> {facts.value or 'void'}"
    if spec.inner is not None and spec.type in MAP_IN_MAP:
        yield f"of {' '.join(_map_columns(spec.inner))}"
    if spec.slots:
        yield f"slots {' '.join(f'{index}:{name}' for index, name in spec.slots)}"


def _variable(facts: VariableFacts) -> Json:
    return {
        "name": facts.name,
        "section": facts.section,
        "type": facts.type or None,
        "size": facts.size,
        "value": _json(facts.value),
        "constant": facts.is_constant,
    }


def _json(value: Value | None) -> Json:
    return value  # type: ignore[return-value]  # lists of values are lists of JSON, which mypy cannot see


def _variables_text(variables: Sequence[VariableFacts], details: bool) -> str:
    return _table(
        [
            (
                variable.section,
                _count(variable.size, "byte"),
                f"{variable.declaration} = {_short(variable.value, details)}",
            )
            for variable in variables
        ]
    )


def _short(value: Value | None, details: bool) -> str:
    text = value_text(value) if value is not None else "..."
    return text if details or len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]} ..."


def _extern(facts: ExternFacts) -> Json:
    return {"name": facts.name, "kind": facts.kind, "declaration": facts.declaration, "weak": facts.is_weak}


def _needs(needs: Sequence[Feature]) -> list[Field]:
    version = newest(feature.since for feature in needs)
    by_version: dict[str, list[str]] = {}
    for feature in needs:
        by_version.setdefault(feature.since or "any", []).append(feature.text)
    rows = [row for since, names in by_version.items() for row in _wrap(since, names, ", ")]
    values: list[Json] = [{"feature": feature.text, "since": feature.since or None} for feature in needs]
    head = f"needs Linux {version} or later:\n" if version else "needs:\n"
    return [Field("kernel", version or None), Field("needs", values, _clean(head + _table(rows)) if rows else "")]


def findings_document(path: str, findings: Sequence[Finding]) -> Document:
    """Describe findings: a line for each, in the form of compilers, and their numbers."""
    counts = {severity: sum(finding.severity == severity for finding in findings) for severity in SEVERITIES}
    text = "".join(
        f"{_location(path, finding)}: {finding.severity}: {_subject(finding)}{finding.text}\n" for finding in findings
    )
    numbers = ", ".join(_count(count, severity) for severity, count in counts.items() if count)
    summary = f"{path}: {numbers or 'nothing found'}\n"
    values: list[Json] = [{key: value for key, value in finding._asdict().items() if value} for finding in findings]
    return [
        Field("object", path),
        Field("findings", values, _clean(text), color="findings"),
        Field("", text=_clean(summary)),
        *(Field(f"{severity}s", count) for severity, count in counts.items()),
    ]


def _location(path: str, finding: Finding) -> str:
    return f"{finding.file}:{finding.line}" if finding.file else path


def _subject(finding: Finding) -> str:
    if finding.program:
        return f'program "{finding.program}" in section "{finding.section}": '
    return f'map "{finding.map}": ' if finding.map else ""
