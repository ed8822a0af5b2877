"""Check maps: those that no kernel creates, those that a kernel's version lacks, and doubtful declarations."""

from __future__ import annotations

from pytc.bpf.analyse.findings import ERROR, NOTE, WARNING, Finding
from pytc.bpf.btf import types as b
from pytc.bpf.codec.btf import btf_codec
from pytc.bpf.codec.compound import Array, Bits, Structure
from pytc.bpf.kernel import versions as v
from pytc.bpf.maps.fields import field_problems
from pytc.bpf.maps.map import actual_entries
from pytc.bpf.maps.rules import map_problems, missing_types
from pytc.bpf.object.legacy_maps import ELF_MAP, MAP_DEF
from pytc.bpf.object.spec import DATA, LEGACY, PIN_GLOBAL_NS, PIN_NONE, PIN_OBJECT_NS
from pytc.bpf.sys.constants import MapType
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.analyse.findings import Case, Severity
    from pytc.bpf.analyse.inspect import MapFacts
    from pytc.bpf.btf.types import Btf
    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.object.spec import MapSpec

#: The checks by the attribute that is wrong.
_SHAPES = {
    "key_size": "map-key",
    "value_size": "map-value",
    "max_entries": "map-entries",
    "map_flags": "map-flags",
    "map_extra": "map-extra",
    "numa_node": "map-node",
    "values": "map-inner",
    "types": "map-types",
    "fields": "map-fields",
}
#: What the values of maps hold for helpers: bpf_spin_lock, bpf_timer_init.
_SPECIAL_VALUES = {93: "bpf_spin_lock", 169: "bpf_timer"}
_PINNINGS = (PIN_NONE, PIN_OBJECT_NS, PIN_GLOBAL_NS)
_KIND_NAMES = (
    "void int ptr array struct union enum fwd typedef volatile const restrict func func_proto var datasec "
    "float decl_tag type_tag enum64"
).split()


#: Maps that hash or compare what may have padding: the key, or the value of a bloom filter.
_HASHED_KEYS = (
    *(MapType.HASH, MapType.PERCPU_HASH, MapType.LRU_HASH, MapType.LRU_PERCPU_HASH, MapType.LPM_TRIE),
    *(MapType.HASH_OF_MAPS, MapType.SOCKHASH),
)


def _about(severity: Severity, check: str, text: str, spec: MapSpec) -> Finding:
    return Finding(severity, check, text, section=spec.section, map=spec.name)


def check_versions(case: Case) -> Iterator[Finding]:
    """Find types and flags of maps that the kernel lacks: an error where a program uses the map, a warning
    elsewhere."""
    used = {name for program in case.inspection.programs for name in program.maps}
    for declared in case.inspection.maps:
        severity: Severity = ERROR if declared.spec.name in used else WARNING
        for feature in dict.fromkeys(declared.needs):
            if case.lacks(feature.since):
                yield _about(severity, "map-version", f"{feature.text} came with Linux {feature.since}", declared.spec)
        if declared.spec.type not in MapType.__members__.values():
            yield _about(WARNING, "map-type", f"pytc does not know map type {declared.spec.type}", declared.spec)


def check_definitions(case: Case) -> Iterator[Finding]:
    """Find declarations that make no sense; one that is said of several maps is about the first."""
    broken: dict[str, MapSpec] = {}
    for spec in case.spec.maps.values():
        if spec.problem:
            broken.setdefault(spec.problem, spec)
    for problem, spec in broken.items():
        yield _about(ERROR, "map-definition", problem.removeprefix(f'map "{spec.name}": '), spec)


def check_shapes(case: Case) -> Iterator[Finding]:
    """Find maps that no kernel creates."""
    for declared in case.inspection.maps:
        problems = map_problems(declared.spec, actual_entries(declared.spec))
        for problem in problems + field_problems(declared.spec, case.spec.btf):
            yield _about(ERROR, _SHAPES[problem.field], problem.text, declared.spec)


