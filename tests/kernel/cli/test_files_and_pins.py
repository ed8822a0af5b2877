"""Objects given in place of pins, pins given in place of objects, and pins that cannot be made or do not match."""

from __future__ import annotations

import gzip
import subprocess
from pathlib import Path

import pytest

from tests.conftest import Compiler
from tests.network import Network
from tests.processes import json_of, printed, refused

pytestmark = pytest.mark.kernel


@pytest.fixture
def pinned(clsact: Network, build: Compiler, bpffs: Path) -> tuple[Network, str, str, str]:
    """The network, an object, and the pins of its program and of its map."""
    path = build("legacy_pin_global")
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", path)
    program, map = bpffs / "program", next(path for path in bpffs.glob("tc/globals/*"))
    clsact.ok("prog", "pin", "dev", "em1", "ingress", str(program))
    return clsact, path, str(program), str(map)


class TestMixedUp:
    def test_a_pin_is_given_as_an_object(self, pinned: tuple[Network, str, str, str]) -> None:
        network, _, program, map = pinned
        for words in (["obj", program], ["obj", map], [program]):
            outcome = network.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", *words)
            assert outcome.status == 1
            assert f'Hint: "{words[-1]}" is ' in outcome.err
            assert f"in a bpffs: {'filter, action and tcx take it as ' * (len(words) == 2)}object-pinned" in outcome.err
        assert f"prog run as pinned {program}" in refused("object", "show", program)

    @pytest.mark.parametrize(
        "line",
        [
            "filter add dev em1 ingress bpf da object-pinned OBJECT",
            "map get pinned OBJECT",
            "prog show pinned OBJECT",
            "link show OBJECT",
            "exec bpf graft OBJECT key 0 obj OBJECT",
            "tcx detach dev em1 ingress pinned OBJECT",
            "filter add dev em1 ingress bpf da obj OBJECT map shared pinned OBJECT",
        ],
    )
    def test_an_object_is_given_as_a_pin(self, pinned: tuple[Network, str, str, str], line: str) -> None:
        network, path, _, map = pinned
        words = [word.replace("OBJECT", path).replace("shared", Path(map).name) for word in line.split()]
        outcome = network.pytc(*words)
        assert outcome.status in (1, 2)
        assert f'Hint: "{path}" is an object file outside a bpffs, not a pin\n' in outcome.err
        assert (f"Hint: object-file {path} names an object file\n" in outcome.err) == ("object-pinned" in line)

    def test_the_pin_of_another_kind_is_named(self, pinned: tuple[Network, str, str, str]) -> None:
        _, _, program, map = pinned
        assert f'"{program}" is not a map: not a map but a program' in refused("map", "show", "pinned", program)
        assert "not a program but a map" in refused("prog", "unpin", map)

    def test_a_file_that_is_not_an_object_yet(self, root: None, build: Compiler, tmp_path: Path) -> None:
        source, archive, bitcode = tmp_path / "x.c", tmp_path / "x.o.gz", tmp_path / "x.bc"
        source.write_text("#include <linux/bpf.h>\nint x;\n")
        archive.write_bytes(gzip.compress(Path(build("legacy16")).read_bytes()))
        subprocess.run(
            ["clang", "-O2", "-target", "bpf", "-emit-llvm", "-c", "-x", "c", "-", "-o", bitcode],
            input=b"int x;",
            check=True,
        )
        for path, hint in ((source, "clang -O2 -g -target bpf"), (archive, "gunzip"), (bitcode, "llc -march=bpf")):
            message = refused("object", "show", path)
            assert message.startswith(f'object file "{path}": not an ELF file\nHint: this is ' * (path != archive))
            assert hint in message

    @pytest.mark.parametrize(
        ("content", "hint"),
        [
            (b'target triple = "bpf"\n', "LLVM assembly"),
            (b"\t.text\n\t.globl f\n", "this is assembly"),
            (b"x.o".ljust(257, b"\0") + b"ustar\0", "tar archive"),
            (b"", ""),
            (b"\x7f\x7f", ""),
        ],
    )
    def test_what_no_loader_takes(self, tmp_path: Path, content: bytes, hint: str) -> None:
        (tmp_path / "x.o").write_bytes(content)
        message = refused("object", "show", tmp_path / "x.o")
        assert (hint in message) if hint else ("Hint" not in message)


