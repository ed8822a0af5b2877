"""All kinds of filters: words to options, options to attributes and back to what is shown, without a kernel."""

from __future__ import annotations

import struct

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
from pytc.render.documents import Display
from pytc.tc.filters.requests import FilterChange
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.filter import DeclaredFilterOptions
from pytc.tc.kinds.filters.u32 import parse_handle
from pytc.tc.kinds.shared.u32_selector import Key, Selector, hash_bucket, merge_keys
from pytc.tc.kinds.shared.u32_text import handle_text
from tests.compat.lines import steps
from tests.unit.tc.kinds.filter_lines import described, options_of, parse, raises_value_error

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


@pytest.mark.parametrize("name", kinds.names())
def test_help_begins_as_programs_look_for_it(name: str) -> None:
    """shorewall asks for ``^Usage`` to know whether there is such a filter."""
    kind = kinds.find(name)
    assert kind is not None
    assert kind.usage().startswith("Usage: ... ")


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
        """The layout is that of struct tc_u32_sel on x86-64."""
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
        """A word at each place matches the merge_keys keys when it matches each of them."""
        try:
            found = merge_keys(given_keys)
        except ValueError:
            assert any(
                (one.value ^ other.value) & one.mask & other.mask
                for one in given_keys
                for other in given_keys
                if one.offset == other.offset
            )
            return
        assert len({key.offset for key in found}) == len(found)
        for key in given_keys:
            [of_place] = [one for one in found if one.offset == key.offset]
            assert of_place.mask & key.mask == key.mask
            assert of_place.value & key.mask == key.value & key.mask

    def test_no_more_than_128(self) -> None:
        assert len(merge_keys(Key(0, 0, 4 * number) for number in range(128))) == 128
        assert raises_value_error(lambda: merge_keys(Key(0, 0, 4 * number) for number in range(129)))
        assert raises_value_error(lambda: merge_keys([Key(0, 0, 2)]))

    @given(numbers, numbers, st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128, 256]))
    def test_buckets(self, value: int, mask: int, divisor: int) -> None:
        assert 0 <= hash_bucket(Key(value, mask, 0), divisor) < divisor


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
            ("handle 6 fw classid 1:1", DeclaredFilterOptions({"CLASSID": Handle(1, 1)})),
            ("handle 6/7 fw fl 1:1", DeclaredFilterOptions({"CLASSID": Handle(1, 1), "MASK": 7})),
            ("fw indev lo", DeclaredFilterOptions({"INDEV": "lo"})),
            ("matchall flowid 1:1", DeclaredFilterOptions({"CLASSID": Handle(1, 1)})),
            ("matchall skip_hw", DeclaredFilterOptions({"FLAGS": 1})),
            ("matchall skip_sw cl 1:2", DeclaredFilterOptions({"CLASSID": Handle(1, 2), "FLAGS": 2})),
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
        assert command.options.values.get("MASK") == mask
        text, members = described("fw", command.options, handle=mark)
        assert f"classid {classid} " in text
        assert members["classid"] == str(classid)
        if mark or mask is not None:
            assert int(members["fw"]["mark"], 16) == mark
            assert int(members["fw"]["mask"], 16) == (0xFFFFFFFF if mask is None else mask)

    @given(classids, st.integers(1, 2**32 - 1), st.integers(0, 2**64 - 1))
    def test_matchall_is_shown_as_it_was_given(self, classid: Handle, handle: int, hits: int) -> None:
        options = options_of(f"handle {handle} matchall flowid {classid} skip_hw")
        more = (("TCA_MATCHALL_PCNT", struct.pack("=Q", hits)),)
        text, members = described("matchall", options, handle=handle, about=Display(statistics=True), more=more)
        assert text == f"handle {handle:#x} flowid {classid} \n  skip_hw (rule hit {hits})"
        assert members == {"handle": handle, "flowid": str(classid), "skip_hw": True, "rule_hit": hits}


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
        ("filter add dev em1 nosuch", ModifyFilter("add", FilterSelector("em1", protocol=3), "nosuch")),
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
            assert isinstance(command.options, DeclaredFilterOptions)
            text, _ = described(command.kind, command.options, protocol=command.selector.protocol)
            assert "{" not in text
            seen += 1
    assert seen > 130


def test_classids_of_filters() -> None:
    assert options_of("matchall classid root").values == {"CLASSID": parse_classid("root")}
