"""BPF objects, programs and maps: a loader that needs neither a compiler nor libbpf.

>>> from pytc.bpf import PinRoot, ProgramType, load, read_object, select_program
>>> spec = read_object("bpf.o")                       # no privileges, no kernel
>>> program = select_program(spec, section="cls")
>>> with load(spec, program, type=ProgramType.SCHED_CLS) as loaded:     # descriptors closed at the end
...     loaded.program.description.tag, loaded.maps["hits"][bytes(4)]

Nothing here imports click or pyroute2, prints, or exits. All errors are :class:`pytc.errors.BpfError`.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.analyse.convert import convert_maps as convert_maps
    from pytc.bpf.analyse.inspect import inspect_object as inspect_object
    from pytc.bpf.analyse.lint import lint_object as lint_object
    from pytc.bpf.insn.classic_text import parse_bytecode as parse_bytecode
    from pytc.bpf.insn.classic_text import parse_bytecode_file as parse_bytecode_file
    from pytc.bpf.loader.load import Loaded as Loaded
    from pytc.bpf.loader.load import load as load
    from pytc.bpf.loader.object_cache import ObjectCache as ObjectCache
    from pytc.bpf.loader.program import Program as Program
    from pytc.bpf.loader.program import select_program as select_program
    from pytc.bpf.maps.map import Map as Map
    from pytc.bpf.maps.pinning import PinRoot as PinRoot
    from pytc.bpf.maps.typed import TypedMap as TypedMap
    from pytc.bpf.object.parameters import Parameters as Parameters
    from pytc.bpf.object.parameters import parameterise as parameterise
    from pytc.bpf.object.reader import read_bytes as read_bytes
    from pytc.bpf.object.reader import read_object as read_object
    from pytc.bpf.object.spec import MapSpec as MapSpec
    from pytc.bpf.object.spec import ObjectSpec as ObjectSpec
    from pytc.bpf.object.spec import ProgramSpec as ProgramSpec
    from pytc.bpf.run.test_run import Runner as Runner
    from pytc.bpf.sys.constants import MapType as MapType
    from pytc.bpf.sys.constants import ProgramType as ProgramType

# The module of each public name, imported at its first use, so that reading maps costs no ELF code. Type checkers read
# the imports above; tests/test_architecture.py compares the two.
_HOMES = {
    "Loaded": "loader.load",
    "Map": "maps.map",
    "MapSpec": "object.spec",
    "MapType": "sys.constants",
    "ObjectCache": "loader.object_cache",
    "ObjectSpec": "object.spec",
    "Parameters": "object.parameters",
    "PinRoot": "maps.pinning",
    "Program": "loader.program",
    "ProgramSpec": "object.spec",
    "ProgramType": "sys.constants",
    "convert_maps": "analyse.convert",
    "inspect_object": "analyse.inspect",
    "lint_object": "analyse.lint",
    "load": "loader.load",
    "parameterise": "object.parameters",
    "parse_bytecode": "insn.classic_text",
    "parse_bytecode_file": "insn.classic_text",
    "read_bytes": "object.reader",
    "read_object": "object.reader",
    "select_program": "loader.program",
    "Runner": "run.test_run",
    "TypedMap": "maps.typed",
}

__all__ = list(_HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
