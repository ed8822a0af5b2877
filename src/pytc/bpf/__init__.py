"""BPF objects, programs and maps: a loader that needs neither a compiler nor libbpf.

>>> from pytc.bpf import PinRoot, ProgramType, load, read_object, select_program
>>> spec = read_object("bpf.o")                       # no privileges, no kernel
>>> program = select_program(spec, section="cls")
>>> with load(spec, program, type=ProgramType.SCHED_CLS) as loaded:     # descriptors closed at the end
...     loaded.program.description.tag, loaded.maps["hits"][bytes(4)]

Nothing here imports click or pyroute2, prints, or exits. All errors are :class:`pytc.errors.BpfError`.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytc.bpf.classic import parse_bytecode, parse_bytecode_file
    from pytc.bpf.constants import MapType, ProgramType
    from pytc.bpf.loader import Loaded, load
    from pytc.bpf.maps import Map
    from pytc.bpf.pinning import PinRoot
    from pytc.bpf.program import Program, select_program
    from pytc.bpf.reader import read_bytes, read_object
    from pytc.bpf.spec import MapSpec, ObjectSpec, ProgramSpec

__all__ = [
    "Loaded", "Map", "MapSpec", "MapType", "ObjectSpec", "PinRoot", "Program", "ProgramSpec", "ProgramType",
    "load", "parse_bytecode", "parse_bytecode_file", "read_bytes", "read_object", "select_program",
]

# Where each public name lives: imported at first use, so that reading maps costs no ELF code.
_HOMES = {
    "parse_bytecode": "classic", "parse_bytecode_file": "classic", "MapType": "constants",
    "ProgramType": "constants", "Loaded": "loader", "load": "loader", "Map": "maps", "PinRoot": "pinning",
    "Program": "program", "select_program": "program", "read_bytes": "reader", "read_object": "reader",
    "MapSpec": "spec", "ObjectSpec": "spec", "ProgramSpec": "spec",
}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
