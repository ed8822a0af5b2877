"""The kinds of filters: words to options, options to attributes and back to what is shown, without a kernel."""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.commands.chain.add import AddChain
from pytc.commands.chain.delete import DeleteChain
from pytc.commands.chain.get import GetChain
from pytc.commands.chain.show import ShowChains
from pytc.commands.dispatch import parse_words
from pytc.commands.filter.add import ModifyFilter
from pytc.commands.filter.delete import DeleteFilter
from pytc.commands.filter.get import GetFilter
from pytc.commands.filter.show import ShowFilters
from pytc.errors import HelpRequested, InvalidOptionsError, PytcError, UsageError
from pytc.handles import INGRESS, Handle, parse_classid
from pytc.render.documents import Shown
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.filters.fw import FwOptions
from pytc.tc.kinds.filters.matchall import MatchallOptions
from pytc.tc.kinds.filters.u32 import U32Options, parse_handle
from pytc.tc.kinds.interface import FilterView
from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix, parse_ipv6_prefix
from pytc.tc.kinds.shared.u32_selector import EAT, OFFSET, TERMINAL, VARIABLE_OFFSET, Key, Selector, bucket_of, joined
from pytc.tc.kinds.shared.u32_text import handle_text
from tests.compat.lines import steps

WORDS = sorted(
    {
        word
        for table in ("filters", "filters-wrong")
        for step in steps(table)
        for words in step.on("D")
        for word in words
    }
)
numbers = st.integers(0, 2**32 - 1)
classids = st.builds(Handle, st.integers(0, 0xFFFF), st.integers(1, 0xFFFF))


def parse(line: str) -> Any:
    return parse_words(line.split())


def options_of(line: str) -> Any:
    """The options of one filter."""
    return parse(f"filter add dev em1 {line}").options


def u32(line: str) -> Any:
    return options_of(f"u32 {line}")


def keys(line: str) -> tuple[Key, ...]:
    selector = u32(line).selector
    assert selector is not None
    found: tuple[Key, ...] = selector.keys
    return found


def shown(
    name: str,
    options: object,
    *,
    handle: int = 0,
    protocol: int = 3,
    about: Shown | None = None,
    more: tuple[tuple[str, Any], ...] = (),
) -> tuple[str, dict[str, Any]]:
    """Text and JSON of a filter that the kernel gives back as it came, with more attributes."""
    kind = kinds.find(name)
    assert kind is not None
    attributes = kind.schema.decode(kind.schema.encode([*kind.encode(options, None), *more]))
    view = FilterView(handle, protocol, about or Shown())
    document = kind.document(kind.decode(attributes, lambda number: None), view)
    return render([document]), as_object(document)


def refused(what: Callable[[], object]) -> bool:
    """Whether it raises ValueError."""
    try:
        what()
    except ValueError:
        return True
    return False


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
        assert u32("match mark 5 0xff").mark == struct.pack("=III", 5, 0xFF, 0)
        assert keys("match ip df") == (Key(0x4000, 0x4000, 4),)
        assert u32("match u32 0 0 sample u32 3 ff divisor 4").places[-1].bucket == 3

    def test_an_address_is_several_keys(self) -> None:
        assert keys("match ip6 src fe80::1/72") == (
            Key(0xFE800000, 0xFFFFFFFF, 8),
            Key(0, 0xFFFFFFFF, 12),
            Key(0, 0xFF000000, 16),
        )
        assert keys("match ether src 1:2:3:4:5:6") == (Key(0x01020304, 0xFFFFFFFF, -8), Key(0x05060000, 0xFFFF0000, -4))

    def test_offsets_and_hash_keys(self) -> None:
        selector = u32("match u32 0 0 link 2: offset at 0 mask 0f00 shift 6 plus 4 eat hashkey mask ff at 12").selector
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
        assert u32(line).selector.flags == ends

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
        inside = at - key.at
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
        assert [key.at for key in found] == list(range(24, 24 + 4 * len(found), 4))
        behind = (4 - len(found)) * 32
        for what, whole in (("value", network.network_address), ("mask", network.netmask)):
            joined_up = int.from_bytes(b"".join(getattr(key, what).to_bytes(4, "big") for key in found), "big")
            assert joined_up << behind == int(whole)


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
        assert refused(lambda: parse_ipv4_prefix(word))

    @given(st.text(max_size=30))
    def test_any_text(self, word: str) -> None:
        for parser, bits in ((parse_ipv4_prefix, 32), (parse_ipv6_prefix, 128)):
            try:
                number, length = parser(word)
            except ValueError:
                continue
            assert 0 <= number < 1 << bits
            assert 0 <= length <= bits


