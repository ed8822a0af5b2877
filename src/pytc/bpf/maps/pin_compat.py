"""Pinned maps that are there already: taken when they match, refused with the fields that differ."""

import errno

from pytc.bpf.maps.map import Map, actual_entries, open_pin
from pytc.bpf.object.spec import MapSpec
from pytc.bpf.sys.constants import MapType, map_type_name
from pytc.errors import BpfSyscallError, MapMismatchError, PinError

#: Flags that the kernel itself adds to a map that it makes (kernel/bpf/devmap.c, commit 0cdbb4b09a06).
_KERNEL_ADDS = {MapType.DEVMAP: 1 << 7, MapType.DEVMAP_HASH: 1 << 7}


def open_pinned(spec: MapSpec, path: str) -> Map | None:
    """The pinned map, None when there is none; raises MapMismatchError when it is another kind of map."""
    try:
        descriptor = open_pin(path)
    except BpfSyscallError as error:
        if error.errno == errno.ENOENT:
            return None
        raise PinError(f'map "{spec.name}": {error}', errno=error.errno) from error
    try:
        found = Map(descriptor, spec)
    except BpfSyscallError as error:
        raise PinError(f'map "{spec.name}": what is pinned at "{path}" is no map', errno=error.errno) from error
    differences = differing_fields(spec, found)
    if differences:
        found.close()
        raise MapMismatchError(spec.name, path, differences)
    return found


def differing_fields(spec: MapSpec, found: Map) -> dict[str, tuple[str, str]]:
    """{field: (pinned, declared)} where a map is not what a declaration wants."""
    description = found.description
    ignored = _KERNEL_ADDS.get(MapType(spec.type), 0) if spec.type in _KERNEL_ADDS else 0
    pairs = {
        "type": (map_type_name(description.type), map_type_name(spec.type)),
        "key size": (str(description.key_size), str(spec.key_size)),
        "value size": (str(description.value_size), str(spec.value_size)),
        "max entries": (str(description.max_entries), str(actual_entries(spec))),
        "flags": (f"{description.flags & ~ignored:#x}", f"{spec.flags & ~ignored:#x}"),
    }
    return {field: values for field, values in pairs.items() if values[0] != values[1]}
