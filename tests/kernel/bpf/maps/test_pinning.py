"""Pins: where they go, that they are used again, and that a failed load takes back what it made."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import Map, PinRoot, Program, ProgramType, load, read_bytes, read_object, select_program
from pytc.bpf.maps.map import create_map
from pytc.bpf.object.spec import MapSpec
from pytc.errors import BpfSyscallError, MapMismatchError, PinError, VerifierError
from tests.conftest import Compiler
from tests.elf_writer import (
    ALLOC,
    EXIT,
    RETURN_0,
    WRITE,
    Relocation,
    Section,
    Symbol,
    address,
    code,
    elf,
    function,
    license,
    words,
)
from tests.kernel.bpf.support import count, descriptors, loaded, nothing_left, tree, verdict, word
from tests.processes import SOURCE, must

pytestmark = pytest.mark.kernel

GLOBAL, OBJECT = 2, 1
ARRAY, HASH = 2, 1
LINKS = {"ip", "xdp"}


@pytest.fixture
def mount(bpffs: Path) -> Path:
    """A bpffs of its own."""
    return bpffs


def objects(mount: Path) -> set[str]:
    """Return the paths in a bpffs, without pytc's links."""
    return {path for path in tree(mount) if path.split("/")[0] not in LINKS}


def with_maps(*maps: tuple[str, int], body: bytes = RETURN_0, row: tuple[int, ...] = (ARRAY, 4, 8, 4, 0)) -> bytes:
    """A program and legacy maps of 28 bytes: (name, pinning)."""
    rows = [words(*row, number, pinning) for number, (_, pinning) in enumerate(maps)]
    return elf(
        code("tc", body),
        Section("maps", b"".join(rows), flags=ALLOC | WRITE),
        license(),
        symbols=[function("cls", "tc"), *(Symbol(name, "maps", 28 * i, 28) for i, (name, _) in enumerate(maps))],
    )


def load_bytes(data: bytes, mount: Path, pins: PinRoot | None = None) -> None:
    spec = read_bytes(data, "bpf.o")
    load(spec, spec.programs[0], pins=pins or PinRoot(str(mount))).close()


class TestPlaces:
    def test_of_the_global_namespace(self, build: Compiler, mount: Path) -> None:
        with (
            loaded(build("legacy_pin_global"), mount) as done,
            Map.from_pin(str(mount / "tc/globals/pinned_global")) as pinned,
        ):
            assert pinned.description.id == done.maps["pinned_global"].description.id
        assert objects(mount) == {"tc", "tc/globals", "tc/globals/pinned_global"}

    def test_of_the_namespace_of_the_object(self, build: Compiler, mount: Path) -> None:
        path = build("legacy_pin_object")
        digest = hashlib.sha1(Path(path).read_bytes()).hexdigest()
        loaded(path, mount).close()
        assert objects(mount) == {"tc", f"tc/{digest}", f"tc/{digest}/pinned_object"}

    def test_of_a_number_in_bpf_pinning(self, build: Compiler, mount: Path, tmp_path: Path) -> None:
        (tmp_path / "bpf_pinning").write_text("# mine\n6 tc/deep/down\n")
        spec = read_object(build("legacy_pin_custom"))
        pins = PinRoot(str(mount), pinning_files=(str(tmp_path / "bpf_pinning"),))
        load(spec, spec.programs[0], pins=pins).close()
        assert objects(mount) == {"tc", "tc/deep", "tc/deep/down", "tc/deep/down/pinned_custom"}

    def test_of_a_number_that_names_the_mount_point_itself(self, mount: Path, tmp_path: Path) -> None:
        (tmp_path / "bpf_pinning").write_text("6 /\n")
        load_bytes(with_maps(("m", 6)), mount, PinRoot(str(mount), pinning_files=(str(tmp_path / "bpf_pinning"),)))
        assert objects(mount) == {"m", "tc"}, "tc's directory carries the lock"

    def test_of_a_number_that_is_nowhere(self, build: Compiler, mount: Path, tmp_path: Path) -> None:
        spec = read_object(build("legacy_pin_custom"))
        pins = PinRoot(str(mount), pinning_files=(str(tmp_path / "none"),))
        with nothing_left(mount), pytest.raises(PinError, match='map "pinned_custom": pinning 6 is not in'):
            load(spec, spec.programs[0], pins=pins)

    def test_of_a_btf_map_pinned_by_name(self, build: Compiler, mount: Path) -> None:
        loaded(build("modern_maps"), mount).close()
        assert objects(mount) == {"tc", "tc/globals", "tc/globals/pinned_by_name"}

    def test_are_for_root_alone(self, build: Compiler, mount: Path) -> None:
        loaded(build("legacy_pin_global"), mount).close()
        assert [(mount / path).stat().st_mode & 0o777 for path in ("tc", "tc/globals", "tc/globals/pinned_global")] == [
            0o700,
            0o700,
            0o600,
        ]

    def test_can_be_reached_through_the_links_for_ip_and_xdp(self, build: Compiler, mount: Path) -> None:
        loaded(build("legacy_pin_global"), mount).close()
        assert {name: os.readlink(mount / name) for name in LINKS} == {"ip": "tc", "xdp": "tc"}
        assert (mount / "ip/globals/pinned_global").exists()

    def test_are_not_made_for_maps_that_want_none(self, build: Compiler, mount: Path) -> None:
        loaded(build("legacy36"), mount).close()
        assert tree(mount) == set()