class TestSelectors:
    @given(
        st.builds(
            Selector,
            st.integers(0, 255),
            st.integers(0, 255),
            st.integers(0, 0xFFFF),
            st.integers(0, 0xFFFF),
            st.integers(-(2**15), 2**15 - 1),
            st.integers(-(2**15), 2**15 - 1),
            numbers,
            st.lists(
                st.builds(Key, numbers, numbers, st.integers(-(2**31), 2**31 - 1), st.integers(-(2**31), 2**31 - 1)),
                max_size=128,
            ).map(tuple),
        )
    )
    def test_packed_and_unpacked(self, selector: Selector) -> None:
        assert Selector.unpack(selector.pack()) == selector
        assert Selector.unpack(selector.pack() + b"rest") == selector

    @given(st.binary(max_size=80))
    def test_any_bytes(self, data: bytes) -> None:
        found = Selector.unpack(data)
        assert (found is None) == (len(data) < 16)

    def test_layout(self) -> None:
        """As x86-64 has struct tc_u32_sel."""
        packed = Selector(1, 2, 0x0304, 5, -6, -7, 0x08090A0B, (Key(0x11223344, 0xFF000000, -4, -1),)).pack()
        assert (
            packed.hex()
            == "01020100"
            + "0304"
            + "0500"
            + "faff"
            + "f9ff"
            + "08090a0b"
            + "ff000000"
            + "11223344"
            + "fcffffff"
            + "ffffffff"
        )

    @given(st.lists(st.builds(Key, numbers, numbers, st.sampled_from(range(-16, 20, 4)), st.just(0)), max_size=20))
    def test_joined_keys_match_what_all_match(self, given_keys: list[Key]) -> None:
        """A word at each place matches the joined keys when it matches each of them."""
        try:
            found = joined(given_keys)
        except ValueError:
            assert any(
                (one.value ^ other.value) & one.mask & other.mask
                for one in given_keys
                for other in given_keys
                if one.at == other.at
            )
            return
        assert len({key.at for key in found}) == len(found)
        for key in given_keys:
            [of_place] = [one for one in found if one.at == key.at]
            assert of_place.mask & key.mask == key.mask
            assert of_place.value & key.mask == key.value & key.mask

    def test_no_more_than_128(self) -> None:
        assert len(joined(Key(0, 0, 4 * number) for number in range(128))) == 128
        assert refused(lambda: joined(Key(0, 0, 4 * number) for number in range(129)))
        assert refused(lambda: joined([Key(0, 0, 2)]))

    @given(numbers, numbers, st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256]))
    def test_buckets(self, value: int, mask: int, divisor: int) -> None:
        assert 0 <= bucket_of(Key(value, mask, 0), divisor) < divisor


class TestHandles:
    @given(st.integers(1, 2**32 - 1))
    def test_of_u32(self, number: int) -> None:
        """A handle in words is the number again, but for a bucket without a node, whose colon tc leaves out."""
        text = handle_text(number)
        if number >> 20:
            assert parse_handle(text) == number
        assert handle_text(number, raw=True) == f"{text}[{number:08x}]"
        assert parse_handle(f"{number:#x}") == number

    @given(st.text(st.sampled_from("0123456789abcdefx:/g"), min_size=1, max_size=12))
    def test_any_text(self, word: str) -> None:
        for name in kinds.names():
            kind = kinds.find(name)
            assert kind is not None
            try:
                assert 0 <= kind.handle(word) < 2**32
            except (ValueError, InvalidOptionsError):
                continue

    @pytest.mark.parametrize(
        ("line", "handle"),
        [
            ("handle 800::5 u32 order 5 match u32 0 0", "0x80000005"),
            ("u32 order 5 match u32 0 0", "0x5"),
            ("handle 800: u32 order 5 match u32 0 0", "0x80000005"),
            ("handle 6/0xff fw classid 1:1", "6"),
            ("handle 6/0xff fw", "6/0xff"),
        ],
    )
    def test_that_depend_on_options(self, line: str, handle: str) -> None:
        assert parse(f"filter add dev em1 {line}").selector.handle == handle


