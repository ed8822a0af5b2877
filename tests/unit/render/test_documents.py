"""Documents to text and JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.command_line import Options
from pytc.cli.output import show
from pytc.errors import NetlinkProtocolError
from pytc.render import GROUP
from pytc.render.documents import ArrayField, Common, Field, Group, LazyField
from pytc.render.json import as_object
from pytc.render.json import pieces as json_pieces
from pytc.render.json import render as as_json
from pytc.render.text import pieces as text_pieces
from pytc.render.text import render as as_text

if TYPE_CHECKING:
    from pytc.render.documents import Document, Json, Part

DOCUMENT: Document = [
    Field("", text="filter "),
    Field("kind", "bpf", "bpf "),
    Group("options", [Field("handle", "0x1", "handle 0x1 "), Group("prog", [Field("id", 7, "id 7 ")])]),
    Field("insns", [{"k": 1}, {"k": 2}]),
    Field("", text="\n"),
]


def test_text_is_what_the_fields_say_in_order() -> None:
    assert as_text([DOCUMENT, DOCUMENT]) == 2 * "filter bpf handle 0x1 id 7 \n"


def test_colors_are_around_the_names_that_have_one() -> None:
    document: Document = [
        Field("dev", "em1", "em1", color="device"),
        Field("kind", "bpf", " bpf "),
        Group("options", [Field("peer", "em2", "em2", color="device")]),
    ]
    assert as_text([document], colors={"device": "36"}) == "\x1b[36mem1\x1b[0m bpf \x1b[36mem2\x1b[0m"
    assert as_text([document]) == "em1 bpf em2"


def test_json_has_the_members_with_a_key() -> None:
    assert as_object(DOCUMENT) == {
        "kind": "bpf",
        "options": {"handle": "0x1", "prog": {"id": 7}},
        "insns": [{"k": 1}, {"k": 2}],
    }


def test_nothing_to_show() -> None:
    assert as_text([]) == ""
    assert as_json([]) == "[]\n"
    assert as_json([], pretty=True) == "[ ]\n"


def test_a_group_without_a_key_adds_its_members() -> None:
    assert as_object([Group("", [Field("a", 1)])]) == {"a": 1}


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=4))
def test_both_layouts_parse_to_the_same(members: dict[str, Json]) -> None:
    document = [Field(key, value) for key, value in members.items()]
    assert json.loads(as_json([document])) == json.loads(as_json([document], pretty=True)) == [members]


fields = st.builds(Field, st.text(max_size=3), values, st.text(max_size=5))
lazy = st.builds(
    lambda key, value, text: LazyField(key, lambda: value, lambda: text), st.text(min_size=1), values, st.text()
)
parts = st.recursive(
    fields | lazy,
    lambda inner: (
        st.builds(Group, st.text(max_size=2), st.lists(inner, max_size=3))
        | st.builds(Common.of, st.text(max_size=2), st.lists(inner, max_size=3))
        | st.builds(ArrayField, st.text(min_size=1), st.lists(st.lists(inner, max_size=3), max_size=3))
    ),
    max_leaves=12,
)


def text_of(part: Part) -> str:
    """The text of a part, by what is in it."""
    if isinstance(part, Group):
        return "".join(map(text_of, part.fields))
    if isinstance(part, ArrayField):
        return "".join(text_of(inner) for document in part.documents for inner in document)
    return part.text


@given(st.lists(st.lists(parts, max_size=4), max_size=3))
def test_any_documents(documents: list[list[Part]]) -> None:
    """What is kept of parts that many documents have in common is what it would be if it were made again."""
    expected = json.dumps([*map(as_object, documents)], ensure_ascii=False, separators=(",", ":")) + "\n"
    text = "".join(text_of(part) for document in documents for part in document)
    for _ in range(2):
        assert as_json(documents) == expected
        assert as_text(documents) == as_text(documents, colors={"device": "36"}) == text


def test_json_that_is_made_faster_is_taken_as_it_is() -> None:
    field = LazyField("a", lambda: [1], lambda: "one ", lambda: "[1]")
    assert (as_json([[field]]), as_object([field])) == ('[{"a":[1]}]\n', {"a": [1]})


@pytest.mark.parametrize("count", [0, 1, GROUP - 1, GROUP, GROUP + 1, 3 * GROUP])
def test_a_long_list_is_what_its_pieces_are(count: int) -> None:
    documents: list[Document] = [[Field("number", number, f"{number} ")] for number in range(count)]
    values = [{"number": number} for number in range(count)]
    assert as_text(documents) == "".join(f"{number} " for number in range(count))
    assert as_json(documents) == json.dumps(values, separators=(",", ":")) + "\n"
    assert json.loads(as_json(documents, pretty=True)) == values
    assert as_json(documents, pretty=True).count("\n") == 2 * count + 1


def test_documents_without_text_do_not_end_a_list() -> None:
    assert as_text([[Field("number", 1)]] * (2 * GROUP) + [[Field("", text="end")]]) == "end"


@pytest.mark.parametrize("pieces", [text_pieces, json_pieces, lambda documents: json_pieces(documents, pretty=True)])
def test_a_document_is_made_when_its_turn_comes(pieces: Callable[[Iterable[Document]], Iterator[str]]) -> None:
    made: list[int] = []

    def documents() -> Iterator[Document]:
        for number in range(10 * GROUP):
            made.append(number)
            yield [Field("number", number, f"{number} ")]

    next(pieces(documents()))
    assert 0 < len(made) <= GROUP


@pytest.mark.parametrize("count", [0, 1, 2 * GROUP + 3])
@pytest.mark.parametrize("pretty", [False, True])
def test_json_parses_when_a_document_cannot_be_made(
    count: int, pretty: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NetlinkProtocolError):
        show(_failing(count), Options(json=True, pretty=pretty))
    assert json.loads(capsys.readouterr().out) == [{"kind": "bpf"}] * count


def test_text_has_what_is_before_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(NetlinkProtocolError):
        show(_failing(3), Options(oneline=True))
    assert capsys.readouterr().out == "bpf \\" * 3


def _failing(count: int) -> Iterator[Document]:
    yield from [[Field("kind", "bpf", "bpf \n")]] * count
    raise NetlinkProtocolError("a message of 3 bytes")