class TestReuse:
    def test_a_map_that_matches_is_used_again(self, build: Compiler, mount: Path) -> None:
        with loaded(build("legacy_pin_global"), mount) as first:
            verdict(first.program)
            number = first.maps["pinned_global"].description.id
        with loaded(build("legacy_pin_global"), mount) as second:
            assert second.maps["pinned_global"].description.id == number
            verdict(second.program)
            assert count(second.maps["pinned_global"], 0) == 2

    def test_a_pin_outlives_the_program_and_undo_is_for_what_was_made(self, build: Compiler, mount: Path) -> None:
        loaded(build("legacy_pin_global"), mount).close()
        with loaded(build("legacy_pin_global"), mount) as second:
            second.undo()
        assert "tc/globals/pinned_global" in objects(mount)

    def test_undo_takes_back_pins_directories_and_links(self, build: Compiler, mount: Path) -> None:
        with nothing_left(mount), loaded(build("legacy_pin_global"), mount) as done:
            done.undo()
            verdict(done.program)

    def test_what_undo_cannot_remove_is_said(self, build: Compiler, mount: Path) -> None:
        error = PinError("no")
        with loaded(build("legacy_pin_global"), mount) as done:
            must("mount", "-o", "remount,ro", str(mount))
            try:
                done.undo(error)
            finally:
                must("mount", "-o", "remount,rw", str(mount))
        left = [mount / name for name in ("tc/globals/pinned_global", "xdp", "ip", "tc/globals", "tc")]
        reason = "could not be removed again: Read-only file system (EROFS)"
        assert error.hints == tuple(f'"{path}" {reason}' for path in left)
        assert left[0].exists()

    def test_undo_leaves_what_others_put_beside_it(self, build: Compiler, mount: Path) -> None:
        with loaded(build("legacy_pin_global"), mount) as done:
            done.maps["pinned_global"].pin(str(mount / "tc/globals/theirs"))
            done.undo()
        assert objects(mount) == {"tc", "tc/globals", "tc/globals/theirs"}

    def test_what_a_killed_command_was_about_to_move_is_replaced(self, build: Compiler, mount: Path) -> None:
        path = str(mount / "tc/globals/pinned_global")
        with loaded(build("legacy_pin_global"), mount) as first, loaded(build("legacy_static"), mount) as second:
            PinRoot(str(mount)).pin_beside(path, first.maps["pinned_global"].fd)
            map = next(iter(second.maps.values()))
            PinRoot(str(mount)).replace(path, map.fd)
            with Map.from_pin(path) as pinned:
                assert pinned.description.id == map.description.id
        assert objects(mount) == {"tc", "tc/globals", "tc/globals/pinned_global"}

    @pytest.mark.parametrize(
        ("name", "type", "entries"), [("ringbuf", 27, 5000), ("perf", 4, 0), ("lru", 9, 7), ("devmap", 14, 4)]
    )
    def test_what_the_kernel_makes_of_a_size_is_no_mismatch(
        self, mount: Path, name: str, type: int, entries: int
    ) -> None:
        sizes = (0, 0) if type == 27 else (4, 4)
        data = with_maps((name, GLOBAL), row=(type, *sizes, entries, 0))
        for _ in range(2):
            load_bytes(data, mount)
        assert f"tc/globals/{name}" in objects(mount)


