"""Statistics of filters with the old attribute, which this machine's kernels send for police alone."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.render.json import as_object
from pytc.render.text import render
from pytc.tc.statistics import QueueStatistics, filter_statistics, unpack_old_statistics


@pytest.mark.parametrize(
    ("numbers", "more", "members"),
    [
        ((0, 0, 0, 0), "", {}),
        ((125_000, 7, 0, 0), " rate 1Mbit 7pps \n", {"rate": 125_000, "pps": 7}),
        ((0, 7, 0, 0), " rate 7pps \n", {"pps": 7}),
        ((0, 0, 3, 2048), " backlog 2Kb 3p \n", {"backlog": 2048, "qlen": 3}),
        ((125, 0, 3, 0), " rate 1Kbit backlog 3p \n", {"rate": 125, "qlen": 3}),
    ],
)
def test_old_statistics(numbers: tuple[int, ...], more: str, members: dict[str, int]) -> None:
    """The text is that of tc 6.1, and JSON has the members that it has since tc 6.2."""
    parts = filter_statistics(unpack_old_statistics(struct.pack("=Q7I", 5000, 10, 3, 4, *numbers) + bytes(4)))
    assert render([parts]) == f" Sent 5000 bytes 10 pkts (dropped 3, overlimits 4) \n{more}"
    assert as_object(parts) == {"bytes": 5000, "packets": 10, "dropped": 3, "overlimits": 4, **members}


def test_newer_statistics_are_an_object() -> None:
    parts = filter_statistics(QueueStatistics(5000, 10))
    found = as_object(parts)["stats"]
    assert isinstance(found, dict)
    assert found["bytes"] == 5000
    assert render([parts]).startswith(" Sent 5000 bytes 10 pkt (")


@given(st.binary(max_size=64))
def test_any_size(raw: bytes) -> None:
    assert render([filter_statistics(unpack_old_statistics(raw))]).startswith(" Sent ")