def check_ring_sizes(case: Case) -> Iterator[Finding]:
    """Find ring buffers that will be larger than they say."""
    for declared in case.inspection.maps:
        entries = actual_entries(declared.spec)
        if declared.spec.type in (MapType.RINGBUF, MapType.USER_RINGBUF) and entries != declared.spec.max_entries:
            text = (
                f"a ring buffer has a power of two of whole pages: {declared.spec.max_entries} bytes become {entries}"
            )
            yield _about(NOTE, "map-entries", text, declared.spec)


def check_special_values(case: Case) -> Iterator[Finding]:
    """Find maps for locks and timers whose declaration tells the kernel no types, which say where these are."""
    btf = case.spec.btf
    for program in case.inspection.programs:
        if program.linked is None or any(use.is_call for use in program.linked.externs):
            continue  # with kernel functions, these may be in objects that the program allocates
        maps = [case.spec.maps[name] for name in program.maps]
        untyped = [spec for spec in maps if spec.origin != DATA and not spec.value_type_id]
        for number in dict.fromkeys(call.number for call in program.calls):
            name = _SPECIAL_VALUES.get(number, "")
            if name and untyped and not (btf and any(_contains(btf, m.value_type_id, name) for m in maps)):
                yield _about(
                    ERROR,
                    "map-types",
                    f"a program uses a {name}, and none of its maps has values of a type with one; "
                    f"{missing_types(untyped[0])}",
                    untyped[0],
                )


def _contains(btf: Btf, type_id: int, name: str) -> bool:
    """Return whether a type is, or contains, the struct with a name."""
    work, seen = [type_id], set()
    while work:
        current = btf.resolve(work.pop())
        if current in seen:
            continue
        seen.add(current)
        kind = btf.kind(current)
        if kind == b.STRUCT and btf.name(current) == name:
            return True
        if kind in (b.STRUCT, b.UNION):
            work += [member.type_id for member in btf.members(current)]
        elif kind == b.ARRAY:
            work.append(btf.array(current).element)
        elif kind == b.DATASEC:
            work += [variable.type_id for variable in btf.section_variables(current)]
    return False


def check_padding(case: Case) -> Iterator[Finding]:
    """Find keys with bytes that belong to no member: programs that do not zero them make several keys of one."""
    for spec in case.spec.maps.values():
        is_bloom = spec.type == MapType.BLOOM_FILTER
        type_id = spec.value_type_id if is_bloom else spec.key_type_id * (spec.type in _HASHED_KEYS)
        if not type_id or case.spec.btf is None:
            continue
        try:
            holes = [*_holes(btf_codec(case.spec.btf, type_id, in_map=True), 0)]
        except ObjectError:
            continue  # whoever reads the elements is told
        if holes:
            places = ", ".join(f"{end - start} at byte {start}" for start, end in holes)
            what = "values" if is_bloom else "keys"
            text = (
                f"{what} have padding ({places}) that is compared, too: programs must zero it, as __builtin_memset does"
            )
            yield _about(NOTE, "map-key-padding", text, spec)


def _holes(codec: Codec, offset: int) -> Iterator[tuple[int, int]]:
    """Yield the first byte of each run of padding, and the byte behind it; of arrays, those of the first element."""
    if isinstance(codec, Array) and codec.count:
        yield from _holes(codec.item, offset)
    if not isinstance(codec, Structure):
        return
    yield from ((offset + one.offset, offset + one.offset + one.codec.size) for one in codec.padding)
    members = [member for member in codec.members if not isinstance(member.codec, Bits)]
    if len({member.offset for member in members}) == len(members):  # in a union, another member may have the bytes
        for member in members:
            yield from _holes(member.codec, offset + member.offset)