class TestMismatch:
    @pytest.mark.parametrize(
        ("row", "fields"),
        [
            ((HASH, 4, 8, 4, 0), {"type": ("array", "hash")}),
            ((ARRAY, 4, 16, 4, 0), {"value size": ("8", "16")}),
            ((ARRAY, 4, 8, 5, 0), {"max entries": ("4", "5")}),
            ((ARRAY, 4, 8, 4, 0x400), {"flags": ("0x0", "0x400")}),
            (
                (HASH, 8, 16, 5, 1),
                {
                    "type": ("array", "hash"),
                    "key size": ("4", "8"),
                    "value size": ("8", "16"),
                    "max entries": ("4", "5"),
                    "flags": ("0x0", "0x1"),
                },
            ),
        ],
    )
    def test_names_each_field_that_differs(
        self, mount: Path, row: tuple[int, ...], fields: dict[str, tuple[str, str]]
    ) -> None:
        load_bytes(with_maps(("m", GLOBAL)), mount)
        with nothing_left(mount), pytest.raises(MapMismatchError) as caught:
            load_bytes(with_maps(("m", GLOBAL), row=row), mount)
        assert caught.value.fields == fields
        differences = ", ".join(
            f"{field} is {found}, the object wants {wanted}" for field, (found, wanted) in fields.items()
        )
        assert str(caught.value) == (f'map "m": the map pinned at {mount}/tc/globals/m does not match: {differences}')

    def test_leaves_the_pinned_map_as_it_was(self, build: Compiler, mount: Path) -> None:
        with loaded(build("legacy_pin_global"), mount) as done:
            verdict(done.program)
        with pytest.raises(MapMismatchError):
            load_bytes(with_maps(("pinned_global", GLOBAL), row=(HASH, 4, 8, 4, 0)), mount)
        with Map.from_pin(str(mount / "tc/globals/pinned_global")) as pinned:
            assert count(pinned, 0) == 1


class TestFailure:
    """In the middle of a load: no pin, no directory, no descriptor stays."""

    def test_of_the_verifier(self, mount: Path) -> None:
        with nothing_left(mount), pytest.raises(VerifierError):
            load_bytes(with_maps(("m", GLOBAL), ("n", OBJECT), body=EXIT), mount)

    def test_of_the_verifier_spares_what_was_there(self, mount: Path) -> None:
        load_bytes(with_maps(("m", GLOBAL)), mount)
        with nothing_left(mount), pytest.raises(VerifierError):
            load_bytes(with_maps(("m", GLOBAL), ("n", GLOBAL), body=EXIT), mount)
        assert objects(mount) == {"tc", "tc/globals", "tc/globals/m"}

    def test_of_a_later_map(self, mount: Path) -> None:
        good, bad = words(ARRAY, 4, 8, 4, 0, 0, GLOBAL), words(9999, 4, 8, 4, 0, 1, 0)
        data = elf(
            code("tc", address(1), RETURN_0),
            Section("maps", good + bad, flags=ALLOC | WRITE),
            license(),
            symbols=[function("cls", "tc"), Symbol("good", "maps", 0), Symbol("bad", "maps", 28)],
            relocations=[Relocation("tc", 0, "bad")],
        )
        with nothing_left(mount), pytest.raises(BpfSyscallError, match='map "bad"'):
            load_bytes(data, mount)

    def test_of_a_later_pin(self, mount: Path) -> None:
        (mount / "tc").mkdir()
        with create_map(MapSpec("x", HASH, 4, 4, 1), "x") as other:
            (mount / "tc/globals").mkdir()
            other.pin(str(mount / "tc/globals/n"))
        with nothing_left(mount), pytest.raises(MapMismatchError, match='map "n"'):
            load_bytes(with_maps(("m", GLOBAL), ("n", GLOBAL)), mount)

    def test_of_a_slot(self, mount: Path) -> None:
        rows = words(3, 4, 4, 4, 0, 1, GLOBAL)
        data = elf(
            code("tc", address(1), RETURN_0),
            code("1/9", RETURN_0),
            license(),
            Section("maps", rows, flags=ALLOC | WRITE),
            relocations=[Relocation("tc", 0, "m")],
            symbols=[function("cls", "tc"), function("target", "1/9"), Symbol("m", "maps", 0, 28)],
        )
        with nothing_left(mount), pytest.raises(BpfSyscallError, match="into slot 9"):
            load_bytes(data, mount)

    def test_of_a_second_load_spares_the_pins_of_the_first(self, mount: Path) -> None:
        pins = PinRoot(str(mount))
        load_bytes(with_maps(("m", GLOBAL)), mount, pins)
        with pytest.raises(VerifierError):
            load_bytes(with_maps(("n", GLOBAL), body=EXIT), mount, pins)
        assert objects(mount) == {"tc", "tc/globals", "tc/globals/m"}


