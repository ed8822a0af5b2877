"""Ematches: what is shown of a tree can be given again, and neither words nor bytes make it crash."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.render.documents import Display
from pytc.render.json import render as as_json
from pytc.render.text import render as as_text
from pytc.tc.kinds.interface import FilterView
from pytc.tc.kinds.shared.ematch_tree import encode_tree, show_ematches
from pytc.tc.kinds.shared.ematch_words import Term, read_expression
from pytc.words.engine import Cursor

VIEW = FilterView(1, 3, Display())
SIZES = {"u8": 0xFF, "u16": 0xFFFF, "u32": 0xFFFFFFFF}
NUMBERS = st.integers(0, 0xFFFFFFFF)
OPERANDS = st.sampled_from(["eq", "lt", "gt"])
IDS = st.sampled_from(["random", "dev", "pkt_len", "nf_mark", "vlan", "sk_bind_if", "sk_sndbuf"])
#: What is shown of a quotation mark or a backslash cannot be told from what ends or escapes a string.
ESCAPED = st.lists(st.integers(0, 255).filter(lambda byte: byte not in b'"\\'), min_size=1, max_size=20).map(
    lambda data: "".join(f"\\x{byte:02x}" for byte in data)
)
WORDS = st.text("abcdef0123-_.", min_size=1, max_size=8).filter(lambda word: word not in ("and", "or", "not"))


@st.composite
def cmp(draw: st.DrawFn) -> str:
    parts = [draw(st.sampled_from(["u8", "u16", "u32"])), f"at {draw(st.integers(0, 0xFFFF))}"]
    parts += draw(st.lists(st.sampled_from(["layer link", "layer 2", "mask 0xff", "trans"])))
    value = draw(st.integers(-0x80000000, 0xFFFFFFFF))
    return f"cmp({' '.join(parts)} {draw(OPERANDS)} {value})"


@st.composite
def u32(draw: st.DrawFn) -> str:
    size = draw(st.sampled_from(sorted(SIZES)))
    key, mask = (draw(st.integers(0, SIZES[size])) for _ in range(2))
    place = draw(st.integers(-16, 200)) * (4 if size == "u32" else 1)
    return f"u32({size} {key:#x} {mask:#x} at {draw(st.sampled_from(['', 'nexthdr+']))}{place})"


@st.composite
def nbyte(draw: st.DrawFn) -> str:
    needle = draw(st.one_of(WORDS, ESCAPED.map(lambda text: f'"{text}"')))
    return f"nbyte({needle} at {draw(st.integers(0, 0xFFFF))} layer {draw(st.integers(0, 2))})"


@st.composite
def meta(draw: st.DrawFn) -> str:
    sides = []
    for _ in range(2):
        if draw(st.booleans()):
            sides.append(str(draw(NUMBERS)))
            continue
        more = draw(st.lists(st.sampled_from(["shift 3", "shift 255", "mask 0xf0", "mask 0"]), max_size=2))
        sides.append(" ".join([draw(IDS), *more]))
    return f"meta({sides[0]} {draw(OPERANDS)} {sides[1]})"


@st.composite
def canid(draw: st.DrawFn) -> str:
    rules = draw(st.lists(st.tuples(st.integers(0, 0x7FF), st.integers(0, 0x7FF)), min_size=1, max_size=5))
    words = [
        f"{draw(st.sampled_from(['sff', 'eff']))} {number:#x}{draw(st.sampled_from(['', f':{mask:x}']))}"
        for number, mask in rules
    ]
    return f"canid({' '.join(words)})"


@st.composite
def joined(draw: st.DrawFn, terms: st.SearchStrategy[str]) -> str:
    parts = [draw(terms)]
    for _ in range(draw(st.integers(0, 3))):
        parts += [draw(st.sampled_from(["and", "OR"])), draw(terms)]
    return " ".join(f"not {part}" if draw(st.booleans()) and "(" in part else part for part in parts)


LEAVES = st.one_of(cmp(), u32(), nbyte(), meta(), canid())
EXPRESSIONS = st.recursive(LEAVES, lambda inner: joined(inner).map(lambda text: f"({text})"), max_leaves=8)


def parsed(*words: str) -> tuple[Term, ...]:
    cursor = Cursor(words)
    terms = read_expression(cursor)
    assert cursor.done
    return terms


def shown(raw: bytes) -> str:
    return as_text([show_ematches({"EMATCHES": raw}, VIEW)])


@given(joined(EXPRESSIONS))
def test_what_is_shown_can_be_given(expression: str) -> None:
    raw = encode_tree(parsed(expression))
    text = shown(raw)
    assert "unreadable" not in text
    assert encode_tree(parsed(text)) == raw
    assert encode_tree(parsed(*expression.split())) == raw
    assert isinstance(json.loads(as_json([show_ematches({"EMATCHES": raw}, VIEW)])), list)


@given(st.text('()"\\ xandortcmpu8eqi0123', max_size=60).map(lambda text: f"cmp(u8 at 0 eq 5) {text}"))
def test_wrong_words_are_refused(text: str) -> None:
    try:
        encode_tree(read_expression(Cursor([text])))
    except InvalidOptionsError as error:
        assert error.hints


HEADERS = st.tuples(st.just(0), st.integers(0, 10), st.sampled_from([0, 1, 2, 3, 4, 5, 6, 0xFFFF]), st.just(0)).map(
    lambda header: struct.pack("=HHHH", *header)
)
PLACES = st.integers(0, 8).map(lambda place: struct.pack("=I", place))


@given(st.lists(st.tuples(HEADERS, st.one_of(PLACES, st.binary(max_size=40))), max_size=12), st.binary(max_size=8))
def test_hostile_trees_are_shown(ematches: list[tuple[bytes, bytes]], behind: bytes) -> None:
    listed = join_attributes(enumerate((header + data for header, data in ematches), 1)) + behind
    raw = join_attributes([(1, struct.pack("=HH", len(ematches), 0)), (2, listed)])
    parts = show_ematches({"EMATCHES": raw}, VIEW)
    assert isinstance(json.loads(as_json([parts])), list)
    assert len(as_text([parts])) < 20_000


@given(st.binary(max_size=80))
def test_hostile_bytes_are_shown(raw: bytes) -> None:
    assert isinstance(as_text([show_ematches({"EMATCHES": raw}, VIEW)]), str)


def test_brackets_that_refer_to_the_same_place_are_shown_once() -> None:
    """Each of them shows the rest twice, so that 60 of them would never end."""
    brackets = [struct.pack("=HHHHI", 0, 0, 1, 0, place) for place in range(1, 61)]
    raw = join_attributes([(1, struct.pack("=HH", len(brackets), 0)), (2, join_attributes(enumerate(brackets, 1)))])
    assert len(shown(raw)) < 50_000


def test_brackets_have_a_limit() -> None:
    with pytest.raises(InvalidOptionsError, match="ematch"):
        parsed("(" * 10_000 + "cmp(u8 at 0 eq 5)" + ")" * 10_000)


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["cmp(u8 at 0 eq 5)"], 0),
        (["cmp(u8 at 0 eq 5)", "classid", "1:1"], 2),
        (["cmp(u8 at 0 eq 5)", "", "classid", "1:1"], 2),
        (["cmp", "(u8", "at", "0", "eq", "5)", "and not cmp(u8 at 1 eq 5)", "action", "drop"], 2),
    ],
)
def test_an_expression_ends_at_a_word(words: list[str], left: int) -> None:
    cursor = Cursor(words)
    read_expression(cursor)
    assert len([word for word in cursor.rest() if word]) == left


def test_two_strings_are_not_mixed_up() -> None:
    """tc sends the last one for both."""
    assert [term.payload[4:] for term in parsed('nbyte("abc" at 0) and nbyte("xyz" at 1)')] == [b"abc", b"xyz"]


def test_a_device_has_a_name_on_either_side() -> None:
    for text in ('meta(dev shift 1 eq "eth")', 'meta("eth" eq dev shift 1)'):
        values = dict(split_attributes(parsed(text)[0].payload))
        assert b"eth" in values.values()
        kinds = struct.unpack("=HBBHBB", values[1])
        assert {kinds[0], kinds[3]} == {0, 5}
    with pytest.raises(InvalidOptionsError, match="not compatible"):
        parsed('meta(pkt_len eq "abc")')
