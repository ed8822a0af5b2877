"""htb: words to attributes and attributes to fields, without a kernel."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import HelpRequested, InvalidOptionsError, PytcError
from pytc.render.documents import Display
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv
from pytc.tc.kinds.qdiscs.htb import (
    KIND,
    HtbClassOptions,
    HtbOptions,
    decode_class,
    encode,
    encode_class,
    parse,
    parse_class,
)
from pytc.tc.kinds.shared.ratespec import Burst
from pytc.words.engine import Cursor

CLOCK = Clock()
#: A device of 10 Gbit/s.
AROUND = QdiscEnv(CLOCK, lambda: 10_000, lambda name: ())


def read_class(line: str) -> HtbClassOptions:
    return parse_class(Cursor(line.split()))


def test_layouts() -> None:
    attributes = dict(encode_class(read_class("rate 1mbit"), AROUND))
    assert len(attributes["TCA_HTB_PARMS"]) == 44
    assert len(dict(encode(HtbOptions(), AROUND))["TCA_HTB_INIT"]) == 20


def test_words_of_a_qdisc() -> None:
    assert parse(Cursor([])) == HtbOptions()
    assert parse(Cursor(["def", "1f", "r", "3", "direct", "7", "deb", "0123"])) == HtbOptions(0x1F, 3, 7, 0b11_10_01_00)
    assert parse(Cursor(["default", "10", "default", "0x20", "offload"])) == HtbOptions(0x20, offload=True)


def test_words_of_a_class() -> None:
    assert read_class("rate 8kbit") == HtbClassOptions(1000)
    assert read_class("rate 8kbit ceil 0 b 5k/8 c 6k p 1 q 2 m 3 mp 4 o 5 l a") == HtbClassOptions(
        1000, 0, Burst(5120, 3), Burst(6144), 1, 2, 3, 4, 5, 2
    )
    assert read_class("rate 8kbit maxburst 1k buffer 2k cbuffer 3k cmaxburst 4k") == HtbClassOptions(
        1000, 0, Burst(2048), Burst(4096)
    )


@pytest.mark.parametrize(
    "line",
    [
        "",
        "rate 0",
        "ceil 1mbit",
        "rate 1mbit rate 1mbit",
        "rate x",
        "rate 150%",
        "rate %%",
        "r 1mbit",
        "rate 1mbit ce 1mbit",
        "rate 1mbit burst 5g",
        "rate 1mbit burst 1k/3",
        "rate 1mbit burst 1k/0",
        "rate 1mbit burst 1k/",
        "rate 1mbit burst /8",
        "rate 1mbit prio 0x3",
        "rate 1mbit mpu 65536",
        "rate 1mbit linklayer x",
        "rate 1mbit bogus",
    ],
)
def test_wrong_words_of_a_class(line: str) -> None:
    with pytest.raises(InvalidOptionsError):
        read_class(line)


def test_help() -> None:
    for read, topic in ((parse, "qdisc htb"), (parse_class, "class htb")):
        with pytest.raises(HelpRequested) as request:
            read(Cursor(["help"]))
        assert request.value.topic == topic


@given(
    st.lists(
        st.sampled_from(
            [
                "rate",
                "ceil",
                "burst",
                "cburst",
                "prio",
                "quantum",
                "mtu",
                "mpu",
                "overhead",
                "linklayer",
                "1mbit",
                "5k",
                "0",
                "7",
                "-1",
                "x",
                "",
            ]
        )
    )
)
def test_any_words_are_options_or_an_error(words: list[str]) -> None:
    try:
        options = parse_class(Cursor(words))
    except PytcError:
        return
    encode_class(options, AROUND)


@pytest.mark.parametrize(
    "line, buffer, cbuffer",
    [  # as the real tc encodes them
        ("rate 10mbit", 20_000, 20_000),
        ("rate 1mbit ceil 5mbit burst 15k", 1_920_000, 40_000),
        ("rate 1gbit", 187, 187),
        ("rate 100gbit", 0, 0),
        ("rate 1mbit burst 1000000000", 2_056_561_152, 200_000),
    ],
)
def test_bursts_are_times(line: str, buffer: int, cbuffer: int) -> None:
    parameters = dict(encode_class(read_class(line), AROUND))["TCA_HTB_PARMS"]
    assert struct.unpack_from("=II", parameters, 24) == (buffer, cbuffer)


def test_wide_rates_have_attributes_of_their_own() -> None:
    attributes = dict(encode_class(read_class("rate 4294967295bps ceil 100gbit"), AROUND))
    assert attributes.keys() == {"TCA_HTB_PARMS", "TCA_HTB_CEIL64"}
    assert attributes["TCA_HTB_CEIL64"] == 12_500_000_000
    assert struct.unpack_from("=I", attributes["TCA_HTB_PARMS"], 20)[0] == 0xFFFFFFFF


@given(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_what_is_encoded_can_be_decoded_and_shown(rate: int, ceil: int, burst: int, mtu: int) -> None:
    options = HtbClassOptions(rate, ceil, Burst(burst), mtu=mtu)
    attributes = KIND.schema.decode(KIND.schema.encode(encode_class(options, AROUND)))
    found = decode_class(attributes, CLOCK)
    assert found is not None
    assert (found.rate.rate, found.ceil.rate) == (rate, ceil or rate)
    assert KIND.document_class is not None
    assert as_object(KIND.document_class(attributes, Display(details=True), CLOCK))["rate"] == rate


@given(st.binary(max_size=60))
def test_any_bytes_can_be_shown(raw: bytes) -> None:
    assert KIND.document_class is not None
    assert KIND.class_statistics is not None
    attributes = {"TCA_HTB_PARMS": raw, "TCA_HTB_INIT": raw}
    for shown in (Display(), Display(details=True)):
        render(
            [
                KIND.document(attributes, shown, CLOCK),
                KIND.document_class(attributes, shown, CLOCK),
                KIND.class_statistics(raw),
            ]
        )
