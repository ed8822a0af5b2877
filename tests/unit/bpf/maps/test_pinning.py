"""bpf_pinning, and where a map is pinned: what needs no kernel."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf import PinRoot, read_bytes
from pytc.bpf.maps.pinning import find_mount, read_pinning_files
from pytc.bpf.object.spec import PIN_GLOBAL_NS, PIN_NONE, PIN_OBJECT_NS, MapSpec
from pytc.bpf.sys.files import is_bpffs
from pytc.bpf.sys.mounts import mount_points
from pytc.errors import PinError
from tests.elf_writer import elf

OWNER = read_bytes(elf(), "bpf.o")


def read(text: str | bytes) -> dict[int, str]:
    """Return the entries of a bpf_pinning file with a text."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(text.encode() if isinstance(text, str) else text)
        file.flush()
        return read_pinning_files((file.name,))


def a_map(pinning: int) -> MapSpec:
    return MapSpec("hits", 1, 4, 8, 1, pinning=pinning)


_paths = st.text(alphabet="abcXYZ019_-.", min_size=1, max_size=12).filter(lambda part: not part.startswith("."))
_entries = st.dictionaries(st.integers(0, 2**31 - 1), st.lists(_paths, min_size=1, max_size=3).map("/".join))
_spaces = st.text(alphabet=" \t", min_size=1, max_size=3)


@given(_entries, st.booleans(), _spaces, st.sampled_from(["", "/"]), st.sampled_from(["", "# comment", "\t #3 tc/x"]))
def test_every_line_of_number_and_path_is_read(
    entries: dict[int, str], in_hex: bool, space: str, root: str, comment: str
) -> None:
    lines = [f"{hex(number) if in_hex else number}{space}{root}{path}{comment}" for number, path in entries.items()]
    assert read("\n".join(["# pinning", "", *lines])) == entries


_lines = st.sampled_from(
    [b"1 /a/b", b"0x2 ../x", b"3 sub/dir", b"4 /../x", b"5 //", b"6 \xff", b"7 ..", b"# 8 c", b"x"]
)


@given(st.binary(max_size=200) | st.lists(_lines).map(b"\n".join))
def test_no_file_can_make_it_fail(data: bytes) -> None:
    for number, path in read(data).items():
        assert isinstance(number, int)
        assert not path.startswith(("/", ".."))


@given(st.text(alphabet="0123456789xXabcdef#/. \t\n-_", max_size=80))
def test_no_line_leads_out_of_the_mount_point(text: str) -> None:
    assert not [path for path in read(text).values() if path.startswith("/") or ".." in path.split("/")]


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("6 tc/six", {6: "tc/six"}),
        ("0x6 tc/six", {6: "tc/six"}),
        ("0X1f tc/x", {31: "tc/x"}),
        ("010 tc/ten", {10: "tc/ten"}),
        ("6 tc//six/", {6: "tc/six"}),
        ("6 /tc/six", {6: "tc/six"}),
        ("6 tc/../up", {6: "up"}),
        ("6 ..two/dots", {6: "..two/dots"}),
        ("6 .", {6: "."}),
        ("6\ttc/six # six", {6: "tc/six"}),
    ],
)
def test_lines_that_count(line: str, entry: dict[int, str]) -> None:
    assert read(line) == entry


@pytest.mark.parametrize(
    "line",
    [
        "",
        "#6 tc/six",
        "6",
        "6 ",
        "six tc/six",
        "6 tc/six more",
        "1_0 tc/ten",
        "-6 tc/six",
        "0b11 tc/x",
        "0x tc/x",
        "6 ..",
        "6 ../up",
        "6 tc/../../up",
        "٦ tc/six",
        "+6 tc/six",
    ],
)
def test_lines_that_do_not(line: str) -> None:
    assert read(line) == {}


def test_of_two_lines_the_later_one_counts() -> None:
    assert read("6 first\n6 second\n") == {6: "second"}


def test_the_first_file_that_exists_counts_alone(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("6 one\n")
    (tmp_path / "two").write_text("6 two\n7 two\n")
    one, two, none = (str(tmp_path / name) for name in ("one", "two", "none"))
    assert read_pinning_files((none, one, two)) == {6: "one"}
    assert read_pinning_files((none,)) == {}


class TestPaths:
    def test_a_map_that_is_not_pinned_has_none_and_looks_for_no_bpffs(self, tmp_path: Path) -> None:
        assert PinRoot(str(tmp_path / "none")).path_for(a_map(PIN_NONE), OWNER) == ""
        assert not (tmp_path / "none").exists()

    @pytest.mark.parametrize(
        ("pinning", "directory"), [(PIN_GLOBAL_NS, "tc/globals"), (PIN_OBJECT_NS, f"tc/{OWNER.digest}"), (6, "tc/six")]
    )
    def test_the_number_says_the_directory(self, tmp_path: Path, pinning: int, directory: str) -> None:
        (tmp_path / "bpf_pinning").write_text("6 tc/six\n")
        pins = PinRoot("/mnt", pinning_files=(str(tmp_path / "bpf_pinning"),))
        pins._mount = "/mnt"
        assert pins.path_for(a_map(pinning), OWNER) == f"/mnt/{directory}/hits"

    def test_a_number_that_is_nowhere_is_refused_with_a_line_to_write(self) -> None:
        pins = PinRoot("/mnt", pinning_files=("/none/a", "/none/b"))
        pins._mount = "/mnt"
        with pytest.raises(PinError, match='map "hits": pinning 6 is not in /none/a or /none/b') as caught:
            pins.path_for(a_map(6), OWNER)
        assert caught.value.hints == ('add a line like "6 tc/my_maps" to /none/a',)


class TestMountPoints:
    @pytest.mark.parametrize(
        ("line", "path"),
        [
            (b"bpf /sys/fs/bpf bpf rw 0 0\n", "/sys/fs/bpf"),
            (b"none /a\\040b\\134c bpf rw 0 0\n", "/a b\\c"),
            ("none /m\u00fcnchen bpf rw 0 0\n".encode(), "/m\u00fcnchen"),
            (b"none /\xff bpf rw 0 0\n", "/\udcff"),
        ],
    )
    def test_come_out_as_they_are_called(self, line: bytes, path: str) -> None:
        assert list(mount_points(b"proc /proc proc rw 0 0\n" + line, b"bpf")) == [path]

    def test_of_other_file_systems_do_not_count(self) -> None:
        assert list(mount_points(b"bpf /bpf tmpfs rw 0 0\nx /y bpfs rw 0 0\nshort bpf\n\n", b"bpf")) == []

    def test_that_are_no_bpffs_are_not_taken(self, tmp_path: Path) -> None:
        assert find_mount(str(tmp_path)) == ""
        assert not is_bpffs(str(tmp_path))
        assert not is_bpffs(str(tmp_path / "none"))
