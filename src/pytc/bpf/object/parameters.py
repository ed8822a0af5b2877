"""Apply load-time parameters to an object: variables, sizes of maps, and pinned maps to use. Pure."""

from __future__ import annotations

import re

from pytc.bpf.codec.btf import btf_codec
from pytc.bpf.codec.compound import Structure, assign, follow
from pytc.bpf.object.spec import DATA
from pytc.errors import CodecError, ObjectError, SelectionError, shortlist
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytc.bpf.codec.scalars import Codec
    from pytc.bpf.object.spec import MapSpec, ObjectSpec

_MAX_LEAVES = 1 << 22


class Parameters(NamedTuple):
    """Load-time parameters: values of variables by path (``port``, ``config.mac``, ``table[3]``), ``max_entries`` by
    map, and by map the path of a ``pinned`` one to use instead."""

    variables: Mapping[str, Any] = {}
    max_entries: Mapping[str, int] = {}
    pinned: Mapping[str, str] = {}


class Variable(NamedTuple):
    """A variable of a data map; ``offset`` is in bytes in the map's contents."""

    name: str
    map: str
    offset: int
    type_id: int


def parameterise(spec: ObjectSpec, parameters: Parameters) -> ObjectSpec:
    """Return the object with parameters applied; the argument stays as it is.

    Raises SelectionError for a name that the object does not have, ObjectError for a value that does not fit.
    """
    maps = dict(spec.maps)
    contents: dict[str, bytearray] = {}
    for path, value in parameters.variables.items():
        _set(spec, contents, path, value)
    for name, data in contents.items():
        maps[name] = maps[name]._replace(contents=bytes(data))
    for name, entries in parameters.max_entries.items():
        maps[name] = _declared(spec, maps, name)._replace(max_entries=entries)
    for name, pin in parameters.pinned.items():
        maps[name] = _declared(spec, maps, name)._replace(reuse=pin)
    return spec._replace(maps=maps)


def _declared(spec: ObjectSpec, maps: Mapping[str, MapSpec], name: str) -> MapSpec:
    declared = maps.get(name)
    if declared is None or declared.origin == DATA:
        names = [m.name for m in spec.maps.values() if m.origin != DATA]
        known = shortlist([f'"{known}"' for known in names], name) or "none"
        error = SelectionError(f'object file "{spec.path}": no map "{name}"; its maps: {known}')
        raise error.with_alternatives(name, names)
    return declared


def _set(spec: ObjectSpec, contents: dict[str, bytearray], path: str, value: Any) -> None:
    variable = _find(spec, path)
    codec: Codec | None = None
    try:
        offset, codec = follow(_codec(spec, variable), path[len(_name(path)) :])
        assign(codec, _contents(spec, contents, variable.map), variable.offset + offset, value)
    except (CodecError, ObjectError) as error:
        hints: tuple[str, ...] = ()
        if isinstance(codec, Structure) and isinstance(value, str) and not value.startswith("{"):
            hints = tuple(f"set {path}.{name}=VALUE, and the other members likewise" for name in codec.names()[:1])
        raise ObjectError(f'variable "{path}": {error}', hints=hints) from error


def _codec(spec: ObjectSpec, variable: Variable) -> Codec:
    """Return the codec of a variable; raises ObjectError for a type that is larger than its section."""
    assert spec.btf is not None
    codec = btf_codec(spec.btf, variable.type_id, max_leaves=_MAX_LEAVES)
    if variable.offset + codec.size > spec.maps[variable.map].value_size:
        raise ObjectError(f"its type has {codec.size} bytes, and its section {variable.map} ends before that")
    return codec


def _contents(spec: ObjectSpec, contents: dict[str, bytearray], name: str) -> bytearray:
    """Return the bytes of a section, to be changed."""
    if name not in contents:
        declared = spec.maps[name]
        contents[name] = bytearray(declared.contents.ljust(declared.value_size, b"\0"))
    return contents[name]


def _name(path: str) -> str:
    """Return the variable's name in a path."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _find(spec: ObjectSpec, path: str) -> Variable:
    """Return the location of the variable of a path; raises SelectionError or ObjectError."""
    if spec.btf is None:
        raise ObjectError(
            f'variable "{path}": the object has no BTF, which describes its variables; compile it with -g'
        )
    name = _name(path)
    candidates = [variable for variable in variables(spec) if variable.name == name]
    if not candidates:
        known = shortlist(sorted({variable.name for variable in variables(spec)}), name) or "none"
        raise SelectionError(f'object file "{spec.path}": no global variable "{name}"; its variables: {known}')
    if len(candidates) > 1:
        raise SelectionError(f'object file "{spec.path}": there are {len(candidates)} variables "{name}"')
    return candidates[0]


def variables(spec: ObjectSpec) -> list[Variable]:
    """Return the global and static variables that BTF describes; none without BTF."""
    if spec.btf is None:
        return []
    result = []
    for section_id, section in spec.btf.data_sections():
        declared = spec.maps.get(section)
        if declared is None or declared.origin != DATA:
            continue
        for variable in spec.btf.section_variables(section_id):
            is_static = not spec.btf.linkage(variable.variable_id)
            offset = (
                variable.offset if is_static else spec.variable_offsets.get((section, variable.name), variable.offset)
            )
            if offset + variable.size <= declared.value_size:
                result.append(Variable(variable.name, section, offset, variable.type_id))
    return result