class TestFwAndMatchall:
    @pytest.mark.parametrize(
        ("line", "options"),
        [
            ("handle 6 fw classid 1:1", FwOptions(Handle(1, 1))),
            ("handle 6/7 fw fl 1:1", FwOptions(Handle(1, 1), mask=7)),
            ("fw indev lo", FwOptions(incoming="lo")),
            ("matchall flowid 1:1", MatchallOptions(Handle(1, 1))),
            ("matchall skip_hw", MatchallOptions(flags=1)),
            ("matchall skip_sw cl 1:2", MatchallOptions(Handle(1, 2), 2)),
            ("fw", None),
            ("matchall", None),
            ("u32", None),
        ],
    )
    def test_words(self, line: str, options: object) -> None:
        assert options_of(line) == options

    @given(classids, numbers, st.one_of(st.none(), numbers))
    def test_fw_is_shown_as_it_was_given(self, classid: Handle, mark: int, mask: int | None) -> None:
        behind = "" if mask is None else f"/{mask:#x}"
        command = parse(f"filter add dev em1 handle {mark:#x}{behind} fw classid {classid}")
        assert command.options.mask == mask
        text, members = shown("fw", command.options, handle=mark)
        assert f"classid {classid} " in text
        assert members["classid"] == str(classid)
        if mark or mask is not None:
            assert int(members["fw"]["mark"], 16) == mark
            assert int(members["fw"]["mask"], 16) == (0xFFFFFFFF if mask is None else mask)

    @given(classids, st.integers(1, 2**32 - 1), st.integers(0, 2**64 - 1))
    def test_matchall_is_shown_as_it_was_given(self, classid: Handle, handle: int, hits: int) -> None:
        options = options_of(f"handle {handle} matchall flowid {classid} skip_hw")
        more = (("TCA_MATCHALL_PCNT", struct.pack("=Q", hits)),)
        text, members = shown("matchall", options, handle=handle, about=Shown(statistics=True), more=more)
        assert text == f"handle {handle:#x} flowid {classid} \n  skip_hw (rule hit {hits})"
        assert members == {"handle": handle, "flowid": str(classid), "skip_hw": True, "rule_hit": hits}


