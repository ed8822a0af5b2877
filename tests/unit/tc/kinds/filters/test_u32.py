"""The u32 filter: words to selectors and back to what is shown, without a kernel."""

from __future__ import annotations

import ipaddress
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.render.documents import Display
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.shared.u32_selector import EAT, OFFSET, TERMINAL, VARIABLE_OFFSET, Key, Selector
from tests.unit.tc.kinds.filter_lines import described, keys, u32

numbers = st.integers(0, 2**32 - 1)


class TestU32Words:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("match u32 0x12345678 ffff0000 at 8", Key(0x12340000, 0xFFFF0000, 8)),
            ("match u16 0x1234 ffff at 2", Key(0x1234, 0xFFFF, 0)),
            ("match u16 0x1234 ffff at 4", Key(0x12340000, 0xFFFF0000, 4)),
            ("match u8 7 ff at 5", Key(7 << 16, 0xFF << 16, 4)),
            ("match u8 7 ff at -13", Key(7, 0xFF, -16)),
            ("match ip src 10.1.2.3/8", Key(0x0A000000, 0xFF000000, 12)),
            ("match ip dst any", Key(0, 0, 16)),
            ("match ip dport 80 0xffff", Key(80, 0xFFFF, 20)),
            ("match ip protocol 6 0xff", Key(6 << 16, 0xFF << 16, 8)),
            ("match ip nofrag", Key(0, 0x3FFF, 4)),
            ("match ip6 priority 1 0xff", Key(1 << 20, 0xFF << 20, 0)),
            ("match tcp dst 80 0xffff", Key(80, 0xFFFF, 0, -1)),
            ("match tcp src 80 0xffff at nexthdr+4", Key(80 << 16, 0xFFFF << 16, 4, -1)),
            ("match icmp code 3 0xff", Key(3 << 16, 0xFF << 16, 0, -1)),
        ],
    )
    def test_one_key(self, line: str, expected: Key) -> None:
        assert keys(line) == (expected,)

    def test_words_that_tc_wants_one_more_word_behind(self) -> None:
        """A match may be the end of the line: tc 6.1 stumbles over that with some."""
        assert u32("match mark 5 0xff").values["MARK"] == struct.pack("=III", 5, 0xFF, 0)
        assert keys("match ip df") == (Key(0x4000, 0x4000, 4),)
        assert u32("match u32 0 0 sample u32 3 ff divisor 4").values["buckets"][-1].bucket == 3

    def test_an_address_is_several_keys(self) -> None:
        assert keys("match ip6 src fe80::1/72") == (
            Key(0xFE800000, 0xFFFFFFFF, 8),
            Key(0, 0xFFFFFFFF, 12),
            Key(0, 0xFF000000, 16),
        )
        assert keys("match ether src 1:2:3:4:5:6") == (Key(0x01020304, 0xFFFFFFFF, -8), Key(0x05060000, 0xFFFF0000, -4))

    def test_offsets_and_hash_keys(self) -> None:
        selector = u32("match u32 0 0 link 2: offset at 0 mask 0f00 shift 6 plus 4 eat hashkey mask ff at 12").values[
            "SEL"
        ]
        assert selector == Selector(OFFSET | VARIABLE_OFFSET | EAT, 6, 0x0F00, 4, 0, 12, 0xFF, (Key(0, 0, 0),))

    @pytest.mark.parametrize(
        ("line", "ends"),
        [
            ("match u32 0 0", 0),
            ("match u32 0 0 flowid 1:1", TERMINAL),
            ("match u32 0 0 action ok", TERMINAL),
            ("match u32 0 0 link 2:", 0),
        ],
    )
    def test_what_ends_the_search(self, line: str, ends: int) -> None:
        assert u32(line).values["SEL"].flags == ends

    @pytest.mark.parametrize(
        ("line", "place"),
        [
            ("ht 2:3:", 0x203000),
            ("sample u32 5 ff", 5 << 12),
            ("ht 2: sample u32 5 ff", 0x205000),
            ("sample u32 0x15 ff divisor 16 ht 2:", 0x205000),
            ("ht 2:7: sample u32 0x500 f00", 0x205000),
        ],
    )
    def test_tables_and_buckets(self, line: str, place: int) -> None:
        kind = kinds.find("u32")
        assert kind is not None
        assert dict(kind.encode(u32(f"match u32 0 0 {line}"), None))["TCA_U32_HASH"] == place

    @given(numbers, numbers, st.integers(-(2**29), 2**29 - 1).map(lambda at: 4 * at), st.booleans())
    def test_any_number(self, value: int, mask: int, at: int, behind: bool) -> None:
        place = f"nexthdr+{at}" if behind else str(at)
        assert keys(f"match u32 {value:#x} {mask:x} at {place}") == (Key(value & mask, mask, at, -behind),)

    @given(st.integers(0, 255), st.integers(0, 255), st.integers(-100, 100))
    def test_any_byte(self, value: int, mask: int, at: int) -> None:
        """The four bytes of the key have the byte at its place."""
        [key] = keys(f"match u8 {value} {mask:x} at {at}")
        inside = at - key.offset
        assert key.mask.to_bytes(4, "big") == bytes(inside) + bytes([mask]) + bytes(3 - inside)
        assert key.value.to_bytes(4, "big")[inside] == value & mask

    @given(st.integers(0, 2**32 - 1), st.integers(0, 32))
    def test_any_ipv4_prefix(self, number: int, length: int) -> None:
        network = ipaddress.ip_network((number, length), strict=False)
        assert keys(f"match ip dst {ipaddress.ip_address(number)}/{length}") == (
            Key(int(network.network_address), int(network.netmask), 16),
        )

    @given(st.integers(0, 2**128 - 1), st.integers(1, 128))
    def test_any_ipv6_prefix(self, number: int, length: int) -> None:
        network = ipaddress.IPv6Network((number, length), strict=False)
        found = keys(f"match ip6 dst {ipaddress.IPv6Address(number)}/{length}")
        assert [key.offset for key in found] == list(range(24, 24 + 4 * len(found), 4))
        behind = (4 - len(found)) * 32
        for what, whole in (("value", network.network_address), ("mask", network.netmask)):
            joined_up = int.from_bytes(b"".join(getattr(key, what).to_bytes(4, "big") for key in found), "big")
            assert joined_up << behind == int(whole)


