"""What the tests of this directory share."""

from __future__ import annotations

from pytc.bpf import ObjectSpec, read_bytes
from pytc.bpf.link.linker import link
from pytc.errors import MapDefinitionError


def read_maps(data: bytes, path: str = "", *, layout20: str = "") -> ObjectSpec:
    """An object all of whose maps make sense; raises MapDefinitionError for another one."""
    spec = read_bytes(data, path, layout20=layout20)
    for declared in spec.maps.values():
        if declared.problem:
            raise MapDefinitionError(declared.problem)
    return spec


def link_all(data: bytes) -> None:
    """Link each program of an object; raises ObjectError for a relocation that makes no sense."""
    spec = read_bytes(data)
    for program in spec.programs:
        link(spec, program)