class TestU32Shown:
    def test_counters(self) -> None:
        options = u32("match u32 1 1 match u32 2 2 at 4 flowid 1:1")
        more = (("TCA_U32_PCNT", struct.pack("=4Q", 9, 3, 5, 4)),)
        text, members = shown("u32", options, about=Shown(statistics=True), more=more)
        assert text == (
            "*flowid 1:1 (rule hit 9 success 3)\n  match 00000001/00000001 at 0 (success 5 ) "
            "\n  match 00000002/00000002 at 4 (success 4 ) "
        )
        assert (members["rule_hit"], members["rule_success"]) == (9, 3)
        assert [match["success"] for match in members["matches"]] == [5, 4]
        assert "success" not in shown("u32", options, more=more)[0]

    def test_counters_that_are_cut_off(self) -> None:
        more = (("TCA_U32_PCNT", struct.pack("=2Q", 9, 3)),)
        text, _ = shown("u32", u32("match u32 1 1"), about=Shown(statistics=True), more=more)
        assert text.endswith("(success 0 ) ")

    @given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.sampled_from([12, 16]))
    def test_pretty_addresses(self, number: int, length: int, at: int) -> None:
        """What -pretty says can be said again."""
        options = u32(f"match ip {'src' if at == 12 else 'dst'} {ipaddress.IPv4Address(number)}/{length}")
        text, members = shown("u32", options, protocol=0x800, about=Shown(pretty=True))
        words = text.split("match IP ")[1]
        assert u32(f"match ip {words}") == options
        assert str(length) == words.rpartition("/")[2]
        assert members["match"][words.split()[0]]["prefixlen"] == length


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("filter add block 7 u32", ModifyFilter("add", FilterSelector(protocol=3, block=7), "u32")),
        ("filter del b 7 pref 5", DeleteFilter("delete", FilterSelector(pref=5, block=7))),
        (
            "filter add dev em1 e 1s 4s u32",
            ModifyFilter("add", FilterSelector("em1", protocol=3), "u32", estimator=b"\x00\x02"),
        ),
        ("filter show block 7 chain 3", ShowFilters(FilterSelector(block=7, chain=3))),
        ("filter ls dev em1 pref 65541", ShowFilters(FilterSelector("em1", pref=65541))),
        ("filter list dev em1 handle 5", ShowFilters(FilterSelector("em1"), "5")),
        (
            "filter get block 7 protocol ip pref 5 handle 1 fw",
            GetFilter(FilterSelector(protocol=0x800, pref=5, handle="1", block=7), "fw"),
        ),
        ("filter add dev em1 flower", ModifyFilter("add", FilterSelector("em1", protocol=3), "flower")),
        ("chain", ShowChains(FilterSelector())),
        ("ch ls dev em1 ingress", ShowChains(FilterSelector("em1", INGRESS))),
        (
            "chain add dev em1 ingress chain 5",
            AddChain("add", FilterSelector("em1", INGRESS, chain=5)),
        ),
        ("chain del block 7 chain 5", DeleteChain("delete", FilterSelector(block=7, chain=5))),
        ("chain get dev em1 parent 1: chain 5", GetChain(FilterSelector("em1", Handle(1, 0), chain=5))),
    ],
)
def test_commands(line: str, command: object) -> None:
    assert parse(line) == command


@given(
    st.lists(st.sampled_from(WORDS), max_size=12),
    st.sampled_from(
        [
            "filter add dev em1 u32",
            "filter",
            "chain",
            "filter add dev em1 ingress handle 1 fw",
            "filter add block 5 matchall",
            "filter add u32 match ip",
        ]
    ),
)
def test_any_words(words: list[str], before: str) -> None:
    """A command, or an error that says what is wrong; never anything else."""
    try:
        parse_words([*before.split(), *words])
    except (HelpRequested, PytcError) as error:
        assert str(error)


@given(
    st.lists(st.text(max_size=12), max_size=6),
    st.sampled_from(
        [
            "match",
            "sample",
            "offset",
            "hashkey",
            "ht",
            "link",
            "match ip src",
            "match ip6 dst",
            "match u32",
            "match ether src",
            "match mark",
            "divisor",
            "order",
        ]
    ),
)
def test_any_text(words: list[str], before: str) -> None:
    try:
        parse_words(["filter", "add", "dev", "em1", "u32", *before.split(), *words])
    except (HelpRequested, PytcError) as error:
        assert isinstance(error, (HelpRequested, UsageError, InvalidOptionsError))


@pytest.mark.parametrize("table", ["filters"])
def test_all_lines_have_options_that_can_be_encoded_and_shown(table: str) -> None:
    """Without a kernel: what is encoded is decoded to what can be shown."""
    seen = 0
    for step in steps(table):
        for words in step.on("t0"):
            command = parse_words(words)
            if not isinstance(command, FilterChange) or command.options is None or command.kind == "bpf":
                continue
            assert isinstance(command.options, (U32Options, FwOptions, MatchallOptions))
            text, _ = shown(command.kind, command.options, protocol=command.selector.protocol)
            assert "{" not in text
            seen += 1
    assert seen > 130


def test_classids_of_filters() -> None:
    assert options_of("matchall classid root").classid == parse_classid("root")
