"""What may import what, the one door to each third party, and what the first second of a command must not load."""

from __future__ import annotations

import ast
import importlib
import itertools
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.processes import ROOT

SOURCE = ROOT / "src"
LONGEST_FILE = 450

DOORS = {
    "click": "cli/",
    "elftools": "bpf/object/elf.py",
    "prometheus_client": "commands/metrics/",
    "pyroute2": "netns_pair.py",
    # what CPython implements in C: other implementations have no such modules
    **dict.fromkeys(("_collections", "_functools", "_signal", "_socket"), "cpython.py"),
    "pytest": "testing.py",
    "typing_extensions": "value.py",
}
STRUCTURES = {"bpf/sys/abi.py", "exec_proxy/wire.py", "tc/kinds/shared/xtables_program.py"}
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
    """Yield every module that is imported anywhere in a file, also in functions and for type checking only."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import"
            source = node.module or ""
            yield from (f"{source}.{alias.name}" for alias in node.names)


def imported_files(module: Module) -> set[str]:
    """Return the names of our own modules that a file imports."""
    found = set()
    for imported in imports(module):
        name = imported.removeprefix("pytc.") if imported.startswith("pytc.") else ""
        while name and name not in NAMES:
            name = name.rpartition(".")[0]
        found.add(name)
    return found - {module.name, ""}


def package(name: str) -> str:
    """Return the row of the table that a module belongs to: the longest name that fits."""
    if (
        name.startswith("commands.")
        and not name.startswith("commands.shared")
        and (COMMANDS / name.split(".")[1]).is_dir()
    ):
        return "commands.X"
    return max((row for row in TABLE if name == row or name.startswith(f"{row}.")), key=len)


def _table() -> dict[str, set[str]]:
    """Return {package: the packages that it may import} of docs/design.md."""
    rows = [
        line.split("|")[1:4]
        for line in (ROOT / "docs" / "design.md").read_text().splitlines()
        if line.startswith("| `")
    ]
    names = [(re.findall(r"`([^`]+)`", row[0]), row[2].strip()) for row in rows]
    table: dict[str, set[str]] = {name: set() for several, _ in names for name in several}
    for several, allowed in names:
        for name in several:
            if allowed == "everything":
                table[name] = {*table}
            elif allowed == "everything but cli":
                table[name] = {*table} - {"cli"}
            elif allowed != "nothing":
                table[name] = {row for word in allowed.split(", ") for row in _rows(word, table)}
    return {name: {*allowed, "contexts", "cpython", "enums", "typing"} for name, allowed in table.items()}


def _rows(word: str, table: dict[str, set[str]]) -> Iterator[str]:
    """Yield the row of a word, or for one in brackets those of all its sub-packages."""
    if word.startswith("("):
        yield from (row for row in table if row.startswith(f"{word[1:-1]}."))
    else:
        assert word in table, f"docs/design.md names {word}, which has no row"
        yield word


TABLE = _table()
COMMANDS = SOURCE / "pytc" / "commands"
NAMES = {module.name for module in MODULES}
#: Imports that the table forbids and that are still there.
STILL: set[tuple[str, str]] = set()
#: Cycles of files that are still there.
CYCLES: list[set[str]] = []


def _forbidden() -> Iterator[tuple[str, str]]:
    for module in MODULES:
        if module.name in ("", "__main__"):
            continue
        own = package(module.name)
        for name in imported_files(module):
            other = package(name)
            is_own = own == other and (own != "commands.X" or module.name.split(".")[1] == name.split(".")[1])
            if not is_own and (other not in TABLE[own] or own == other == "commands.X"):
                yield module.name, name


def test_imports_are_those_of_the_design() -> None:
    assert set(_forbidden()) == STILL


def _cycles() -> Iterator[set[str]]:
    """Yield the strongly connected components of more than one file (Tarjan)."""
    edges = {module.name: sorted(imported_files(module)) for module in MODULES}
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    stack: list[str] = []

    def visit(name: str) -> Iterator[set[str]]:
        number[name] = lowest[name] = len(number)
        stack.append(name)
        for other in edges[name]:
            if other not in number:
                yield from visit(other)
                lowest[name] = min(lowest[name], lowest[other])
            elif other in stack:
                lowest[name] = min(lowest[name], number[other])
        if lowest[name] == number[name]:
            at = stack.index(name)
            component = set(stack[at:])
            del stack[at:]
            if len(component) > 1:
                yield component

    for name in edges:
        if name not in number:
            yield from visit(name)


def test_no_files_import_one_another() -> None:
    assert sorted(_cycles(), key=sorted) == sorted(CYCLES, key=sorted)


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
    assert "bpf/sys/abi.py" in found
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
        if not module.path.startswith(("cli/", "__main__"))
        for node in ast.walk(module.tree)
        if _speaks(node)
    ]


def test_files_are_short() -> None:
    assert not [f"{module.path}: {module.lines} lines" for module in MODULES if module.lines > LONGEST_FILE]


def test_every_module_has_a_row_in_the_design() -> None:
    assert len(MODULES) > 50
    assert all(package(module.name) for module in MODULES if module.name not in ("", "__main__"))


def python(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )


@pytest.mark.parametrize("words", [("-V",), ("qdisc", "show", "dev", "lo"), ("filter", "show", "dev", "lo", "ingress")])
def test_lines_of_tc_load_no_third_party(words: tuple[str, ...]) -> None:
    done = python("-X", "importtime", "-m", "pytc", *words)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == 0, done.stderr[-500:]
    assert "pytc.cli.main" in loaded
    assert not [name for name in loaded if name.startswith(("pyroute2", "elftools", "click", "asyncio"))]


@pytest.mark.parametrize("words", [("--help",), ("filter", "help"), ("map", "--help")])
def test_help_loads_click_alone(words: tuple[str, ...]) -> None:
    done = python("-X", "importtime", "-m", "pytc", *words)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout
    assert "pytc.cli.main" in loaded
    assert "click" in loaded
    unwanted = ("pyroute2", "elftools", "pytc.netlink.session", "pytc.bpf.object.elf", "asyncio")
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


def test_reading_an_object_loads_no_third_party(tmp_path: Path) -> None:
    from tests.elf_writer import RETURN_0, code, elf

    (tmp_path / "bpf.o").write_bytes(elf(code("tc", RETURN_0)))
    script = f"import sys\nfrom pytc.bpf import read_object\nread_object({str(tmp_path / 'bpf.o')!r})\n{NOTHING_HEAVY}"
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


@pytest.mark.parametrize("name", ["pytc", "pytc.bpf", "pytc.cbpf", "pytc.packets"])
def test_public_names_are_the_same_for_type_checkers(name: str) -> None:
    path = "/".join([*name.split(".")[1:], "__init__.py"])
    [module] = [module for module in MODULES if module.path == path]
    checked = {
        alias.name: node.module
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("pytc.")
        for alias in node.names
    }
    package = importlib.import_module(name)
    homes = {public: home if home.startswith("pytc.") else f"{name}.{home}" for public, home in package._HOMES.items()}
    assert homes == checked
    assert {*package.__all__} <= {*dir(package)}


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
