"""Handles and protocols, as words and as numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.handles import CLSACT, INGRESS, ROOT, UNSPEC, Handle, parse_classid, parse_qdisc_handle
from pytc.protocols import format_protocol, parse_protocol

HANDLES = st.builds(Handle, st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("1:", 0x10000),
        ("1:10", 0x10010),
        (":5", 5),
        ("root", 0xFFFFFFFF),
        ("none", 0),
        ("ffff:fff2", 0xFFFFFFF2),
        ("10", 0x10),
        ("fffffff1", 0xFFFFFFF1),
        (":", 0),
        ("AB:cd", 0xAB00CD),
        ("98765fedcb", 0x765FEDCB),
        ("1" + 16 * "0", 0xFFFFFFFF),
    ],
)
def test_class_ids(word: str, number: int) -> None:
    assert parse_classid(word).number == number


@pytest.mark.parametrize("word", ["", "x", "1:x", "10000:1", "1:10000", "1:2:3", "-1:", " 1:", "1_0:", "-1"])
def test_what_is_no_class_id(word: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_classid(word)


@pytest.mark.parametrize(("word", "major"), [("1:", 1), ("1", 1), ("ffff:", 0xFFFF), ("none", 0)])
def test_qdisc_handles(word: str, major: int) -> None:
    assert parse_qdisc_handle(word) == Handle(major, 0)


@pytest.mark.parametrize("word", ["zz", "10000:", "", "-1:"])
def test_what_is_no_qdisc_handle(word: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_qdisc_handle(word)


@given(HANDLES)
def test_a_handle_survives_text_and_number(handle: Handle) -> None:
    assert parse_classid(str(handle)) == handle
    assert Handle.from_number(handle.number) == handle


def test_the_known_points() -> None:
    assert [str(h) for h in (ROOT, UNSPEC, CLSACT, INGRESS)] == ["root", "none", "ffff:fff1", "ffff:fff2"]


@given(st.text())
def test_any_word_is_a_handle_or_a_value_error(word: str) -> None:
    for parse in (parse_classid, parse_qdisc_handle):
        try:
            assert 0 <= parse(word).number <= 0xFFFFFFFF
        except ValueError:
            pass


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("all", 3),
        ("ip", 0x800),
        ("IP", 0x800),
        ("ipv6", 0x86DD),
        ("arp", 0x806),
        ("802.1Q", 0x8100),
        ("0x1234", 0x1234),
        ("2048", 0x800),
    ],
)
def test_protocols(word: str, number: int) -> None:
    assert parse_protocol(word) == number


@given(st.integers(0, 0xFFFF))
def test_a_protocol_has_a_name_or_shows_its_number(number: int) -> None:
    name = format_protocol(number)
    assert parse_protocol(name.strip("[]")) == number


@given(st.text())
def test_any_word_is_a_protocol_or_a_value_error(word: str) -> None:
    try:
        assert 0 <= parse_protocol(word) <= 0xFFFF
    except ValueError:
        pass