class TestNames:
    @pytest.mark.parametrize("path", ["m:with.dot", "MOUNT/with.dot"])
    def test_with_a_dot(self, pinned: tuple[Network, str, str, str], bpffs: Path, path: str) -> None:
        network, _, _, map = pinned
        outcome = network.pytc("map", "pin", "pinned", map, path.replace("MOUNT", str(bpffs)))
        assert outcome.status == 1
        assert outcome.err.endswith("Hint: a bpffs takes no names with a dot\n")

    def test_a_directory_is_given_as_a_pin(self, pinned: tuple[Network, str, str, str], bpffs: Path) -> None:
        message = refused("map", "get", "pinned", bpffs / "tc", "key", "1")
        assert message.endswith(f'Hint: "{bpffs}/tc" is a directory, not a pin\n')

    def test_in_a_directory_that_is_not_there(self, pinned: tuple[Network, str, str, str], bpffs: Path) -> None:
        message = refused("map", "pin", "pinned", pinned[3], f"{bpffs}/none/x")
        assert message.endswith(f'Hint: the directory "{bpffs}/none" does not exist: mkdir makes it\n')

    def test_outside_a_bpffs(self, pinned: tuple[Network, str, str, str], tmp_path: Path) -> None:
        assert refused("map", "pin", "pinned", pinned[3], tmp_path / "x").endswith("Hint: a pin must be in a bpffs\n")


def test_the_ways_on_where_a_pinned_map_does_not_match(
    clsact: Network, build: Compiler, bpffs: Path, tmp_path: Path
) -> None:
    path, elements = build("legacy_pin_global"), str(tmp_path / "elements")
    add = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", path)
    clsact.ok(*add)
    pin = next(str(path) for path in bpffs.glob("tc/globals/*"))
    name = Path(pin).name
    outcome = clsact.pytc(*add, "map", name, "max_entries", "77")
    assert outcome.status == 1
    entries = json_of("map", "show", "pinned", pin)[0]["max_entries"]
    assert f'Hint: "map {name} max_entries {entries}" behind the object file takes it as it is\n' in outcome.err
    clsact.ok(*add, "map", name, "max_entries", str(entries))
    # As the second hint says.
    assert f'"pytc -j map dump pinned {pin} > FILE", "pytc map unpin {pin}"' in outcome.err
    Path(elements).write_text(printed("-j", "map", "dump", "pinned", pin))
    printed("map", "unpin", pin)
    clsact.ok(*add, "map", name, "max_entries", "77")
    printed("map", "load", "pinned", pin, elements)


def test_of_a_map_of_other_sizes_no_elements_are_kept(clsact: Network, build: Compiler, bpffs: Path) -> None:
    add = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("legacy_pin_global"))
    clsact.ok("map", "create", "m:globals/pinned_global", *"type array key 4 value 4 max_entries 4".split())
    pin = str(bpffs / "tc/globals/pinned_global")
    outcome = clsact.pytc(*add)
    assert outcome.status == 1 and "value size is 4, the object wants 8\n" in outcome.err
    assert "map dump" not in outcome.err and "map load" not in outcome.err
    assert f'Hint: "pytc map unpin {pin}" makes room for a map as the object declares it' in outcome.err
    printed("map", "unpin", pin)
    clsact.ok(*add)


def test_the_ways_on_where_a_named_pin_does_not_match(clsact: Network, build: Compiler, bpffs: Path) -> None:
    add = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("legacy28"))
    pin, map = bpffs / "other", ("map", "map_array", "pinned")
    clsact.ok("map", "create", str(pin), *"type array key 4 value 8 max_entries 77".split())
    outcome = clsact.pytc(*add, *map, str(pin))
    *_, error, first, second = outcome.err.splitlines()
    assert (outcome.status, error.endswith("max entries is 77, the object wants 8")) == (1, True)
    assert first == 'Hint: "map map_array max_entries 77" behind the object file takes it as it is'
    clsact.ok(*add, *map, str(pin), "map", "map_array", "max_entries", "77")
    assert second == (
        'Hint: without "map map_array pinned PATH" behind the object file, the program uses the map that the object '
        "declares"
    )
    clsact.ok(*add)
