"""Types found by id and by name, walked over no further than needed: the same answers as from a walk over all."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.errors import ObjectError
from tests.btf_writer import BtfWriter

NAMES = ("a", "b", "ab", "a___b", "ab___b", "b___", "")
KINDS = (b.STRUCT, b.ENUM, b.FUNC, b.TYPEDEF, b.FLOAT)
VMLINUX = Path("/sys/kernel/btf/vmlinux")


def filled(writer: BtfWriter, entries: list[tuple[int, str, int]]) -> BtfWriter:
    """A type for each (kind, name, number): members and enumerators have the name and the number too."""
    for kind, name, number in entries:
        if kind == b.STRUCT:
            writer.structure(name, number, [(name, number, number)] * (number % 3), flag=bool(number & 4))
        elif kind == b.ENUM:
            writer.enum(name, [(name, number)] * (number % 3))
        else:
            writer.add(kind, name, number)
    return writer


ENTRIES = st.lists(
    st.tuples(st.sampled_from(KINDS), st.sampled_from(NAMES), st.integers(0, 64) | st.integers(0, 2**32 - 1)),
    max_size=40,
)


def essential(name: str) -> str:
    at = name.find("___")
    return name[:at] if at > 0 else name


def expected(btf: Btf, name: str, kinds: tuple[int, ...], first: int = 1) -> list[int]:
    """The types of a name, by looking at each."""
    return [i for i in range(first, len(btf)) if btf.kind(i) in kinds and essential(btf.name(i)) == name]


@given(ENTRIES, st.sets(st.sampled_from(["a", "b", "ab", "c"])), st.sets(st.sampled_from(KINDS), min_size=1))
def test_names_lead_to_the_same_types_however_they_are_looked_for(
    entries: list[tuple[int, str, int]], names: set[str], kinds: set[int]
) -> None:
    data = filled(BtfWriter(), entries).data()
    whole = Btf(data)
    wanted = {name: ids for name in names if (ids := expected(whole, name, tuple(kinds)))}
    assert Btf(data, lazy=True).named(names, *kinds) == wanted
    assert whole.named(names, *kinds) == wanted


@given(ENTRIES, ENTRIES, st.sampled_from(["a", "b", "ab"]))
def test_types_of_a_module_are_those_of_one_file_with_both(
    base: list[tuple[int, str, int]], own: list[tuple[int, str, int]], name: str
) -> None:
    lower = filled(BtfWriter(), base)
    kernel = lower.parsed()
    module = filled(BtfWriter(lower), own).parsed(kernel)
    both = filled(BtfWriter(), base + own).parsed()
    assert len(module) == len(both)
    for i in range(len(both)):
        assert (module.kind(i), module.name(i), module.vlen(i), module.referred(i)) == (
            both.kind(i),
            both.name(i),
            both.vlen(i),
            both.referred(i),
        )
        if both.kind(i) == b.STRUCT:
            assert module.members(i) == both.members(i)
        if both.kind(i) == b.ENUM:
            assert module.enumerators(i) == both.enumerators(i)
    assert module.named([name], *KINDS).get(name, []) == expected(both, name, KINDS, len(kernel))


@given(st.binary(max_size=120), st.integers(0, 40))
def test_nonsense_gives_an_error_or_an_answer(types: bytes, type_id: int) -> None:
    types = types[: len(types) // 4 * 4]
    strings = b"\0a\0b___c\0"
    data = b.HEADER.pack(b.MAGIC, 1, 0, 24, 0, len(types), len(types), len(strings)) + types + strings
    for ask in (lambda btf: btf.kind(type_id), lambda btf: btf.named(["a", "b"]), len):
        outcomes = []
        for lazy in (True, False):
            try:
                outcomes.append(ask(Btf(data, lazy=lazy)))
            except ObjectError as error:
                outcomes.append(str(error).partition(":")[0])
        if ask is len:
            assert outcomes[0] == outcomes[1]


def test_more_names_than_are_searched_for_one_by_one() -> None:
    entries = [(b.STRUCT, f"type_{i}", 0) for i in range(3000)]
    data = filled(BtfWriter(), entries).data()
    names = [f"type_{i}" for i in range(0, 3000, 100)]
    assert Btf(data, lazy=True).named(names, b.STRUCT) == {f"type_{i}": [i + 1] for i in range(0, 3000, 100)}


def test_a_name_may_be_the_end_of_another() -> None:
    writer = BtfWriter()
    writer.structure("long_name", 0, [])
    data = bytearray(writer.data())
    struct.pack_into("<I", data, b.HEADER.size, 6)
    assert Btf(bytes(data), lazy=True).named(["name"], b.STRUCT) == {"name": [1]}


def test_a_member_that_looks_like_a_type_is_none() -> None:
    """Its name, a type that counts as information, and an offset."""
    writer = BtfWriter()
    writer.structure("outer", 4, [("thing", b.STRUCT << 24, 0)])
    whole = writer.structure("thing", 4, [])
    first, second = writer.parsed()._offsets(frozenset(["thing"]))
    data = writer.data().replace(struct.pack("<I", second), struct.pack("<I", first))
    assert Btf(data, lazy=True).named(["thing"], b.STRUCT) == {"thing": [whole]}


def test_the_running_kernels_types_are_found_by_either_way() -> None:
    if not VMLINUX.exists():
        pytest.skip("this kernel does not offer its types")
    data = VMLINUX.read_bytes()
    whole = Btf(data)
    names = ["task_struct", "sk_buff", "net_device", "sock", "bpf_map", "list_head", "file", "u32", "never_there"]
    found = Btf(data, lazy=True).named(names)
    assert {name: expected(whole, name, tuple(range(1, 20))) for name in found} == found
    assert {name for name in names if name not in found} == {"never_there"}
    assert len(Btf(data, lazy=True)) == len(whole)


class TestPadding:
    """Linkers, and tools that edit objects, may leave bytes between the parts."""

    @pytest.mark.parametrize("behind_header", [0, 4, 8, 1, 1000])
    @pytest.mark.parametrize("between", [0, 1, 3, 16])
    @pytest.mark.parametrize("behind", [0, 1, 15])
    def test_is_skipped(self, behind_header: int, between: int, behind: int) -> None:
        writer = BtfWriter()
        whole = writer.structure("thing", 8, [("member", writer.integer(), 32)])
        btf = Btf(writer.data(behind_header=behind_header, between=between, behind=behind))
        assert (len(btf), btf.name(whole), btf.size(whole)) == (whole + 1, "thing", 8)
        assert btf.members(whole) == [("member", 1, 32, 0)]
        assert Btf(btf.for_kernel({}, {})).members(whole) == [("member", 1, 32, 0)]

    def test_strings_may_come_first(self) -> None:
        writer = BtfWriter()
        writer.integer("number")
        header = list(b.HEADER.unpack_from(writer.data()))
        types = writer.data()[24 : 24 + header[5]]
        strings = writer.data()[24 + header[6] :]
        header[4], header[6] = len(strings), 0
        assert Btf(b.HEADER.pack(*header) + strings + types).name(1) == "number"
