"""Open pinned maps that match a declaration, and refuse others with the fields that differ."""

from __future__ import annotations

import errno

from pytc.bpf.maps.map import Map, actual_entries
from pytc.bpf.sys.constants import PER_CPU, MapType, map_type_name
from pytc.bpf.sys.info import map_by_id
from pytc.bpf.sys.pins import open_pin
from pytc.errors import BpfSyscallError, MapMismatchError, PinError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.object.spec import MapSpec
    from pytc.bpf.sys.descriptions import MapDescription

#: Begins what stands for the path of a map that is named by its id.
BY_ID = "id:"
#: Flags that the kernel itself adds to a map that it creates (kernel/bpf/devmap.c, commit 0cdbb4b09a06).
_KERNEL_ADDS: dict[int, int] = {int(MapType.DEVMAP): 1 << 7, int(MapType.DEVMAP_HASH): 1 << 7}


def open_pinned(spec: MapSpec, path: str) -> Map | None:
    """Open the map that is pinned at a path, or ``id:NUMBER``; returns None when nothing is.

    Raises MapMismatchError when it is not what ``spec`` declares, PinError when it is not a map or may not be opened.
    """
    try:
        descriptor = map_by_id(int(path.removeprefix(BY_ID))) if path.startswith(BY_ID) else open_pin(path)
    except BpfSyscallError as error:
        if error.errno == errno.ENOENT:
            return None
        raise PinError(f'map "{spec.name}": {error}', errno=error.errno, hints=error.hints) from error
    try:
        map = Map(descriptor, spec)
    except BpfSyscallError as error:
        raise PinError(f'map "{spec.name}": "{path}" is not a pinned map', errno=error.errno) from error
    try:
        check_shape(spec, path, existing_shape(map.description))
    except MapMismatchError:
        map.close()
        raise
    return map


class MapShape(NamedTuple):
    """Properties that two maps must share for one to stand in for the other."""

    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int


def declared_shape(spec: MapSpec) -> MapShape:
    """Return the shape of the map that a declaration asks for."""
    return MapShape(spec.type, spec.key_size, spec.value_size, actual_entries(spec), spec.flags)


def existing_shape(description: MapDescription) -> MapShape:
    """Return the shape of a map in the kernel."""
    return MapShape(
        description.type, description.key_size, description.value_size, description.max_entries, description.flags
    )


def differing_fields(declared: MapShape, pinned: MapShape) -> dict[str, tuple[str, str]]:
    """Return {field: (pinned, wanted)} where two shapes differ, but for flags that the kernel adds by itself."""
    ignored = _KERNEL_ADDS.get(declared.type, 0)
    pairs = {
        "type": (map_type_name(pinned.type), map_type_name(declared.type)),
        "key size": (str(pinned.key_size), str(declared.key_size)),
        "value size": (str(pinned.value_size), str(declared.value_size)),
        "max entries": (str(pinned.max_entries), str(declared.max_entries)),
        "flags": (f"{pinned.flags & ~ignored:#x}", f"{declared.flags & ~ignored:#x}"),
    }
    return {field: values for field, values in pairs.items() if values[0] != values[1]}


def check_shape(spec: MapSpec, path: str, pinned: MapShape) -> None:
    """Raise MapMismatchError where the map pinned at a path is not what a declaration asks for."""
    declared = declared_shape(spec)
    fields = differing_fields(declared, pinned)
    if fields:
        raise MapMismatchError(spec.name, path, fields, hints=_remedies(spec, path, declared, pinned))


def _remedies(spec: MapSpec, path: str, declared: MapShape, pinned: MapShape) -> tuple[str, ...]:
    """Return what can be done about a pinned map that differs from its declaration."""
    hints = []
    if list(differing_fields(declared, pinned)) == ["max entries"]:
        hints.append(f'"map {spec.name} max_entries {pinned.max_entries}" behind the object file takes it as it is')
    another = f'"map {spec.name} pinned PATH" behind the object file'
    if spec.reuse:  # the command makes a map only where the object declares it, and never the pin that was named
        return (*hints, f"without {another}, the program uses the map that the object declares")
    if _can_move_elements(declared, pinned):
        hints.append(
            f'to keep its elements: "pytc -j map dump pinned {path} > FILE", "pytc map unpin {path}", this command '
            f'again, and "pytc map load pinned {path} FILE"'
        )
    else:
        hints.append(f'"pytc map unpin {path}" makes room for a map as the object declares it, without the elements')
    return (*hints, f"another pinned map takes its place with {another}")


def _can_move_elements(declared: MapShape, pinned: MapShape) -> bool:
    """Report whether elements that are dumped from one map can be loaded into the other."""
    sizes = pinned.key_size, pinned.value_size
    is_per_cpu = pinned.type in PER_CPU
    return sizes == (declared.key_size, declared.value_size) and all(sizes) and is_per_cpu == (declared.type in PER_CPU)
