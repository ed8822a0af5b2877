"""Rates and sizes: what tc 6.1 makes of the same words, and no surprises with others."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.tc.rates import (
    PercentRate,
    format_rate,
    format_size,
    format_time,
    format_time64,
    parse_percent,
    parse_rate,
    parse_size,
    parse_time,
    parse_time64,
    split_number,
)

RATES = {
    "0x10kbit": 2000,
    "0X1p3": 1,
    "0x.8p8": 16,
    "8": 1,
    "100": 12,
    "7bit": 0,
    "0": 0,
    "-0": 0,
    "1kbit": 125,
    "1.5kbit": 187,
    "1KBIT": 125,
    "1Kibit": 128,
    "1mbit": 125_000,
    "1.5mbit": 187_500,
    "1mibit": 131_072,
    "1gbit": 125_000_000,
    "1gibit": 134_217_728,
    "1tbit": 125_000_000_000,
    "1tibit": 137_438_953_472,
    "1bps": 1,
    "1.5bps": 1,
    "1kbps": 1000,
    "1KiBps": 1024,
    "1mbps": 1_000_000,
    "1MiBps": 1_048_576,
    "1gbps": 10**9,
    "1GiBps": 2**30,
    "1tbps": 10**12,
    "1TiBps": 2**40,
    ".5mbit": 62_500,
    "5.mbit": 625_000,
    "+5mbit": 625_000,
    "1e6": 125_000,
    "1e3kbit": 125_000,
    "4294967296bps": 2**32,
}
SIZES = {
    "0": 0,
    "100": 100,
    "100b": 100,
    "100B": 100,
    "15k": 15_360,
    "15K": 15_360,
    "15kb": 15_360,
    "1.5k": 1536,
    "1m": 2**20,
    "1MB": 2**20,
    "1g": 2**30,
    "1gb": 2**30,
    "8kbit": 1024,
    "1mbit": 131_072,
    "1gbit": 2**27,
    "1e5": 100_000,
    "4294967295": 2**32 - 1,
}
WRONG_RATES = (
    "",
    " ",
    "x",
    "bit",
    "1b",
    "1k",
    "1m",
    "1K",
    "1kb",
    "5mbit ",
    " 5mbit",
    "1 mbit",
    "1_000",
    "-1",
    "-1mbit",
    "inf",
    "nan",
    "infinity",
    "1e400",
    "1e30",
    "50%",
    "1mbit/8",
    "\u0661mbit",
    "1\u00a0mbit",
    "--5",
    "1e",
)
WRONG_SIZES = ("", "k", "100bit", "-1", "-1k", "5g", "4294967296", "1t", "1kib", "1%", "15k/8", "inf", "nan", "1_0")


@pytest.mark.parametrize("word", RATES)
def test_rate(word: str) -> None:
    assert parse_rate(word) == RATES[word]


@pytest.mark.parametrize("word", SIZES)
def test_size(word: str) -> None:
    assert parse_size(word) == SIZES[word]


@pytest.mark.parametrize("word", WRONG_RATES)
def test_wrong_rate(word: str) -> None:
    with pytest.raises(ValueError):
        parse_rate(word)


@pytest.mark.parametrize("word", WRONG_SIZES)
def test_wrong_size(word: str) -> None:
    with pytest.raises(ValueError):
        parse_size(word)


@pytest.mark.parametrize(
    "rate, shown",
    [
        (0, "0bit"),
        (12, "96bit"),
        (125, "1Kbit"),
        (128, "1024bit"),
        (12_800, "102400bit"),
        (125_000, "1Mbit"),
        (187_500, "1500Kbit"),
        (131_072, "1048Kbit"),
        (1_543_209, "12345Kbit"),
        (125_000_000, "1Gbit"),
        (5 * 10**9, "40Gbit"),
        (2**32, "34359Mbit"),
        (137_438_953_472, "1099Gbit"),
        (100 * 2**40, "879609Gbit"),
        (10**14, "800Tbit"),
        (10**16, "80000Tbit"),
    ],
)
def test_rates_are_shown_as_tc_shows_them(rate: int, shown: str) -> None:
    assert format_rate(rate) == shown


@pytest.mark.parametrize(
    "size, shown",
    [
        (0, "0b"),
        (1023, "1023b"),
        (1024, "1Kb"),
        (1600, "1600b"),
        (15_360, "15Kb"),
        (15_375, "15Kb"),
        (15_376, "15376b"),
        (65_535, "64Kb"),
        (1_048_570, "1024Kb"),
        (1_048_500, "1048500b"),
        (2**20, "1Mb"),
        (2_075_000, "2075000b"),
        (2**20 * 3 + 1000, "3Mb"),
        (31_138_512, "31138512b"),
        (2**30 - 1, "1024Mb"),
        (2**30 + 1023, "1Gb"),
        (2**30 + 2**20, "1025Mb"),
        (2**32 - 1, "4Gb"),
    ],
)
def test_sizes_are_shown_as_tc_shows_them(size: int, shown: str) -> None:
    assert format_size(size) == shown


@given(st.text(), st.sampled_from([parse_rate, parse_size]))
def test_any_text_is_a_number_or_a_value_error(word: str, parse: Callable[[str], int]) -> None:
    with suppress(ValueError):
        assert parse(word) >= 0


@given(
    st.floats() | st.integers(),
    st.sampled_from(["", "bit", "kbit", "mibit", "tbps", "k", "mb", "gbit", "x"]),
    st.sampled_from([(parse_rate, 2**64), (parse_size, 2**32)]),
)
def test_any_number_is_in_range_or_a_value_error(
    number: float, unit: str, parser: tuple[Callable[[str], int], int]
) -> None:
    parse, limit = parser
    with suppress(ValueError):
        assert 0 <= parse(f"{number}{unit}") < limit


@given(st.integers(0, 2**50))
def test_a_shown_rate_reads_as_no_more_than_it_was(rate: int) -> None:
    again = parse_rate(format_rate(rate))
    assert again <= rate
    assert rate - again <= max(1, rate // 500)
    assert format_rate(again) == format_rate(rate) or rate * 8 >= 10**6


@given(st.integers(0, 2**32 - 1))
def test_a_shown_size_reads_as_about_what_it_was(size: int) -> None:
    again = min(parse_size(format_size(size)) if size < 2**32 - 1024 else size, 2**32 - 1)
    # tc rounds to whole units where that is near enough, and prints six digits.
    assert abs(again - size) <= (1024 + size // 100_000 if size >= 2**20 else 16)


TIMES = {
    "0": 0,
    "7": 7,
    "10us": 10,
    "10usec": 10,
    "1.5ms": 1500,
    "2msecs": 2000,
    "1s": 10**6,
    "1.5SEC": 1_500_000,
    "0.0000015s": 1,
    "1e3": 1000,
    "0x10": 16,
    "4294967295": 2**32 - 1,
    "4294s": 4_294_000_000,
    ".5us": 0,
}
TIMES64 = {
    "0": 0,
    "7": 7,
    "7ns": 7,
    "10nsec": 10,
    "10us": 10_000,
    "1.5ms": 1_500_000,
    "3s": 3 * 10**9,
    "9000000000s": 9 * 10**18,
}
PERCENTS = {"0": 0.0, "50%": 0.5, "100": 1.0, "100%": 1.0, "0.1%": 0.001, "1e-3%": 0.00001, "33.3": 0.333}


@pytest.mark.parametrize("word", TIMES)
def test_time(word: str) -> None:
    assert parse_time(word) == TIMES[word]


@pytest.mark.parametrize("word", TIMES64)
def test_time64(word: str) -> None:
    assert parse_time64(word) == TIMES64[word]


@pytest.mark.parametrize("word", PERCENTS)
def test_percent(word: str) -> None:
    assert parse_percent(word) == pytest.approx(PERCENTS[word], rel=1e-12)


@pytest.mark.parametrize(
    "parse, word",
    [
        *(
            (parse_time, word)
            for word in ("", "s", "1m", "5ns", "1min", "-1", "-1ms", "4295s", "inf", "nan", "1 s", "1_0")
        ),
        *((parse_time64, word) for word in ("", "1m", "-1ns", "1e19", "10000000000s", "\u0661s")),
        *((parse_percent, word) for word in ("", "%", "101", "100.1%", "-1%", "5%%", "5 %", "x", "nan")),
        *((parse_rate, word) for word in ("1\u212abit", "0x", "0xg", "1e", "0x1pbit", "..5", "5..")),
    ],
)
def test_wrong_times_percentages_and_rates(parse: Callable[[str], float], word: str) -> None:
    with pytest.raises(ValueError):
        parse(word)


@pytest.mark.parametrize(
    "microseconds, shown",
    [  # as C prints them with %.3g
        (0, "0us"),
        (999, "999us"),
        (1000, "1ms"),
        (1234, "1.23ms"),
        (70_000, "70ms"),
        (999_499, "999ms"),
        (999_600, "1e+03ms"),
        (10**6, "1s"),
        (1_500_000, "1.5s"),
        (2**32 - 1, "4.29e+03s"),
    ],
)
def test_times_are_shown_as_tc_shows_them(microseconds: int, shown: str) -> None:
    assert format_time(microseconds) == shown


@pytest.mark.parametrize(
    "nanoseconds, shown",
    [
        (0, "0ns"),
        (999, "999ns"),
        (1000, "1us"),
        (10_500, "10.5us"),
        (10**6, "1ms"),
        (1_234_567, "1.23ms"),
        (3 * 10**9, "3s"),
    ],
)
def test_long_times_are_shown_as_tc_shows_them(nanoseconds: int, shown: str) -> None:
    assert format_time64(nanoseconds) == shown


def test_a_part_of_the_speed() -> None:
    assert PercentRate(0.5).of(10_000) == 625_000_000
    assert PercentRate(parse_percent("12.34%")).of(10_000) == 154_250_000
    assert PercentRate(0).of(10_000) == 0


@given(st.text(), st.sampled_from([parse_time, parse_time64, parse_percent]))
def test_any_text_is_a_time_or_a_value_error(word: str, parse: Callable[[str], float]) -> None:
    with suppress(ValueError):
        assert parse(word) >= 0


@given(st.integers(0, 2**32 - 1))
def test_a_shown_time_reads_as_about_what_it_was(microseconds: int) -> None:
    text = format_time(microseconds)
    assert abs(min(parse_time64(text) // 1000, 2**33) - microseconds) <= microseconds / 199


@given(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from(["", "x", "kbit", "%", "/8", ".5", " "]))
def test_numbers_are_split_from_what_follows(number: float, rest: str) -> None:
    text = repr(number)
    if rest == ".5" and "." not in text and "e" not in text:
        rest = "x"
    assert split_number(text + rest) == (number, rest)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_in_hexadecimal(number: float) -> None:
    assert split_number(number.hex() + "bit") == (number, "bit")


@pytest.mark.parametrize(
    "rate, shown",
    [  # as tc -iec prints them
        (0, "0bit"),
        (125, "1000bit"),
        (128, "1Kibit"),
        (125_000, "1000000bit"),
        (131_072, "1Mibit"),
        (10**9, "7629Mibit"),
    ],
)
def test_rates_in_powers_of_1024(rate: int, shown: str) -> None:
    assert format_rate(rate, iec=True) == shown
