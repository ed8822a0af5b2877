"""Bytes to values by their BTF type, and values as C text."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.codec.btf import btf_codec
from pytc.bpf.codec.columns import Renderer
from pytc.bpf.codec.scalars import Columns, Style
from pytc.bpf.codec.variables import Enumerator, Raw, decode, value_text
from pytc.errors import ObjectError
from tests.btf_writer import BtfWriter

if TYPE_CHECKING:
    from pytc.bpf.codec.scalars import Value

_SIGNED, _BOOL = 1, 4


def integer(writer: BtfWriter, name: str, size: int, encoding: int = 0) -> int:
    return writer.add(b.INT, name, size, struct.pack("<I", encoding << 24 | size * 8))


@pytest.mark.parametrize(
    ("name", "size", "encoding", "data", "value"),
    [
        ("unsigned int", 4, 0, b"\xff\xff\xff\xff", 0xFFFFFFFF),
        ("int", 4, _SIGNED, b"\xff\xff\xff\xff", -1),
        ("_Bool", 1, _BOOL, b"\x01", True),
        ("_Bool", 1, _BOOL, b"\x00", False),
        ("_Bool", 1, _BOOL, b"\x07", 7),
        ("char", 1, _SIGNED, b"A", 65),
        ("__int128", 16, _SIGNED, b"\xfe" + b"\xff" * 15, -2),
    ],
)
def test_integers(name: str, size: int, encoding: int, data: bytes, value: int) -> None:
    writer = BtfWriter()
    type_id = integer(writer, name, size, encoding)
    found = decode(writer.parsed(), type_id, data)
    assert found == value
    assert isinstance(found, bool) == isinstance(value, bool)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"eth0\0\0", "eth0"),
        (b"eth0ab", "eth0ab"),
        (b"\0" * 6, ""),
        ("ä€\0".encode(), "ä€"),
        (b"a\0b\0\0\0", [97, 0, 98, 0, 0, 0]),
        (b"\xff\xfe\0\0\0\0", [-1, -2, 0, 0, 0, 0]),
    ],
)
def test_arrays_of_char_are_text_where_they_can_be(data: bytes, value: Value) -> None:
    writer = BtfWriter()
    array = writer.array(integer(writer, "char", 1, _SIGNED), 6)
    assert decode(writer.parsed(), array, data.ljust(6, b"\0")) == value


def test_arrays_of_unsigned_bytes_are_numbers() -> None:
    writer = BtfWriter()
    array = writer.array(integer(writer, "unsigned char", 1), 6)
    assert decode(writer.parsed(), array, b"eth0\0\0") == [101, 116, 104, 48, 0, 0]


def test_arrays_of_arrays_and_of_nothing() -> None:
    writer = BtfWriter()
    number = integer(writer, "int", 4, _SIGNED)
    array = writer.array(writer.array(number, 2), 2)
    endless = writer.array(writer.structure("empty", 0, []), 1 << 31)
    flexible = writer.array(number, 0)
    btf = writer.parsed()
    assert decode(btf, array, struct.pack("<4i", 1, -2, 3, -4)) == [[1, -2], [3, -4]]
    assert decode(btf, endless, b"") == []
    assert decode(btf, flexible, b"") == []


def test_enumerators_have_names() -> None:
    writer = BtfWriter()
    plain = writer.enum("state", [("UP", 1), ("GONE", 0xFFFFFFFF)])
    wide = writer.enum("wide", [("FAR", 1 << 40)], kind=b.ENUM64)
    btf = writer.parsed()
    assert decode(btf, plain, b"\1\0\0\0") == Enumerator("UP")
    assert decode(btf, plain, b"\xff" * 4) == Enumerator("GONE")
    assert decode(btf, plain, b"\7\0\0\0") == 7
    assert decode(btf, wide, (1 << 40).to_bytes(8, "little")) == Enumerator("FAR")


def test_structures_are_members_by_name() -> None:
    writer = BtfWriter()
    number, char = integer(writer, "int", 4, _SIGNED), integer(writer, "char", 1, _SIGNED)
    union = writer.structure("", 4, [("whole", number, 0), ("part", char, 0)], kind=b.UNION)
    outer = writer.structure("outer", 8, [("first", number, 0), ("", union, 32)])
    assert decode(writer.parsed(), outer, struct.pack("<iI", -1, 0x141)) == {"first": -1, "whole": 0x141, "part": 65}


@pytest.mark.parametrize("unnamed", [False, True])
def test_padding_is_shown_where_it_is_not_zero(unnamed: bool) -> None:
    """Keys that differ in padding alone are two keys, which no dump may show as one."""
    w = BtfWriter()
    u32, u16 = w.integer("u32", 4), w.integer("u16", 2)
    head = [("source", u32, 0), ("port", u16, 32)]
    if unnamed:
        head = [("", w.structure("", 8, head), 0)]
    flow = w.structure("flow", 16, [*head, ("target", u32, 64)])
    codec = btf_codec(Btf(w.data()), flow, in_map=True)
    plain = bytes([1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0])
    odd = bytes([1, 0, 0, 0, 2, 0, 0x2F, 0x2F, 3, 0, 0, 0, 0, 0, 0, 9])
    members = {"source": 1, "port": 2, "target": 3}
    assert codec.decode(plain) == members
    assert codec.decode(odd) == {**members, "pad_6": "2f2f", "pad_12": "00000009"}
    assert codec.encode(codec.decode(odd)) == odd
    for style, text in (
        (Style.TEXT, "{ source 1 port 2 target 3 pad_6 2f2f pad_12 00000009 }\n{ source 1 port 2 target 3 }"),
        (
            Style.JSON,
            '{"source":1,"port":2,"target":3,"pad_6":"2f2f","pad_12":"00000009"}\n{"source":1,"port":2,"target":3}',
        ),
        (Style.CSV, "1,2,3\n1,2,3"),
    ):
        renderer = Renderer(codec.columns(style, 0), Columns("", ()), ("", "", ""), "\n")
        assert renderer.render(odd + plain, b"", 2) == text
    assert btf_codec(Btf(w.data()), flow).decode(odd) == members, "what a C initializer has"


def test_bit_fields() -> None:
    writer = BtfWriter()
    number, unsigned = integer(writer, "int", 4, _SIGNED), integer(writer, "unsigned int", 4)
    state, flag = writer.enum("state", [("UP", 2)]), integer(writer, "_Bool", 1, _BOOL)
    fields = writer.structure(
        "fields",
        4,
        [
            ("a", number, 3 << 24),
            ("b", unsigned, 5 << 24 | 3),
            ("", unsigned, 1 << 24 | 8),
            ("c", state, 2 << 24 | 9),
            ("d", flag, 1 << 24 | 11),
        ],
        flag=True,
    )
    data = (0b101 | 17 << 3 | 1 << 8 | 2 << 9 | 1 << 11).to_bytes(4, "little")
    assert decode(writer.parsed(), fields, data) == {"a": -3, "b": 17, "c": Enumerator("UP"), "d": True}


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (struct.pack("<d", 1.5), 1.5),
        (struct.pack("<d", float("inf")), Raw("000000000000f07f")),
    ],
)
def test_floating_point_numbers(data: bytes, value: Value) -> None:
    writer = BtfWriter()
    double = writer.add(b.FLOAT, "double", 8)
    assert decode(writer.parsed(), double, data) == value


def test_what_does_not_fit_its_type_is_hex() -> None:
    writer = BtfWriter()
    number, far = writer.integer(), writer.add(b.FWD, "far")
    btf = writer.parsed()
    assert decode(btf, number, b"\1\2") == Raw("0102")
    assert decode(btf, far, b"\1\2") == Raw("0102")


@pytest.mark.parametrize("size", [0, 3, 16, 1 << 27, (1 << 32) - 1])
def test_an_enum_of_another_size_is_refused(size: int) -> None:
    """Nothing as large as the file claims is made on the way to that."""
    writer = BtfWriter()
    huge = writer.add(b.ENUM, "huge", size)
    with pytest.raises(ObjectError, match=f"an enum of {size} bytes"):
        btf_codec(writer.parsed(), huge)


@pytest.mark.parametrize(("size", "offset"), [(8, 1 << 5), (8, 8), (8, (1 << 32) - 8), (7, 0), (0, 0)])
@pytest.mark.parametrize("kind", ["double", "integer", "in_addr", "bit field", "inner"])
def test_a_member_beyond_the_end_of_its_structure_is_refused(size: int, offset: int, kind: str) -> None:
    writer = BtfWriter()
    types = {
        "double": writer.add(b.FLOAT, "double", 8),
        "integer": integer(writer, "u64", 8),
        "bit field": integer(writer, "u64", 8),
        "inner": writer.structure("in", 8, []),
    }
    word = integer(writer, "u32", 4)
    types["in_addr"] = writer.array(writer.structure("in_addr", 4, [("s_addr", word, 0)]), 2)
    if kind == "bit field":
        outer = writer.structure("outer", size, [("far", types[kind], 63 << 24 | offset & 0xFFFFFF)], flag=True)
    else:
        outer = writer.structure("outer", size, [("far", types[kind], offset)])
    with pytest.raises(ObjectError, match=f'member "far" of type {outer} ends at byte'):
        btf_codec(writer.parsed(), outer, in_map=True)


def test_a_flexible_array_lies_at_the_end() -> None:
    writer = BtfWriter()
    number = integer(writer, "int", 4, _SIGNED)
    outer = writer.structure("outer", 4, [("count", number, 0), ("items", writer.array(number, 0), 32)])
    assert decode(writer.parsed(), outer, b"\1\0\0\0") == {"count": 1, "items": []}


def test_values_without_an_end_are_refused() -> None:
    writer = BtfWriter()
    inner = writer.integer()
    for _ in range(30):
        inner = writer.structure("", 4, [("a", inner, 0), ("b", inner, 0)], kind=b.UNION)
    with pytest.raises(ObjectError, match="too many parts"):
        decode(writer.parsed(), inner, bytes(4))


@given(
    st.fixed_dictionaries(
        {
            "small": st.integers(-128, 127),
            "wide": st.integers(0, (1 << 64) - 1),
            "on": st.booleans(),
            "name": st.text(st.characters(exclude_characters="\0,:.", exclude_categories=["Cs", "Nd"]), max_size=4),
            "ports": st.lists(st.integers(0, 0xFFFF), min_size=3, max_size=3),
        }
    )
)
def test_what_was_encoded_comes_back(value: dict[str, Value]) -> None:
    writer = BtfWriter()
    char = integer(writer, "char", 1, _SIGNED)
    members = [
        ("small", integer(writer, "signed char", 1, _SIGNED), 0),
        ("wide", integer(writer, "u64", 8), 64),
        ("on", integer(writer, "_Bool", 1, _BOOL), 128),
        ("name", writer.array(char, 16), 136),
        ("ports", writer.array(integer(writer, "u16", 2), 3), 272),
    ]
    whole = writer.structure("whole", 40, members)
    btf = writer.parsed()
    found = decode(btf, whole, btf_codec(btf, whole).encode(value))
    assert found == value
    json.dumps(found)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (-7, "-7"),
        ("hi", '"hi"'),
        ('a"\n\x1b', '"a\\"\\n\\x1b"'),
        (Enumerator("UP"), "UP"),
        (Raw("00ff"), "00ff"),
        ([1, [2]], "{ 1, { 2 } }"),
        ([], "{ }"),
        ({"a": 1, "b": "x"}, '{ .a = 1, .b = "x" }'),
        (1.5, "1.5"),
    ],
)
def test_values_as_text(value: Value, text: str) -> None:
    assert value_text(value) == text