class TestObstacles:
    """Something else where a pin or a directory should be."""

    @pytest.mark.parametrize("place", ["tc", "tc/globals"])
    def test_a_link_in_place_of_a_directory_is_not_followed(self, mount: Path, tmp_path: Path, place: str) -> None:
        (mount / "elsewhere").mkdir()
        if place != "tc":
            (mount / "tc").mkdir()
        (mount / place).symlink_to(mount / "elsewhere")
        with nothing_left(mount), pytest.raises(PinError, match=f'{place}" is not a directory') as caught:
            load_bytes(with_maps(("m", GLOBAL)), mount)
        assert "a symbolic link is not followed" in str(caught.value)

    def test_a_map_behind_such_a_link_is_not_used(self, mount: Path) -> None:
        load_bytes(with_maps(("m", GLOBAL)), mount)
        (mount / "tc/globals").rename(mount / "elsewhere")
        (mount / "tc/globals").symlink_to(mount / "elsewhere")
        with nothing_left(mount), pytest.raises(PinError, match="is not a directory"):
            load_bytes(with_maps(("m", GLOBAL)), mount)

    def test_a_link_in_place_of_the_pin_itself_is_followed_by_the_kernel(self, mount: Path) -> None:
        load_bytes(with_maps(("m", GLOBAL)), mount)
        (mount / "tc/globals/m").rename(mount / "elsewhere")
        (mount / "tc/globals/m").symlink_to(mount / "elsewhere")
        with nothing_left(mount):
            load_bytes(with_maps(("m", GLOBAL)), mount)

    def test_a_program_in_place_of_a_map(self, build: Compiler, mount: Path) -> None:
        (mount / "tc/globals").mkdir(parents=True)
        with loaded(build("drop"), mount) as done:
            done.program.pin(str(mount / "tc/globals/m"))
        with nothing_left(mount), pytest.raises(PinError, match=r'map "m": ".*/m" is not a pinned map'):
            load_bytes(with_maps(("m", GLOBAL)), mount)

    def test_a_directory_in_place_of_a_map(self, mount: Path) -> None:
        (mount / "tc/globals/m").mkdir(parents=True)
        with nothing_left(mount), pytest.raises(PinError, match='map "m"'):
            load_bytes(with_maps(("m", GLOBAL)), mount)

    @pytest.mark.parametrize("name", ["ip", "xdp"])
    def test_something_else_in_place_of_a_link_does_no_harm(self, mount: Path, name: str) -> None:
        (mount / name).mkdir()
        load_bytes(with_maps(("m", GLOBAL)), mount)
        assert (mount / "tc/globals/m").exists()

    @pytest.mark.parametrize("name", ["a.b", "."])
    def test_a_name_that_a_bpffs_does_not_take(self, mount: Path, name: str) -> None:
        with nothing_left(mount), pytest.raises(PinError, match="map "):
            load_bytes(with_maps((name, GLOBAL)), mount)

    @pytest.mark.parametrize("name", ["..", "../up", "a/b", "/etc/m"])
    def test_a_name_that_leads_elsewhere_is_refused(self, mount: Path, name: str) -> None:
        with nothing_left(mount), pytest.raises(PinError, match="is not a valid name for a pin"):
            load_bytes(with_maps((name, GLOBAL)), mount)


class TestPinnedObjects:
    """``Map.from_pin`` and ``Program.from_pin`` do not take one for the other."""

    @pytest.fixture
    def pinned(self, build: Compiler, mount: Path) -> Iterator[Path]:
        with loaded(build("legacy36"), mount) as done:
            done.program.pin(str(mount / "program"))
            done.maps["map_hash"].pin(str(mount / "map"))
        yield mount

    def test_each_is_opened_as_what_it_is(self, pinned: Path) -> None:
        with Map.from_pin(str(pinned / "map")) as found, Program.from_pin(str(pinned / "program")) as program:
            assert found.description.name == "map_hash"
            assert program.description.type == ProgramType.SCHED_CLS

    def test_a_program_is_no_map(self, pinned: Path) -> None:
        with nothing_left(pinned), pytest.raises(BpfSyscallError, match="not a map"):
            Map.from_pin(str(pinned / "program"))

    def test_a_map_is_no_program(self, pinned: Path) -> None:
        with (
            nothing_left(pinned),
            Program.from_pin(str(pinned / "map")) as program,
            pytest.raises(BpfSyscallError, match="not a program"),
        ):
            assert program.description

    def test_nothing_is_neither(self, pinned: Path) -> None:
        with nothing_left(pinned), pytest.raises(BpfSyscallError, match="ENOENT"):
            Map.from_pin(str(pinned / "none"))


