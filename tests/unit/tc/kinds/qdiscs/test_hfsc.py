"""Curves of hfsc, with what tc 7.3 sends for them."""

from __future__ import annotations

import pytest

from pytc.errors import InvalidOptionsError
from pytc.tc.kinds.qdiscs.hfsc import KIND
from pytc.words.engine import Cursor
from tests.unit.tc.kinds.test_qdiscs import AROUND


def curves(words: str) -> dict[str, str]:
    assert KIND.parse_class is not None
    assert KIND.encode_class is not None
    encoded = KIND.encode_class(KIND.parse_class(Cursor(words.split())), AROUND)
    return {name.removeprefix("TCA_HFSC_"): value.hex() for name, value in encoded}


@pytest.mark.parametrize(
    "words, curve",
    [
        ("rt m1 1mbit d 10ms m2 2mbit", "48e801001027000090d00300"),
        ("rt d 10ms rate 1mbit", "000000001027000048e80100"),
        ("rt umax 1500b dmax 10ms rate 1mbit", "f04902001027000048e80100"),
        ("rt umax 1500 dmax 10ms rate 3mbit", "0000000070170000d8b80500"),
        ("rt umax 10k dmax 100ms rate 1mbit", "000000001053010048e80100"),
        ("rt umax 4000mb dmax 1us rate 3333kbit", "0000008001000000715b0600"),
        ("rt umax 1k dmax 1ms rate 0", "00a00f00e803000000000000"),
        ("rt rate 10%", "000000000000000040597307"),
    ],
)
def test_a_curve(words: str, curve: str) -> None:
    assert curves(words) == {"RSC": curve}


def test_the_last_curve_counts() -> None:
    one, two = curves("rt rate 1mbit")["RSC"], curves("rt rate 2mbit")["RSC"]
    assert curves("sc rate 1mbit rt rate 2mbit") == {"RSC": two, "FSC": one}
    assert curves("rt rate 2mbit sc rate 1mbit") == {"RSC": one, "FSC": one}


@pytest.mark.parametrize(
    "words", ["sc rate 0", "sc dmax 5ms rate 0", "sc umax 1k rate 1mbit", "sc m2 0", "ul m2 1mbit"]
)
def test_what_is_no_curve(words: str) -> None:
    with pytest.raises(InvalidOptionsError, match=r"^HFSC: "):
        curves(words)