def check_contents(case: Case) -> Iterator[Finding]:
    """Find slots whose map or program is missing, and program arrays that the kernel empties when the loader ends."""
    programs = {program.name for program in case.spec.programs}
    filled = {slot.map for program in case.inspection.programs for slot in program.slots}
    for spec in case.spec.maps.values():
        is_programs = spec.type == MapType.PROG_ARRAY
        for index, name in spec.slots:
            if name not in (programs if is_programs else case.spec.maps):
                yield _about(
                    ERROR,
                    "slot-missing",
                    f"slot {index} is for {'program' if is_programs else 'map'} "
                    f'"{name}", which the object does not have',
                    spec,
                )
            if spec.type == MapType.ARRAY_OF_MAPS and index >= spec.max_entries:
                yield _about(ERROR, "slot-range", f"slot {index} is out of range: the map has {spec.max_entries}", spec)
        if is_programs and spec.name in filled and not spec.pinning:
            yield _about(
                WARNING,
                "array-unpinned",
                "the program array is not pinned: the kernel empties it when the "
                "loader ends, and its tail calls fall through",
                spec,
            )


def check_pinnings(case: Case) -> Iterator[Finding]:
    """Find pinning numbers that only a configuration file of the machine explains."""
    for spec in case.spec.maps.values():
        if spec.pinning not in _PINNINGS:
            yield _about(
                WARNING,
                "pinning",
                f"pinning {spec.pinning} is looked up in iproute2's bpf_pinning when the "
                "object is loaded; the load fails if it is not listed there",
                spec,
            )


def check_layouts(case: Case) -> Iterator[Finding]:
    """Find structures of 20 bytes, of which there are two, in objects that do not name theirs."""
    sections = {declared.spec.section: declared for declared in case.inspection.maps if declared.is_guess}
    for section, declared in sections.items():
        other = MAP_DEF if declared.layout == ELF_MAP else ELF_MAP
        yield Finding(
            WARNING,
            "layout",
            f"map structures of 20 bytes without debug information that names them: read as "
            f"{declared.layout}, whose fifth word is {_fifth(declared)}; PYTC_MAP_LAYOUT={other} overrides "
            "this",
            section,
        )


def _fifth(declared: MapFacts) -> str:
    return "the id" if declared.layout == ELF_MAP else "flags"


def check_ids(case: Case) -> Iterator[Finding]:
    """Find ids that two maps share, except members of one map-in-map, which share one on purpose."""
    templates = {spec.inner_id for spec in case.spec.maps.values()}
    owners: dict[int, str] = {}
    for spec in case.spec.maps.values():
        if spec.origin == LEGACY and spec.id:
            owner = owners.setdefault(spec.id, spec.name)
            if owner != spec.name and spec.id not in templates:
                yield _about(WARNING, "duplicate-id", f'map "{owner}" has the id {spec.id} too', spec)


def check_type_information(case: Case) -> Iterator[Finding]:
    """Find kinds of BTF types that the kernel does not take; it still takes the programs without their BTF."""
    btf = case.spec.btf
    if btf is None:
        return
    if case.lacks(v.BTF_SINCE):
        yield Finding(NOTE, "btf-version", f"the kernel takes no type information: BTF came with Linux {v.BTF_SINCE}")
        return
    kinds = sorted({btf.kind(type_id) for type_id in range(1, len(btf))})
    late = [f"{_KIND_NAMES[kind]} ({v.btf_kind_since(kind)})" for kind in kinds if case.lacks(v.btf_kind_since(kind))]
    if late:
        yield Finding(
            NOTE,
            "btf-version",
            f"the kernel does not know all kinds of the object's type information: {', '.join(late)}",
        )


def check_data(case: Case) -> Iterator[Finding]:
    """Find global data that no program uses, for a kernel without global data."""
    used = {name for program in case.inspection.programs for name in program.maps}
    for spec in case.spec.maps.values():
        if spec.origin == DATA and spec.name not in used and case.lacks(v.GLOBAL_DATA.since):
            yield _about(
                NOTE,
                "data-version",
                f"{v.GLOBAL_DATA.text} came with Linux {v.GLOBAL_DATA.since}; no program uses it",
                spec,
            )


CHECKS = (
    check_definitions,
    check_versions,
    check_shapes,
    check_ring_sizes,
    check_special_values,
    check_padding,
    check_contents,
    check_pinnings,
    check_layouts,
    check_ids,
    check_type_information,
    check_data,
)
