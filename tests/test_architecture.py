"""What may import what, the one door to each third party, and what the first second of a command must not load."""

from __future__ import annotations

import ast
import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.conftest import ROOT

SOURCE = ROOT / "src"
LONGEST_FILE = 450

# From the bottom up: a room imports itself and what is below it, never its neighbours. The longest name that fits
# a module is its room.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("errors",),
    ("handles",),
    ("protocols", "rates", "documents", "bpf", "packets", "map_commands", "attach_commands"),
    ("prog_commands", "cbpf", "exec_proxy", "commands", "records", "grammar.words", "grammar.devices"),
    ("grammar.expression_words",),
    ("kinds",),
    ("netlink", "grammar", "render"),
    ("operations",),
    ("attach", "testing"),
    ("cli",),
    ("__main__", ""),
)
# Rooms that see less than what is below them.
ONLY = {
    "errors": set[str](),
    "map_commands": set[str](),
    "attach_commands": set[str](),
    "handles": {"errors"},
    "protocols": {"errors"},
    "rates": {"errors"},
    "documents": {"handles", "errors"},
    "bpf": {"errors"},
    "packets": {"errors"},
    "cbpf": {"bpf", "packets", "errors"},
    "exec_proxy": {"bpf", "errors"},
    "prog_commands": {"map_commands"},
    "commands": {"handles", "map_commands", "attach_commands", "prog_commands", "errors"},
    "records": {"handles", "errors"},
    "render": {"documents", "errors"},
    "": {"attach"},
    "__main__": {"cli"},
}
DOORS = {"click": "cli/", "elftools": "bpf/elf.py", "pyroute2": "netlink/general.py", "pytest": "testing.py"}
STRUCTURES = {"bpf/abi.py", "exec_proxy/wire.py"}
_STRUCTURE_BASES = {"Structure", "Union", "LittleEndianStructure", "BigEndianStructure"}


class Module(NamedTuple):
    """A source file; ``name`` is dotted and without ``pytc.``, ``path`` starts behind src/pytc/."""

    name: str
    path: str
    tree: ast.Module
    lines: int


def _modules() -> Iterator[Module]:
    for path in sorted((SOURCE / "pytc").rglob("*.py")):
        inside = path.relative_to(SOURCE / "pytc")
        name = ".".join(inside.with_suffix("").parts).removesuffix("__init__").removesuffix(".")
        text = path.read_text()
        yield Module(name, str(inside), ast.parse(text), text.count("\n"))


MODULES = list(_modules())


def imports(module: Module) -> Iterator[str]:
    """Every module that is imported anywhere in a file, also in functions and for type checking only."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            source = node.module or ""
            yield from (f"{source}.{alias.name}" for alias in node.names)


def room(name: str) -> str:
    """The room of a module, or of a name in one; KeyError for one that is in no table."""
    rooms = [known for level in LEVELS for known in level if known and (name == known or name.startswith(known + "."))]
    if not rooms and "." not in name and name in ("", "__version__", "__getattr__"):
        return ""
    return max(rooms, key=len)


def level(of_room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if of_room in rooms)


def _upward(module: Module) -> Iterator[str]:
    own = room(module.name)
    for name in imports(module):
        if not name.startswith("pytc.") or name == "pytc.__version__":
            continue
        other = room(name.removeprefix("pytc."))
        allowed = level(other) < level(own) if own not in ONLY else other in ONLY[own]
        if other != own and not allowed:
            yield f"{module.path} imports {name}"


def test_imports_point_downwards() -> None:
    assert not [wrong for module in MODULES for wrong in _upward(module)]


def test_third_parties_have_one_door() -> None:
    assert not [
        f"{module.path} imports {name}"
        for module in MODULES
        for name in imports(module)
        if not module.path.startswith(DOORS.get(name.partition(".")[0], ""))
    ]


def test_only_known_packages_are_imported() -> None:
    known = {*sys.stdlib_module_names, *DOORS, "pytc"}
    assert not [
        f"{module.path} imports {name}"
        for module in MODULES
        for name in imports(module)
        if name.partition(".")[0] not in known
    ]


def test_structures_of_the_kernel_are_in_one_place() -> None:
    found = {
        module.path
        for module in MODULES
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ClassDef)
        for base in node.bases
        if (getattr(base, "attr", "") or getattr(base, "id", "")) in _STRUCTURE_BASES
    }
    assert "bpf/abi.py" in found
    assert found <= STRUCTURES


def _is_attribute(node: ast.AST, owner: str, *names: str) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == owner
        and node.attr in names
    )


def _speaks(node: ast.AST) -> bool:
    """Whether something prints, ends the process, or looks at the command line."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return node.func.id in ("print", "exit", "quit", "input")
    if isinstance(node, ast.Raise):
        return "SystemExit" in ast.dump(node)
    return _is_attribute(node, "sys", "exit", "argv", "stdout", "stderr", "stdin")


