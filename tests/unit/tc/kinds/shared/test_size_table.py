"""``stab`` and ``estimator``: words to bytes, without a kernel."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import HelpRequested, PytcError, UsageError
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.tc.kinds.shared import estimator, size_table
from pytc.tc.kinds.shared.size_table import SCHEMA, SizeTable
from pytc.words.engine import Cursor


def read(line: str) -> SizeTable:
    return size_table.read(Cursor(line.split()))


def test_words() -> None:
    assert read("overhead -4") == SizeTable(overhead=-4)
    assert read("mt 9000 mp 64 o 3 t 100 l adsl") == SizeTable(9000, 64, 3, 100, 2)
    cursor = Cursor("overhead 4 root handle 1:".split())
    assert size_table.read(cursor) == SizeTable(overhead=4)
    assert cursor.peek() == "root"


@pytest.mark.parametrize(
    "line",
    ["", "mtu 100", "mtu", "overhead x", "mpu -1", "linklayer x", "mtu 1 mtu 2", "mpu 1 tsize 40000", "overhead 0"],
)
def test_wrong_words(line: str) -> None:
    with pytest.raises(UsageError):
        read(line)


def test_help() -> None:
    with pytest.raises(HelpRequested):
        read("help")
    with pytest.raises(HelpRequested):
        estimator.read(Cursor(["1s", "help"]))


def test_a_table_only_where_sizes_change() -> None:
    assert [name for name, _ in size_table.encode(SizeTable(overhead=4))] == ["TCA_STAB_BASE"]
    base, data = (value for _, value in size_table.encode(SizeTable(linklayer=2, tsize=16)))
    assert struct.unpack("=BBhiIIII", base) == (7, 0, -1, 0, 2, 0, 2047, 16)
    assert struct.unpack("=16H", data)[:3] == (159, 318, 424)  # cells of 53 bytes for 48


def test_large_packets_are_scaled() -> None:
    base, data = (value for _, value in size_table.encode(SizeTable(mpu=64, mtu=1_000_000)))
    assert base[:2] == b"\x0b\x05"
    assert struct.unpack("=512H", data)[-1] == (512 << 11) >> 5


_PAIRS = ["mtu 64", "mpu 64", "tsize 64", "overhead -5", "overhead 8", "linklayer atm", "linklayer ethernet", "mpu 0"]


@given(
    st.lists(
        st.sampled_from(
            [
                "mtu",
                "mpu",
                "overhead",
                "tsize",
                "linklayer",
                "atm",
                "ethernet",
                "0",
                "64",
                "-5",
                "4294967295",
                "x",
                "root",
            ]
        ),
        max_size=8,
    )
    | st.permutations(_PAIRS).map(lambda pairs: " ".join(pairs[:3]).split())
)
def test_any_words_are_a_table_or_an_error(words: list[str]) -> None:
    try:
        table = size_table.read(Cursor(words))
    except PytcError:
        return
    attributes = SCHEMA.decode(SCHEMA.encode(size_table.encode(table)))
    shown = as_object(size_table.document(attributes))["stab"]
    assert isinstance(shown, dict)
    assert shown.get("overhead", 0) == table.overhead
    assert shown.get("mpu", 0) == table.mpu


@given(st.binary(max_size=80))
def test_any_bytes_can_be_shown(raw: bytes) -> None:
    render([size_table.document({"TCA_STAB_BASE": raw})])


@pytest.mark.parametrize(
    "line, interval, log",
    [  # as the real tc encodes them
        ("1s 8s", 0, 3),
        ("250ms 1s", -2, 2),
        ("1sec 2sec", 0, 1),
        ("8s 100s", 3, 3),
        ("500ms 1000s", -1, 10),
    ],
)
def test_estimators(line: str, interval: int, log: int) -> None:
    assert struct.unpack("=bB", estimator.read(Cursor(line.split()))) == (interval, log)


@pytest.mark.parametrize("line", ["1s", "1s 1s", "x 1s", "1s x", "9s 90s", "", "0 1s", "1us 4000s"])
def test_wrong_estimators(line: str) -> None:
    with pytest.raises(UsageError):
        estimator.read(Cursor(line.split()))


@given(st.text(max_size=10), st.text(max_size=10))
def test_any_words_are_an_estimator_or_an_error(first: str, second: str) -> None:
    try:
        assert len(estimator.read(Cursor([first, second]))) == 2
    except PytcError:
        return