class TestU32Shown:
    def test_counters(self) -> None:
        options = u32("match u32 1 1 match u32 2 2 at 4 flowid 1:1")
        more = (("TCA_U32_PCNT", struct.pack("=4Q", 9, 3, 5, 4)),)
        text, members = described("u32", options, about=Display(statistics=True), more=more)
        assert text == (
            "flowid 1:1 (rule hit 9 success 3)\n  match 00000001/00000001 at 0 (success 5 ) "
            "\n  match 00000002/00000002 at 4 (success 4 ) "
        )
        assert (members["rule_hit"], members["rule_success"]) == (9, 3)
        assert [match["success"] for match in members["matches"]] == [5, 4]
        assert "success" not in described("u32", options, more=more)[0]

    def test_counters_that_are_cut_off(self) -> None:
        more = (("TCA_U32_PCNT", struct.pack("=2Q", 9, 3)),)
        text, _ = described("u32", u32("match u32 1 1"), about=Display(statistics=True), more=more)
        assert text.endswith("(success 0 ) ")

    @given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.sampled_from([12, 16]))
    def test_pretty_addresses(self, number: int, length: int, at: int) -> None:
        """The words that -pretty prints are understood again."""
        options = u32(f"match ip {'src' if at == 12 else 'dst'} {ipaddress.IPv4Address(number)}/{length}")
        text, members = described("u32", options, protocol=0x800, about=Display(pretty=True))
        words = text.split("match IP ")[1]
        assert u32(f"match ip {words}") == options
        assert str(length) == words.rpartition("/")[2]
        assert members["match"][words.split()[0]]["prefixlen"] == length
