"""Convert maps of section ``maps`` to C source for section ``.maps``."""

from __future__ import annotations

import re

from pytc.bpf.btf import types as b
from pytc.bpf.btf.text import type_text
from pytc.bpf.codec.text import printable
from pytc.bpf.kernel import versions as v
from pytc.bpf.object.sections import tail_call_slot
from pytc.bpf.object.spec import LEGACY, PIN_GLOBAL_NS, PIN_NONE, PIN_OBJECT_NS
from pytc.bpf.sys.constants import MapType
from pytc.errors import ObjectError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytc.bpf.object.spec import MapSpec, ObjectSpec

# Names of newer flags are not in every <linux/bpf.h>.
_NAMED_FLAGS = 13
_KEYWORDS = frozenset(
    "asm auto break case char const continue default do double else enum extern float for goto if inline int long "
    "register restrict return short signed sizeof static struct switch typedef typeof union unsigned void volatile "
    "while".split()
)
_HEADER = """\
/* Maps of {name}, as BTF maps. Compile with -g. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
"""


def convert_maps(spec: ObjectSpec) -> str:
    """Return C declarations of all maps of section ``maps``, with comments for what ``.maps`` cannot express.

    The text includes the headers it needs and ends with a newline. Raises ObjectError where the object has no such map.
    """
    legacy = [declared for declared in spec.maps.values() if declared.origin == LEGACY]
    if not legacy:
        raise ObjectError(f'object file "{spec.path}": no maps in section "maps": nothing to convert')
    for broken in filter(lambda declared: declared.problem, legacy):
        raise ObjectError(f'object file "{spec.path}": {broken.problem}')
    # A map of maps refers to those that it holds.
    ordered = [m for m in legacy if m.inner is None] + [m for m in legacy if m.inner is not None]
    names = _identifiers([declared.name for declared in ordered])
    parts = [_HEADER.format(name=_comment(spec.name)), *(_declaration(spec, declared, names) for declared in ordered)]
    return "\n".join(parts)


def _declaration(spec: ObjectSpec, declared: MapSpec, names: Mapping[str, str]) -> str:
    lines = [f"/* {_comment(remark)} */" for remark in _remarks(spec, declared, names[declared.name])]
    lines += ["struct {", *(f"\t{line}" for line in _members(spec, declared))]
    closing = f'}} {names[declared.name]} SEC(".maps")'
    slots = declared.slots if declared.inner is not None else ()
    if not slots:
        return "\n".join([*lines, f"{closing};", ""])
    values = [f"\t\t[{index}] = (void *)&{names[name]}," for index, name in slots]
    return "\n".join([*lines, f"{closing} = {{", "\t.values = {", *values, "\t},", "};", ""])


def _members(spec: ObjectSpec, declared: MapSpec, *, is_template: bool = False) -> Iterator[str]:
    yield f"__uint(type, {_type(declared.type)});"
    yield f"__uint(max_entries, {declared.max_entries});"
    if declared.flags:
        yield f"__uint(map_flags, {_flags(declared.flags)});"
    yield _typed_or_sized(spec, "key", declared.key_size, declared.key_type_id)
    if declared.inner is None:
        yield _typed_or_sized(spec, "value", declared.value_size, declared.value_type_id)
    if declared.pinning == PIN_GLOBAL_NS and not is_template:
        yield "__uint(pinning, LIBBPF_PIN_BY_NAME);"
    # The values are an array without a length, which must be the last member.
    if declared.inner is not None:
        yield "__array(values, struct {"
        yield from (f"\t{line}" for line in _members(spec, declared.inner, is_template=True))
        yield "});"
    elif declared.type == MapType.PROG_ARRAY and not is_template:
        yield "__array(values, int (void *));"


def _typed_or_sized(spec: ObjectSpec, what: str, size: int, type_id: int) -> str:
    """Return the key or value by its type where that is an integer whose name every header knows, else by its size."""
    if spec.btf is not None and type_id:
        text = type_text(spec.btf, type_id)
        if spec.btf.kind(spec.btf.resolve(type_id)) == b.INT and re.fullmatch(r"__[us](8|16|32|64)", text):
            return f"__type({what}, {text});"
        return f"__uint({what}_size, {size}); /* {_comment(text)} */"
    return f"__uint({what}_size, {size});"


def _remarks(spec: ObjectSpec, declared: MapSpec, name: str) -> Iterator[str]:
    if name != declared.name:
        yield f'its name was "{declared.name}"'
    if declared.id:
        yield f"id {declared.id}"
    if declared.pinning == PIN_OBJECT_NS:
        yield "was pinned in the object's own directory (PIN_OBJECT_NS), which .maps cannot express"
    elif declared.pinning not in (PIN_NONE, PIN_GLOBAL_NS):
        yield f"was pinned where bpf_pinning says for {declared.pinning}, which .maps cannot express"
    if declared.inner_idx >= 0 and not declared.inner_id:
        yield from _outer(spec, declared)
    if declared.type == MapType.PROG_ARRAY:
        yield from _programs(spec, declared)


def _programs(spec: ObjectSpec, declared: MapSpec) -> Iterator[str]:
    """Yield a comment that says how to declare what sections named ``ID/KEY`` did."""
    locations = [(program.name, tail_call_slot(program.section)) for program in spec.programs]
    slots = [
        (name, location.slot)
        for name, location in locations
        if location is not None and location.array_id == declared.id
    ]
    if slots:
        values = ", ".join(f"[{slot}] = (void *)&{name}" for name, slot in slots)
        yield (
            f"for its programs: declare {', '.join(name for name, _ in slots)} before this, and end it with "
            f"= {{ .values = {{ {values} }} }}"
        )


def _outer(spec: ObjectSpec, declared: MapSpec) -> Iterator[str]:
    outer = [m.name for m in spec.maps.values() if (declared.inner_idx, declared.name) in m.slots]
    if outer:
        yield f"inner_idx {declared.inner_idx}: in slot {declared.inner_idx} of {', '.join(outer)}, below"
    elif declared.inner_idx:
        yield f"inner_idx {declared.inner_idx}, and no map of maps has its id as inner_id"


def _type(number: int) -> str:
    try:
        return f"BPF_MAP_TYPE_{MapType(number).name}"
    except ValueError:
        return str(number)


def _flags(flags: int) -> str:
    named = [f"BPF_F_{flag.text}" for flag in v.map_flags(flags & (1 << _NAMED_FLAGS) - 1)]
    rest = flags >> _NAMED_FLAGS << _NAMED_FLAGS
    return " | ".join([*named, hex(rest)] if rest else named)


def _identifiers(names: Sequence[str]) -> dict[str, str]:
    """Return a C name for each name of a map, all of them different."""
    identifiers: dict[str, str] = {}
    taken = {name for name in names if _identifier(name) == name}
    for name in names:
        identifier = _identifier(name)
        while identifier != name and identifier in taken:
            identifier += "_"
        taken.add(identifier)
        identifiers[name] = identifier
    return identifiers


def _identifier(name: str) -> str:
    identifier = re.sub(r"\A(?=\d)|\W", "_", name, flags=re.ASCII) or "_"
    return f"{identifier}_" if identifier in _KEYWORDS else identifier


def _comment(text: str) -> str:
    """Return text of the object with nothing in it that ends the comment around it."""
    return printable(text).replace("*/", "* /").replace("/*", "/ *")
