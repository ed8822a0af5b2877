"""Codecs by format and by BTF: values both ways, batches as text, hostile input."""

from __future__ import annotations

import csv
import io
import json
import struct
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytc.bpf.btf import types as b
from pytc.bpf.codec.btf import btf_codec, has_spin_lock
from pytc.bpf.codec.columns import Renderer, leaves, names, pack
from pytc.bpf.codec.compound import Text, follow, summed
from pytc.bpf.codec.format import format_codec
from pytc.bpf.codec.scalars import Codec, Integer, Style, format_value, word
from pytc.errors import CodecError, ObjectError
from tests.btf_writer import BtfWriter
from tests.codec_types import Typed, btf_types, formats
from tests.tiers import examples


def both_ways(format: str, value: Any, data: bytes) -> None:
    codec = format_codec(format, len(data))
    assert codec.encode(value) == data
    assert codec.decode(data) == value


@pytest.mark.parametrize(
    ("format", "value", "data"),
    [
        ("u8", 255, b"\xff"),
        ("u16", 258, b"\2\1"),
        ("u32", 7, b"\7\0\0\0"),
        ("u64", 1 << 63, bytes(7) + b"\x80"),
        ("s8", -1, b"\xff"),
        ("s16", -2, b"\xfe\xff"),
        ("s32", -1, b"\xff" * 4),
        ("s64", -1, b"\xff" * 8),
        ("be16", 80, b"\0\x50"),
        ("be32", 1, b"\0\0\0\1"),
        ("be64", 1, bytes(7) + b"\1"),
        ("bool", True, b"\1"),
        ("bool", False, b"\0"),
        ("char", 65, b"A"),
        ("f32", 1.5, struct.pack("<f", 1.5)),
        ("f64", -2.25, struct.pack("<d", -2.25)),
        ("ip4", "10.0.0.1", b"\x0a\0\0\1"),
        ("ip6", "2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        ("mac", "02:00:00:00:00:01", b"\2\0\0\0\0\1"),
        ("hex", "00ff10", b"\x00\xff\x10"),
        ("hex[2]", "0a0b", b"\x0a\x0b"),
        ("str", "eth0", b"eth0\0\0\0\0"),
        ("str[4]", "eth0", b"eth0"),
        ("char[6]", "eth0", b"eth0\0\0"),
        ("ip4/", "10.0.0.0/8", b"\x08\0\0\0\x0a\0\0\0"),
        ("ip6/", "2001:db8::/32", b"\x20\0\0\0\x20\x01\x0d\xb8" + bytes(12)),
        ("u16[3]", [1, 2, 3], b"\1\0\2\0\3\0"),
        ("u8[2][2]", [[1, 2], [3, 4]], b"\1\2\3\4"),
        ("{u64 packets, u64 bytes}", {"packets": 1, "bytes": 2}, b"\1" + bytes(7) + b"\2" + bytes(7)),
        ("{u8 a, u32 b}", {"a": 1, "b": 2}, b"\1\0\0\0\2\0\0\0"),
        ("packed {u8 a; u32 b}", {"a": 1, "b": 2}, b"\1\2\0\0\0"),
        ("{u32 a, u8 b}", {"a": 1, "b": 2}, b"\1\0\0\0\2\0\0\0"),
        (
            "{u8 a, pad[3], {be16 port, ip4 from} b[2]}",
            {"a": 9, "b": [{"port": 1, "from": "1.2.3.4"}, {"port": 2, "from": "4.3.2.1"}]},
            b"\x09\0\0\0\0\1\0\0\1\2\3\4\0\2\0\0\4\3\2\1",
        ),
        ("{u8 kind, hex rest}", {"kind": 1, "rest": "0203"}, b"\1\2\3"),
    ],
)
def test_formats(format: str, value: Any, data: bytes) -> None:
    both_ways(format, value, data)


@pytest.mark.parametrize(
    ("format", "text", "data"),
    [
        ("u32", "0x10", b"\x10\0\0\0"),
        ("u32", "0b11", b"\3\0\0\0"),
        ("u32", "10.0.0.1", b"\x0a\0\0\1"),
        ("s8", "-5", b"\xfb"),
        ("bool", "yes", b"\1"),
        ("bool", "false", b"\0"),
        ("char", "A", b"A"),
        ("mac", "02-00-00-00-00-01", b"\2\0\0\0\0\1"),
        ("hex", "0x00 ff:10", b"\x00\xff\x10"),
        ("ip4/", "10.0.0.1", b"\x20\0\0\0\x0a\0\0\1"),
        ("u8[6]", "02:00:00:00:00:01", b"\2\0\0\0\0\1"),
        ("u8[4]", "10.0.0.1", b"\x0a\0\0\1"),
        ("u16[2]", "1,2", b"\1\0\2\0"),
        ("u16[2]", "[1]", b"\1\0\0\0"),
        ("u8[3]", "5", b"\5\0\0"),
        ("u8[3]", "0x10,2", b"\x10\2\0"),
        ("s8[3]", "-5,1", b"\xfb\1\0"),
        ("u8[2][2]", "5", b"\5\0\0\0"),
        ("u8[3]", "abc", b"abc"),
        ("u8[4]", "true", b"true"),
        ("bool[3]", "true", b"\1\0\0"),
        ("char[3]", "5", b"5\0\0"),
        ("char[2]", "5,6", b"\5\6"),
        ("{u8 a, u8 b}", '{"b": 2}', b"\0\2"),
        ("f32", "0000807f", b"\0\0\x80\x7f"),
        ("f32", "inf", b"\0\0\x80\x7f"),
    ],
)
def test_text_is_read_by_type(format: str, text: str, data: bytes) -> None:
    assert format_codec(format, len(data)).encode(text) == data


@pytest.mark.parametrize(("format", "value"), [("u8[3]", 5), ("u16[2]", 7), ("u8[2][2]", 5), ("bool[2]", True)])
def test_a_number_alone_is_the_first_element_in_text_and_json(format: str, value: Any) -> None:
    """In JSON it was no array, and in text of unsigned bytes the character of its digit."""
    codec = format_codec(format, 0)
    data = bytes([value]).ljust(codec.size, b"\0")
    assert codec.encode(value) == codec.encode(json.dumps(value)) == codec.encode(f"[{json.dumps(value)}]") == data


def test_booleans_are_numbers_as_in_c() -> None:
    assert format_codec("u32", 4).encode(True) == b"\1\0\0\0"
    writer = BtfWriter()
    number, flag = writer.integer("unsigned", 4), writer.add(b.INT, "_Bool", 1, struct.pack("<I", 4 << 24 | 8))
    whole = writer.structure("bits", 4, [("a", number, 3 << 24), ("b", flag, 1 << 24 | 3)], flag=True)
    codec = btf_codec(writer.parsed(), whole)
    assert codec.encode({"b": True}) == b"\x08\0\0\0"
    assert codec.encode({"a": True}) == b"\1\0\0\0"


@pytest.mark.parametrize(
    ("format", "value", "said"),
    [
        ("u8", 256, "256 does not fit: 0 to 255"),
        ("s8", "-129", "does not fit: -128 to 127"),
        ("u8", "x", '"x" is not a number'),
        ("u8", "1_0", "is not a number"),
        ("u8", "\u0663", "is not a number"),
        ("u8", 1.5, "is not a number"),
        ("u8", None, "^null is not a number$"),
        ("u8", ["0x00", "0x01"], r'^\["0x00", "0x01"\] is not a number$'),
        ("u8", {"cpu": 0, "value": 7}, '^{"cpu": 0, "value": 7} is not a number$'),
        ("u8", {("a", 1): 2}, "^a value of type dict is not a number$"),
        ("f32", True, "^true is not a floating-point"),
        ("str[4]", None, "^null is not text$"),
        ("char[4]", 5, "^5 is not text$"),
        ("ip4/", None, "^null is not text$"),
        ("u8", "9" * 5000, "is not a number"),
        ("u8", 1 << 4000, "a number of 4001 bits does not fit"),
        ("bool", 2, "2 is not a boolean"),
        ("ip4", "1.2.3", "is not an IP address"),
        ("ip6", "1.2.3.4", "is not an IP address"),
        ("ip4", 7, "is not text"),
        ("mac", "02:00", "is not a MAC address"),
        ("mac", "zz:00:00:00:00:00", "not a MAC address"),
        ("hex[2]", "0", "is not hex"),
        ("hex[2]", "000000", "3 bytes for a value of 2"),
        ("str[2]", "abc", "3 bytes of text"),
        ("char[2]", "abc", "3 bytes of text"),
        ("ip4/", "10.0.0.0/33", "a length of 0 to 32"),
        ("ip4/", "10.0.0.0/x", "a length of 0 to 32"),
        ("u8[2]", [1, 2, 3], "3 elements for an array of 2"),
        ("u16[2]", None, "^null is not a list of 2 elements$"),
        ("u8[3]", "300", "^300 does not fit: 0 to 255$"),
        ("u8[3]", "-1", "^-1 does not fit: 0 to 255$"),
        ("char[2]", "300", "3 bytes of text"),
        ("u16[2]", "[1", "is not JSON"),
        ("{u8 a}", {"b": 1}, "the members are a"),
        ("{u8 a}", {"a": 256}, "a: 256 does not fit"),
        ("{u8 a, u8 b}", "1", '^"1" is not a structure with the members a, b$'),
        ("{u8 a}", '{"a": 1, "a": 2}', '^"a" is given twice: 1 and 2$'),
        ("{f64 a}", '{"a": 1e400}', "^1e400 does not fit a floating-point number"),
        ("{u8 a}", '{"a"', "is not JSON"),
        ("u32", b"12", "2 bytes for a value of 4"),
        ("f64", "x", "is not a floating-point"),
        ("f32", "1e99", "does not fit a floating-point number of 4 bytes"),
        ("f32", "1e400", "does not fit a floating-point number of 4 bytes"),
        ("f64", "-1e400", "does not fit a floating-point number of 8 bytes"),
        ("u8[2]", "[" * 9999, "is not JSON"),
    ],
)
def test_what_does_not_fit(format: str, value: Any, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        format_codec(format, 0).encode(value)


@pytest.mark.parametrize(
    ("format", "said"),
    [
        ("", "a type expected"),
        ("u33", 'no type "u33"; the types are u8'),
        ("u32[", "a number expected"),
        ("u32[4", '"]" expected'),
        ("{u32}", "a name expected"),
        ("{u32 a", "expected"),
        ("u32 u32", "the end expected"),
        ("{u32 a, u8 a}", "duplicate member"),
        ("hex", "how many bytes"),
        ("$", "cannot parse"),
        ("{" * 40, "nested too deeply"),
        ("u8[99999999]", "too large"),
        ("u8[999999999]", "a number expected"),
        ("u64[9999][9999]", "too large"),
        ("u8" + "[1]" * 40, "nested too deeply"),
        ("packed", "no type"),
        ("}", "a type expected"),
    ],
)
def test_wrong_formats(format: str, said: str) -> None:
    with pytest.raises(CodecError, match=said):
        format_codec(format, 0)


def test_a_format_must_have_the_size_of_the_map() -> None:
    with pytest.raises(CodecError, match='format "u32" has 4 bytes; 8 expected'):
        format_codec("u32", 8)


@given(formats | st.text(max_size=30) | st.text("u8{}[],; 136hexstrpad", max_size=30), st.integers(0, 64) | st.none())
def test_any_text_is_a_format_or_an_error(text: str, size: int | None) -> None:
    """Without a size, that of the format itself is asked for."""
    try:
        size = format_codec(text, 0).size if size is None else size
        codec = format_codec(text, size)
    except CodecError:
        return
    assert codec.size == size or not size


@given(
    formats, st.text(max_size=20) | st.integers() | st.lists(st.integers(0, 300), max_size=3) | st.none() | st.floats()
)
def test_any_value_is_taken_or_refused(format: str, value: Any) -> None:
    codec = format_codec(format, 0)
    try:
        data = codec.encode(value)
    except CodecError:
        return
    assert len(data) == codec.size


def renders_as_it_decodes(codec: Codec, entries: list[bytes]) -> None:
    """A batch as JSON, text and CSV says what decoding each value says."""
    data, count = b"".join(entries), len(entries)
    said = {}
    for style in Style:
        renderer = Renderer(Integer(1).columns(style, 0), codec.columns(style, 0), ("[", ",", "]"), ",\n")
        said[style] = renderer.render(bytes(count), data, count)
    values = [codec.decode(entry) for entry in entries]
    assert json.loads(f"[{said[Style.JSON]}]") == [[0, value] for value in values]
    assert said[Style.TEXT] == ",\n".join(f"[0,{format_value(Style.TEXT, value)}]" for value in values)
    if not codec.has_members:
        assert said[Style.CSV] == ",\n".join(f"[0,{format_value(Style.CSV, value)}]" for value in values)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(btf_types(), st.data())
def test_batches_of_btf_types_say_what_single_values_say(typed: Typed, data: st.DataObject) -> None:
    codec = btf_codec(typed.btf, typed.type_id)
    assert codec.size == typed.size
    entries = data.draw(st.lists(st.binary(min_size=typed.size, max_size=typed.size), min_size=1, max_size=3))
    renders_as_it_decodes(codec, entries)


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(btf_types(), st.data())
def test_what_was_decoded_can_be_encoded(typed: Typed, data: st.DataObject) -> None:
    """Gaps come back as zeros, all else as it was."""
    codec = btf_codec(typed.btf, typed.type_id)
    value = codec.decode(data.draw(st.binary(min_size=typed.size, max_size=typed.size)))
    try:
        again = codec.encode(value)
    except CodecError as error:
        assert "is not a boolean" in str(error)  # a byte that no C program puts into a bool
        return
    assert codec.decode(again) == value
    assert codec.encode(json.loads(json.dumps(value))) == again


@given(formats, st.data())
def test_batches_of_formats_say_what_single_values_say(format: str, data: st.DataObject) -> None:
    codec = format_codec(format, 0)
    entries = data.draw(st.lists(st.binary(min_size=codec.size, max_size=codec.size), min_size=1, max_size=3))
    renders_as_it_decodes(codec, entries)


@given(formats, st.data())
def test_values_survive_json_and_csv(format: str, data: st.DataObject) -> None:
    """But for strings that are not UTF-8, booleans that are none, and prefixes that are too long."""
    codec = format_codec(format, 0)
    value = codec.decode(data.draw(st.binary(min_size=codec.size, max_size=codec.size)))
    try:
        encoded = codec.encode(value)
    except CodecError as error:
        assert any(known in str(error) for known in ("not a boolean", "bytes of text", "a length of"))
        return
    assert codec.encode(json.loads(format_value(Style.JSON, value))) == encoded
    columns = leaves(codec)
    assert len(columns) == len(names(codec, "value"))
    rows = list(csv.reader(io.StringIO(say_csv(codec, encoded), newline="")))
    assert (
        pack(codec, codec.size, {path: [cell] for path, cell in zip(columns, rows[0], strict=True)}, 1) == encoded
        or "str" in format
        or "char" in format
    )


def say_csv(codec: Codec, data: bytes) -> str:
    part = codec.columns(Style.CSV, 0)
    return Renderer(Integer(1).columns(Style.CSV, 0)._replace(template="", items=()), part, ("", "", "\n"), "").render(
        b"\0", data, 1
    )


@given(st.just("u32") | formats, st.integers(1, 4), st.data())
def test_sums_over_cpus(format: str, cpus: int, data: st.DataObject) -> None:
    codec = format_codec(format, 0)
    stride = -(-codec.size // 8) * 8
    one = summed(codec, cpus, stride)
    entries = data.draw(st.lists(st.binary(min_size=stride * cpus, max_size=stride * cpus), min_size=1, max_size=2))
    renders_as_it_decodes(one, entries)
    if format == "u32":
        values = struct.unpack(f"<{cpus * 2}I", entries[0])[::2]
        assert one.decode(entries[0]) == sum(values)


class TestBtf:
    def test_network_order_and_addresses_go_by_name_in_maps(self) -> None:
        writer = BtfWriter()
        short, long = writer.integer("short", 2), writer.integer("int", 4)
        port, address = writer.add(b.TYPEDEF, "__be16", short), writer.add(b.TYPEDEF, "__be32", long)
        outer = writer.add(b.TYPEDEF, "address_t", writer.add(b.CONST, "", address))
        whole = writer.structure("whole", 8, [("port", port, 0), ("address", outer, 32)])
        data = b"\0\x50\0\0\x0a\0\0\1"
        btf = writer.parsed()
        assert btf_codec(btf, whole, in_map=True).decode(data) == {"port": 80, "address": "10.0.0.1"}
        assert btf_codec(btf, whole).decode(data) == {"port": 0x5000, "address": 0x0100000A}

    def test_locks_and_their_like_are_the_kernels(self) -> None:
        writer = BtfWriter()
        lock = writer.structure("bpf_spin_lock", 4, [("val", writer.integer(), 0)])
        whole = writer.structure("whole", 8, [("lock", lock, 0), ("n", writer.integer("unsigned", 4), 32)])
        btf = writer.parsed()
        assert btf_codec(btf, whole, in_map=True).decode(b"\1\0\0\0\2\0\0\0") == {"n": 2}
        assert has_spin_lock(btf, whole)
        assert not has_spin_lock(btf, lock)

    def test_bit_fields_are_set_one_by_one(self) -> None:
        writer = BtfWriter()
        number = writer.integer("unsigned", 4)
        whole = writer.structure("bits", 4, [("a", number, 3 << 24), ("b", number, 7 << 24 | 3)], flag=True)
        codec = btf_codec(writer.parsed(), whole)
        assert codec.encode({"a": 5, "b": 100}) == (5 | 100 << 3).to_bytes(4, "little")
        with pytest.raises(CodecError, match="b: 128 does not fit 7 bits: 0 to 127"):
            codec.encode({"b": 128})
        data = bytearray(b"\xff" * 4)
        at, field = follow(codec, ".b")
        field.store(data, at, 0)
        assert data == (0xFFFFFFFF & ~(127 << 3)).to_bytes(4, "little")

    def test_enums_take_names_and_numbers(self) -> None:
        writer = BtfWriter()
        action = writer.enum("action", [("PASS", 0), ("DROP", 1), ("GONE", 0xFFFFFFFF)])
        codec = btf_codec(writer.parsed(), action)
        assert [codec.encode(value) for value in ("DROP", 1, "0x1", "GONE", -1)] == [b"\1\0\0\0"] * 3 + [
            b"\xff" * 4
        ] * 2
        with pytest.raises(CodecError, match='"X" is not one of PASS, DROP, GONE'):
            codec.encode("X")
        with pytest.raises(CodecError, match="does not fit"):
            codec.encode(1 << 32)

    def test_types_without_a_size_are_refused(self) -> None:
        writer = BtfWriter()
        far = writer.add(b.FWD, "far")
        with pytest.raises(ObjectError, match="has no size"):
            btf_codec(writer.parsed(), far)

    @settings(max_examples=examples(1))
    @given(st.binary(max_size=200), st.integers(0, 12))
    def test_hostile_types_are_refused(self, types: bytes, type_id: int) -> None:
        types = types[: len(types) // 4 * 4]
        strings = b"\0abc\0bpf_spin_lock\0"
        image = b.HEADER.pack(b.MAGIC, 1, 0, b.HEADER.size, 0, len(types), len(types), len(strings)) + types + strings
        try:
            codec = btf_codec(b.Btf(image), type_id, in_map=True)
            if codec.size < 4096:
                codec.decode(bytes(codec.size))
                codec.columns(Style.JSON, 0)
        except ObjectError:
            return


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("plain", "plain"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("", "''"),
        ("a b", "'a b'"),
        ("a'b", "'a'\\''b'"),
        ("\x1b[2J", "'\\x1b[2J'"),
        ("$x", "'$x'"),
        ("{", "'{'"),
        ("ä", "ä"),
    ],
)
def test_text_is_one_word_of_a_shell(text: str, said: str) -> None:
    assert word(text) == said


def test_names_do_not_control_the_terminal() -> None:
    """Types may come from an object file of anybody."""
    writer = BtfWriter()
    action = writer.enum("action", [("A\x1b", 1)])
    whole = writer.structure("s", 4, [("a\x07%d", action, 0)])
    codec = btf_codec(writer.parsed(), whole)
    assert format_value(Style.TEXT, codec.decode(b"\1\0\0\0")) == "{ 'a\\x07%d' 'A\\x1b' }"
    renders_as_it_decodes(codec, [b"\1\0\0\0", b"\2\0\0\0"])
    for value in ({"b": 1}, {"a\x07%d": "B"}):
        with pytest.raises(CodecError) as error:
            codec.encode(value)
        assert str(error.value).replace("\x07", "").isprintable()


@pytest.mark.parametrize("text", ["1.1.", "[1]", "1,2", "::1", "a.b"])
def test_text_that_fits_is_text(text: str) -> None:
    for size in (4, 16):
        codec = Text(size, Integer(1, signed=True, is_char=True))
        data = codec.encode(text)
        assert data == text.encode().ljust(size, b"\0")
        assert codec.decode(data) == text