def test_only_the_command_line_prints_exits_and_reads_its_words() -> None:
    assert not [
        f"{module.path}:{getattr(node, 'lineno', 0)}"
        for module in MODULES
        if not module.path.startswith("cli/")
        for node in ast.walk(module.tree)
        if _speaks(node)
    ]


def test_files_are_short() -> None:
    assert not [f"{module.path}: {module.lines} lines" for module in MODULES if module.lines > LONGEST_FILE]


def test_every_module_has_a_room() -> None:
    assert len(MODULES) > 50
    assert all(level(room(module.name)) >= 0 for module in MODULES)


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )


@pytest.mark.parametrize("words", [("--help",), ("-V",), ("filter", "help"), ("qdisc", "help")])
def test_help_and_version_load_no_third_party(words: tuple[str, ...]) -> None:
    done = python("-X", "importtime", "-m", "pytc", *words)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout
    assert "pytc.cli.main" in loaded
    unwanted = ("pyroute2", "elftools", "click", "pytc.netlink", "pytc.bpf.object.elf", "asyncio")
    assert not [name for name in loaded if name.startswith(unwanted)]
    assert "pytc.bpf" not in loaded or len(words) > 1


NOTHING_HEAVY = "assert not [m for m in sys.modules if m.partition('.')[0] in ('elftools', 'click', 'pyroute2')]"


def test_the_library_loads_no_third_party_until_it_is_needed() -> None:
    code = f"import sys, pytc, pytc.bpf\nfrom pytc.bpf import Map, Program, PinRoot, parse_bytecode\n{NOTHING_HEAVY}"
    assert python("-c", code).returncode == 0


def test_classic_bpf_needs_nothing_but_python() -> None:
    code = f"""
import sys
from pytc.cbpf import Debugger, assemble, disassemble, run, run_capture, translate
from pytc.packets import Packet, PcapWriter, read_packets
program = assemble("ret #-1")
assert run(program, b"") and disassemble(program) and translate(program)
assert not [m for m in sys.modules if m in ("ctypes", "json") or m.startswith("pytc.netlink")]
{NOTHING_HEAVY}
"""
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_reading_a_map_needs_no_elf_code(root: None) -> None:
    code = f"""
import sys
from pytc.bpf import Map, MapSpec
from pytc.bpf.maps.map import create_map
with create_map(MapSpec("numbers", 2, 4, 8, 2), "numbers") as made, Map.from_id(made.description.id) as found:
    found[bytes(4)] = b"12345678"
    assert dict(found.items())[bytes(4)] == b"12345678"
{NOTHING_HEAVY}
"""
    done = python("-c", code)
    assert done.returncode == 0, done.stderr


def test_reading_an_object_needs_elf_code_and_nothing_else(tmp_path: Path) -> None:
    from tests.elf_writer import RETURN_0, code, elf

    (tmp_path / "bpf.o").write_bytes(elf(code("tc", RETURN_0)))
    script = (
        f"import sys\nfrom pytc.bpf import read_object\nread_object({str(tmp_path / 'bpf.o')!r})\n"
        "assert 'elftools' in sys.modules and 'click' not in sys.modules and 'pyroute2' not in sys.modules"
    )
    done = python("-c", script)
    assert done.returncode == 0, done.stderr


def test_public_names_are_there() -> None:
    import pytc
    import pytc.bpf
    import pytc.cbpf
    import pytc.packets

    for package in (pytc, pytc.bpf, pytc.cbpf, pytc.packets):
        assert all(getattr(package, name) is not None for name in package.__all__)
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            assert package.nothing


def test_long_lists_of_constants_are_imported_once() -> None:
    """Who needs as many, and somebody else does too, says the module's name with each."""
    lists = [
        (module.path, node.module, {alias.name for alias in node.names if alias.name.isupper()})
        for module in MODULES
        if module.path.startswith("bpf/")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom)
    ]
    assert not [
        (one, other, home)
        for (one, home, names), (other, where, others) in itertools.combinations(lists, 2)
        if home == where and len(names & others) >= 5
    ]
