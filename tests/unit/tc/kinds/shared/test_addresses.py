"""Addresses and prefixes as words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix, parse_ipv6_prefix
from tests.unit.tc.kinds.filter_lines import raises_value_error


class TestAddresses:
    @pytest.mark.parametrize(
        ("word", "prefix"),
        [
            ("10", (0x0A000000, 32)),
            ("10.1/16", (0x0A010000, 16)),
            ("0x0a.010.0.1", (0x0A080001, 32)),
            ("1.2.3.4/255.255.0.0", (0x01020304, 16)),
            ("1.2.3.4/0.0.0.0", (0x01020304, 0)),
            ("any", (0, 0)),
            ("1.2.3.4/010", (0x01020304, 8)),
        ],
    )
    def test_forms(self, word: str, prefix: tuple[int, int]) -> None:
        assert parse_ipv4_prefix(word) == prefix

    @pytest.mark.parametrize(
        "word",
        [
            "",
            "/8",
            "1.2.3.4/",
            "1.2.3.4/33",
            "1..2",
            "1.2.3.4.5",
            "256",
            "1.2.3.4/255.0.255.0",
            "0b1",
            "0o7",
            "1_0",
            "-1",
            " 1",
            "1.2.3.4/-1",
            "1.2.3.4/0b1",
            "fe80::1",
        ],
    )
    def test_what_is_none(self, word: str) -> None:
        assert raises_value_error(lambda: parse_ipv4_prefix(word))

    @given(st.text(max_size=30))
    def test_any_text(self, word: str) -> None:
        for parser, bits in ((parse_ipv4_prefix, 32), (parse_ipv6_prefix, 128)):
            try:
                number, length = parser(word)
            except ValueError:
                continue
            assert 0 <= number < 1 << bits
            assert 0 <= length <= bits
