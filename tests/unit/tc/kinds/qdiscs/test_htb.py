"""htb: words to attributes and attributes to fields, without a kernel."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytc.errors import HelpRequested, InvalidOptionsError, PytcError
from pytc.render.documents import Display
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv
from pytc.tc.kinds.qdisc import Options
from pytc.tc.kinds.qdiscs.htb import KIND
from pytc.tc.kinds.shared.ratespec import Burst
from pytc.words.engine import Cursor

CLOCK = Clock()
#: A device of 10 Gbit/s.
AROUND = QdiscEnv(CLOCK, lambda: 10_000, lambda name: ())


assert KIND.parse_class is not None
assert KIND.encode_class is not None
assert KIND.document_class is not None
assert KIND.class_statistics is not None
read_class_words, encode_class, document_class = KIND.parse_class, KIND.encode_class, KIND.document_class
class_statistics = KIND.class_statistics


def read_qdisc(line: str) -> dict[str, object]:
    return dict(KIND.parse(Cursor(line.split())).values)


def read_class(line: str) -> dict[str, object]:
    return dict(read_class_words(Cursor(line.split())).values)


def encoded_class(line: str) -> dict[str, Any]:
    return dict(encode_class(read_class_words(Cursor(line.split())), AROUND))


def test_layouts() -> None:
    assert len(encoded_class("rate 1mbit")["TCA_HTB_PARMS"]) == 44
    assert dict(KIND.encode(Options({}), AROUND) or ()) == {"TCA_HTB_INIT": struct.pack("=5I", 3, 10, 0, 0, 0)}


def test_words_of_a_qdisc() -> None:
    assert read_qdisc("") == {}
    assert read_qdisc("def 1f r 3 direct 7 deb 0123") == {
        "default": 0x1F,
        "r2q": 3,
        "DIRECT_QLEN": 7,
        "debug": 0b11_10_01_00,
    }
    assert read_qdisc("default 10 default 0x20 offload") == {"default": 0x20, "OFFLOAD": 1}


def test_words_of_a_class() -> None:
    assert read_class("rate 8kbit") == {"rate": 1000}
    assert read_class("rate 8kbit ceil 0 b 5k/8 c 6k p 1 q 2 m 3 mp 4 o 5 l a") == {
        "rate": 1000,
        "ceil": 0,
        "buffer": Burst(5120, 3),
        "cbuffer": Burst(6144),
        "prio": 1,
        "quantum": 2,
        "mtu": 3,
        "mpu": 4,
        "overhead": 5,
        "linklayer": 2,
    }
    assert read_class("rate 8kbit maxburst 1k buffer 2k cbuffer 3k cmaxburst 4k") == {
        "rate": 1000,
        "buffer": Burst(2048),
        "cbuffer": Burst(4096),
    }


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
        "rate 1mbit cburst 5g",
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
    for read, topic in ((KIND.parse, "qdisc htb"), (read_class_words, "class htb")):
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
        options = read_class_words(Cursor(words))
    except PytcError:
        return
    encode_class(options, AROUND)


@pytest.mark.parametrize(
    "line, buffer, cbuffer",
    [  # as the real tc encodes them
        ("rate 10mbit", 20_000, 20_000),
        ("rate 1mbit ceil 5mbit burst 15k", 1_920_000, 40_000),
        ("rate 1gbit", 200, 200),
        ("rate 100gbit", 3, 3),
        ("rate 100gbit burst 5gb cburst 2000", 6_710_887, 3),
        ("rate 1kbit cburst 50m", 200_000_000, 2**32 - 1),
    ],
)
def test_bursts_are_times(line: str, buffer: int, cbuffer: int) -> None:
    parameters = encoded_class(line)["TCA_HTB_PARMS"]
    assert struct.unpack_from("=II", parameters, 24) == (buffer, cbuffer)


def test_bursts_that_take_too_long() -> None:
    with pytest.raises(InvalidOptionsError, match="htb: burst out of range") as refusal:
        encoded_class("rate 1mbit burst 1000000000")
    assert refusal.value.hints == ("at 1000000 bit/s it takes 8000 seconds, and the kernel takes 274 at most",)


def test_wide_rates_have_attributes_of_their_own() -> None:
    attributes = encoded_class("rate 4294967295bps ceil 100gbit")
    assert attributes.keys() == {"TCA_HTB_PARMS", "TCA_HTB_CEIL64"}
    assert attributes["TCA_HTB_CEIL64"] == 12_500_000_000
    assert struct.unpack_from("=I", attributes["TCA_HTB_PARMS"], 20)[0] == 0xFFFFFFFF


@given(st.integers(1, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(1, 2**32 - 1))
def test_what_is_encoded_can_be_decoded_and_shown(rate: int, ceil: int, burst: int, mtu: int) -> None:
    assume(max(burst, mtu) / rate < 274)
    options = Options({"rate": rate, "ceil": ceil, "buffer": Burst(burst), "mtu": mtu})
    attributes = KIND.schema.decode(KIND.schema.encode(encode_class(options, AROUND)))
    shown = as_object(document_class(attributes, Display(details=True), CLOCK))
    assert (shown["rate"], shown["ceil"]) == (rate, ceil or rate)


@given(st.binary(max_size=60))
def test_any_bytes_can_be_shown(raw: bytes) -> None:
    attributes = {"TCA_HTB_PARMS": raw, "TCA_HTB_INIT": raw}
    for shown in (Display(), Display(details=True)):
        render(
            [
                KIND.document(attributes, shown, CLOCK),
                document_class(attributes, shown, CLOCK),
                class_statistics(raw, shown),
            ]
        )
