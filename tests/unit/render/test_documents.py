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
from pytc.render.documents import Field, Group
from pytc.render.json import as_object
from pytc.render.json import pieces as json_pieces
from pytc.render.json import render as as_json
from pytc.render.text import pieces as text_pieces
from pytc.render.text import render as as_text

if TYPE_CHECKING:
    from pytc.render.documents import Document, Json

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
