"""Numbers of random early detection, as tc 7.3 computes them."""

from __future__ import annotations

import zlib

import pytest

from pytc.tc.clock import Clock
from pytc.tc.kinds.shared.red import idle_table, logarithms


@pytest.mark.parametrize(
    "low, high, burst, packet, rate, numbers, checksum",
    [
        (10_240, 20_480, 16, 1024, 1_250_000, (3, 19, 13), 915258842),
        (33_333, 100_000, 55, 1000, 1_250_000_000, (5, 22, 5), 1110206598),
        (1000, 20_000, 73, 100, 2500, (9, 20, 25), 3925225350),  # times of more than 31 bits
    ],
)
def test_tables(
    low: int, high: int, burst: int, packet: int, rate: int, numbers: tuple[int, int, int], checksum: int
) -> None:
    values: dict[str, object] = {"min": low, "max": high, "burst": burst}
    logarithms("RED", values, packet)
    idle_table(values, packet, rate, Clock())
    found = (values["Wlog"], values["Plog"], values["Scell_log"])
    table = values["STAB"]
    assert isinstance(table, bytes)
    assert len(table) == 256
    assert found == numbers
    assert zlib.crc32(table) == checksum
