"""Schemas write attributes as pyroute2 does, and read them as it does."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import NetlinkProtocolError
from pytc.netlink.messages import ACTIONS, TRAFFIC_CONTROL, TcMessage, decode, encode
from pytc.netlink.schema import Nested, Schema, join_attributes, mark_inner, mark_nested
from pytc.tc.kinds import actions, filters, qdiscs
from tests import pyroute2_attributes

SCHEMAS = [
    TRAFFIC_CONTROL,
    ACTIONS,
    *(
        import_module(f"{package.__name__}.{name.replace('-', '_')}").KIND.schema
        for package in (filters, actions, qdiscs)
        for name in package.names()
    ),
]
SIZES = {"uint8": 8, "uint16": 16, "uint32": 32, "uint64": 64, "be16": 16, "be32": 32}
SIGNED = {"int32": 32, "int64": 64}
TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=0x2FF), max_size=20)


def values(kind: str) -> st.SearchStrategy[Any]:
    if kind in SIZES:
        return st.integers(0, 2 ** SIZES[kind] - 1)
    if kind in SIGNED:
        return st.integers(-(2 ** (SIGNED[kind] - 1)), 2 ** (SIGNED[kind] - 1) - 1)
    data = st.binary(max_size=40)
    return {"asciiz": TEXT, "cdata": data, "nested": data, "several": data, "flag": st.just(True)}[kind]


def attributes(schema: Schema) -> st.SearchStrategy[list[tuple[str, Any]]]:
    """Some of a table's attributes, each once."""
    choices = [st.tuples(st.just(name), values(kind)) for name, kind in schema.rows if kind != "none"]
    if not choices:
        return st.just([])
    return st.lists(st.one_of(choices), max_size=6, unique_by=lambda pair: pair[0])


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda schema: schema.rows[-1][0] if schema.rows else "none")
@given(data=st.data())
def test_equals_pyroute2(schema: Schema, data: st.DataObject) -> None:
    given_attributes = data.draw(attributes(schema))
    packed = schema.encode(given_attributes)
    assert packed == pyroute2_attributes.pack(schema, given_attributes)
    several = {name for name, kind in schema.rows if kind == "several"}
    expected = {name: [value] if name in several else value for name, value in given_attributes}
    assert schema.decode(packed) == pyroute2_attributes.unpack(schema, packed) == expected


def test_attributes_that_come_several_times() -> None:
    schema = Schema(("UNSPEC", "none"), ("ENTRY", "several"), ("NAME", "asciiz"))
    packed = schema.encode([("ENTRY", b"abc"), ("NAME", "x"), ("ENTRY", b"")])
    assert schema.decode(b"head" + packed, 4) == {"": b"head", "ENTRY": [b"abc", b""], "NAME": "x"}


def test_what_the_kernel_shows_of_nested_options_is_sent_without_paddings() -> None:
    shown = join_attributes([(2, join_attributes([(1, b"\1"), (0, b""), (2, bytes(8))])), (3, b"")])
    sent = [(mark_nested(2), join_attributes([(1, b"\1"), (2, bytes(8))])), (mark_nested(3), b"")]
    assert mark_inner(shown) == join_attributes(sent)


def test_options_are_marked_as_nested() -> None:
    options = {"TCA_OPTIONS": Nested(b"abcd")}
    assert TRAFFIC_CONTROL.encode([*options.items()]) == b"\x08\0\x02\x80abcd"


@given(st.binary(max_size=120))
def test_anything_is_read_or_refused(data: bytes) -> None:
    for schema in SCHEMAS:
        schema.decode(data)


@given(st.binary(max_size=120))
def test_any_message_is_read_or_refused(data: bytes) -> None:
    try:
        decode(data)
    except NetlinkProtocolError:
        return


@pytest.mark.parametrize(
    "message",
    [
        TcMessage(44, 0x600, 3, 7, 0xFFFFFFF2, 0x10003, {"TCA_KIND": "bpf", "TCA_CHAIN": 4, "TCA_OPTIONS": b"\1\2\3"}),
        TcMessage(50, 0x300, attributes={"TCA_ROOT_TAB": b"abcd", "TCA_ROOT_TIME_DELTA": 9}),
    ],
)
def test_messages_come_back(message: TcMessage) -> None:
    assert decode(encode(message, 5)) == message
