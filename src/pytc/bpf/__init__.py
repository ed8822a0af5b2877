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
    from pytc.bpf.convert import convert_maps
    from pytc.bpf.inspect import inspect_object
    from pytc.bpf.lint import lint_object
    from pytc.bpf.loader import Loaded, load
    from pytc.bpf.maps import Map
    from pytc.bpf.object_cache import ObjectCache
    from pytc.bpf.parameters import Parameters, parameterise
    from pytc.bpf.pinning import PinRoot
    from pytc.bpf.program import Program, select_program
    from pytc.bpf.reader import read_bytes, read_object
    from pytc.bpf.spec import MapSpec, ObjectSpec, ProgramSpec
    from pytc.bpf.test_run import Runner
    from pytc.bpf.typed_maps import TypedMap

# Where each public name lives: imported at first use, so that reading maps costs no ELF code.
_HOMES = {
    "Loaded": "loader",
    "Map": "maps",
    "MapSpec": "spec",
    "MapType": "constants",
    "ObjectCache": "object_cache",
    "ObjectSpec": "spec",
    "Parameters": "parameters",
    "PinRoot": "pinning",
    "Program": "program",
    "ProgramSpec": "spec",
    "ProgramType": "constants",
    "convert_maps": "convert",
    "inspect_object": "inspect",
    "lint_object": "lint",
    "load": "loader",
    "parameterise": "parameters",
    "parse_bytecode": "classic",
    "parse_bytecode_file": "classic",
    "read_bytes": "reader",
    "read_object": "reader",
    "select_program": "program",
    "Runner": "test_run",
    "TypedMap": "typed_maps",
}

__all__ = [
    "Loaded",
    "Map",
    "MapSpec",
    "MapType",
    "ObjectCache",
    "ObjectSpec",
    "Parameters",
    "PinRoot",
    "Program",
    "ProgramSpec",
    "ProgramType",
    "Runner",
    "TypedMap",
    "convert_maps",
    "inspect_object",
    "lint_object",
    "load",
    "parameterise",
    "parse_bytecode",
    "parse_bytecode_file",
    "read_bytes",
    "read_object",
    "select_program",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
