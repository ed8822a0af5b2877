"""Documents to text and JSON."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from pytc.documents import Document, Field, Group, Json
from pytc.render.json import as_object
from pytc.render.json import render as as_json
from pytc.render.text import render as as_text

DOCUMENT: Document = [
    Field("", text="filter "), Field("kind", "bpf", "bpf "),
    Group("options", [Field("handle", "0x1", "handle 0x1 "), Group("prog", [Field("id", 7, "id 7 ")])]),
    Field("insns", [{"k": 1}, {"k": 2}]), Field("", text="\n"),
]


def test_text_is_what_the_fields_say_in_order() -> None:
    assert as_text([DOCUMENT, DOCUMENT]) == 2 * "filter bpf handle 0x1 id 7 \n"


def test_json_has_the_members_with_a_key() -> None:
    assert as_object(DOCUMENT) == {
        "kind": "bpf", "options": {"handle": "0x1", "prog": {"id": 7}}, "insns": [{"k": 1}, {"k": 2}]}


def test_nothing_to_show() -> None:
    assert as_text([]) == ""
    assert as_json([]) == "[]\n"
    assert as_json([], pretty=True) == "[ ]\n"


def test_a_group_without_a_key_adds_its_members() -> None:
    assert as_object([Group("", [Field("a", 1)])]) == {"a": 1}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3), max_leaves=8)


@given(st.dictionaries(st.text(min_size=1), values, max_size=4))
def test_both_layouts_parse_to_the_same(members: dict[str, Json]) -> None:
    document = [Field(key, value) for key, value in members.items()]
    assert json.loads(as_json([document])) == json.loads(as_json([document], pretty=True)) == [members]
