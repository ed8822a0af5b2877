"""Paths to members of values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf.btf import types as b
from pytc.bpf.codec.btf import btf_codec
from pytc.bpf.codec.compound import assign, follow, summed
from pytc.bpf.codec.format import format_codec
from pytc.errors import CodecError
from tests.btf_writer import BtfWriter


def test_members_of_a_union_share_their_bytes() -> None:
    """All of them are in what was decoded; the gaps of one are not to erase another."""
    writer = BtfWriter()
    byte = writer.integer("unsigned char", 1)
    gap = writer.structure("gap", 4, [("last", byte, 24)])
    pairs = writer.array(writer.structure("pair", 2, [("second", byte, 8)]), 2)
    whole = writer.structure(
        "u", 4, [("word", writer.integer("unsigned", 4), 0), ("gap", gap, 0), ("pairs", pairs, 0)], kind=b.UNION
    )
    codec = btf_codec(writer.parsed(), whole)
    value = codec.decode(b"\1\2\3\4")
    assert value == {"word": 0x04030201, "gap": {"last": 4}, "pairs": [{"second": 2}, {"second": 4}]}
    assert codec.encode(value) == b"\1\2\3\4"


def test_an_assigned_structure_is_new() -> None:
    codec = format_codec("{u8 a, u8 b, {u8 c, u8 d} e}", 0)
    data = bytearray(b"\1\2\3\4")
    assign(codec, data, 0, {"a": 9, "e": {"c": 8}})
    assert data == b"\x09\0\x08\0"
    at, inner = follow(codec, ".e")
    assign(inner, data, at, {"d": 7})
    assert data == b"\x09\0\0\7"


def test_a_sum_cannot_be_set() -> None:
    with pytest.raises(CodecError, match="cannot be set"):
        summed(format_codec("u32", 4), 2, 8).encode(7)


@pytest.mark.parametrize(
    ("path", "at", "size"),
    [
        ("", 0, 12),
        (".a", 0, 1),
        (".b[1]", 6, 2),
        (".c.d", 8, 4),
    ],
)
def test_paths(path: str, at: int, size: int) -> None:
    found, codec = follow(format_codec("{u8 a, u16 b[2] , {u32 d} c}".replace("u16 b[2]", "pad[3], u16 b[2]"), 0), path)
    assert (found, codec.size) == (at, size)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (".z", "no member"),
        (".a.b", "not a structure"),
        ("[0]", "not an array"),
        (".b[2]", "no element 2 in an array of 2"),
        ("..a", "NAME, NAME.MEMBER"),
        (".b[x]", "NAME, NAME.MEMBER"),
        (".b[99999999999]", "NAME, NAME.MEMBER"),
    ],
)
def test_wrong_paths(path: str, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        follow(format_codec("{u8 a, u16 b[2]}", 0), path)


@given(st.text(".[]ab0123456789\n", max_size=12))
def test_any_text_is_a_path_or_an_error(path: str) -> None:
    try:
        at, codec = follow(format_codec("{u8 a, u16 b[2]}", 0), path)
    except CodecError:
        return
    assert at + codec.size <= 6
