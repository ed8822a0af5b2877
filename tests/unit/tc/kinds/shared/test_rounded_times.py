"""Times that kernels round twice come back as they were."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pytc.tc.kinds.shared import codel
from pytc.tc.kinds.shared.pie import restored_target

MICROSECONDS = st.integers(0, 0xFFFFFFFF)
#: Longer ones do not fit into what pie shows.
SHORTER = st.integers(0, 0xFFFFFFFF // 1000)


def _codel_stores(microseconds: int) -> int:
    return microseconds * 1000 >> 10


def _codel_shows(stored: int) -> int:
    return (stored << 10) // 1000


def _pie_stores(microseconds: int) -> int:
    return microseconds * 1000 >> 6


def _pie_shows(stored: int) -> int:
    return (stored << 6) // 1000


@given(MICROSECONDS)
def test_codel_stores_what_it_had(microseconds: int) -> None:
    stored = _codel_stores(microseconds)
    assert _codel_stores(codel.restored_time(_codel_shows(stored))) == stored


def test_codel_stores_never() -> None:
    assert _codel_stores(codel.NEVER) == 0x7FFFFFFF


@given(SHORTER)
def test_pie_shows_what_it_showed(microseconds: int) -> None:
    shown = _pie_shows(_pie_stores(microseconds))
    assert _pie_shows(_pie_stores(restored_target(shown))) == shown