class TestMounting:
    """In a mount namespace of its own: what there is of bpf file systems."""

    SCRIPT = """
import sys
from pytc.bpf.maps.pinning import PinRoot
root = PinRoot(sys.argv[1])
print(root.mount)
root.prepare(root.mount + "/tc/globals/m")
"""

    def python(self, setup: str, wanted: str = "") -> subprocess.CompletedProcess[str]:
        command = f"{setup}\nexec {sys.executable} -c '{self.SCRIPT}' '{wanted}'"
        return subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-ec", command],
            timeout=60,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **SOURCE},
        )

    def test_one_is_mounted_for_root_alone_where_there_is_none(self, root: None, tmp_path: Path) -> None:
        made = tmp_path / "new" / "bpf"
        done = self.python("", str(made))
        assert (done.returncode, done.stdout.strip()) == (0, str(made)), done.stderr

    def test_one_elsewhere_is_found_in_the_table_of_mounts(self, root: None, tmp_path: Path) -> None:
        there = tmp_path / "a b\u00fc"
        there.mkdir()
        setup = (
            "for m in $(grep ' bpf ' /proc/mounts | cut -d' ' -f2); do umount -l \"$(printf \"$m\")\"; done\n"
            f"mount -t bpf bpf '{there}'"
        )
        done = self.python(setup)
        assert (done.returncode, done.stdout.strip()) == (0, str(there)), done.stderr

    def test_one_that_cannot_be_mounted_is_an_error(self, root: None, tmp_path: Path) -> None:
        (tmp_path / "file").write_text("")
        with nothing_left(tmp_path), pytest.raises(PinError, match="no bpffs is mounted, and mounting one at"):
            assert PinRoot(str(tmp_path / "file")).mount
        with nothing_left(tmp_path), pytest.raises(PinError, match="File name too long"):
            assert PinRoot(str(tmp_path / "new" / ("x" * 256))).mount

    def test_a_directory_that_cannot_be_made_is_an_error(self, root: None) -> None:
        with pytest.raises(PinError, match="no bpffs is mounted, and mounting one at"):
            assert PinRoot("/proc/nothing/here").mount


def test_descriptors_are_closed_whatever_happens(build: Compiler, mount: Path) -> None:
    before = descriptors()
    spec = read_object(build("legacy_pin_global"))
    for _ in range(3):
        load(spec, select_program(spec), pins=PinRoot(str(mount))).close()
    assert descriptors() == before


def test_a_pinned_array_keeps_its_contents(mount: Path) -> None:
    load_bytes(with_maps(("m", GLOBAL)), mount)
    with Map.from_pin(str(mount / "tc/globals/m")) as found:
        found[word(1)] = b"12345678"
    load_bytes(with_maps(("m", GLOBAL)), mount)
    with Map.from_pin(str(mount / "tc/globals/m")) as found:
        assert found[word(1)] == b"12345678"


def test_a_pin_that_another_loader_makes_in_the_meantime_is_taken(
    build: Compiler, bpffs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """tc knows nothing of the lock."""
    from pytc.bpf.sys.pins import pin as real

    specs = read_object(build("legacy_pin_global")).maps
    others: dict[str, int] = {}

    def pin(fd: int, path: str) -> None:
        name = os.path.basename(path)
        if name not in others:
            with create_map(specs[name], name) as made:
                others[name] = made.description.id
                real(made.fd, path)
        real(fd, path)

    monkeypatch.setattr("pytc.bpf.maps.pinning.pin", pin)
    with loaded(build("legacy_pin_global"), bpffs) as found:
        assert others
        assert {name: found.maps[name].description.id for name in others} == others


def test_a_bpffs_that_is_mounted_read_only(mount: Path) -> None:
    must("mount", "-o", "remount,ro,bind", str(mount))
    with pytest.raises(PinError, match="Read-only") as refused:
        load_bytes(with_maps(("m", GLOBAL)), mount)
    [hint] = refused.value.hints
    assert "TC_BPF_MNT" in hint
    assert objects(mount) == set()
