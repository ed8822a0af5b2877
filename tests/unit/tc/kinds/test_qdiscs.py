"""All kinds of qdiscs: any words are options or an error, any bytes can be shown, and what is encoded comes back."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.usage import topics, usage
from pytc.errors import HelpRequested, InvalidOptionsError, PytcError
from pytc.netlink.schema import split_attributes
from pytc.render.documents import Display
from pytc.render.json import render as as_json
from pytc.render.text import render
from pytc.tc.clock import Clock
from pytc.tc.kinds import qdiscs
from pytc.tc.kinds.interface import QdiscEnv
from pytc.tc.kinds.qdiscs import netem
from pytc.tc.kinds.shared.fields import unknown_options
from pytc.words.engine import Cursor
from tests.compat.lines import steps

if TYPE_CHECKING:
    from pytc.render.documents import Document
    from pytc.tc.kinds.interface import AnyQdiscKind

CLOCK = Clock()
#: A device of 10 Gbit/s, and a distribution of three numbers.
AROUND = QdiscEnv(CLOCK, lambda: 10_000, lambda name: (-1, 0, 1))
SHOWN = [Display(), Display(details=True), Display(statistics=True), Display(details=True, statistics=True)]
#: Every word of tables of lines, and some that make no sense.
WORDS = sorted(
    {
        word
        for table in ("qdiscs", "queues", "schedulers")
        for step in steps(table)
        for words in step.on("D")
        for word in words
    }
    | {"", "-1", "0", "4294967296", "1e400", "50%", "101%", "x", "help", "5k/8", "9" * 20, "%"}
)


def kinds() -> list[AnyQdiscKind]:
    found = [qdiscs.find(name) for name in qdiscs.names()]
    return [kind for kind in found if kind is not None]


CLASSFUL = [kind for kind in kinds() if kind.parse_class is not None]


def show(document: Document) -> str:
    """Both forms; the JSON has to be JSON."""
    assert len(json.loads(as_json([document]))) == 1
    json.loads(as_json([document], pretty=True))
    return render([document])


def show_options(kind: AnyQdiscKind, raw: bytes) -> None:
    attributes = kind.schema.decode(raw, kind.header)
    for shown in SHOWN:
        show(kind.document(attributes, shown, CLOCK))
        if kind.document_class is not None:
            show(kind.document_class(attributes, shown, CLOCK))


def test_each_module_has_the_kind_of_its_name() -> None:
    assert [kind.name for kind in kinds()] == qdiscs.names()


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
def test_help(kind: AnyQdiscKind) -> None:
    with pytest.raises(HelpRequested) as request:
        kind.parse(Cursor(["help"]))
    assert usage(request.value.topic) == kind.usage()
    assert kind.usage().startswith(("Usage: ... ", "Usage: ... qdisc add ... "))
    assert kind.usage().endswith("\n")
    assert f"qdisc {kind.name}" in topics()
    assert (f"class {kind.name}" in topics()) == (kind.parse_class is not None)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
@given(words=st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=12))
def test_any_words_are_options_or_an_error(kind: AnyQdiscKind, words: list[str]) -> None:
    for parse, encode in ((kind.parse, kind.encode), (kind.parse_class, kind.encode_class)):
        if parse is None or encode is None:
            continue
        try:
            sent = encode(parse(Cursor(words)), AROUND)
        except PytcError:
            continue
        if sent is not None:
            show_options(kind, kind.schema.encode(sent))


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.name)
@given(raw=st.binary(max_size=300))
def test_any_bytes_can_be_shown(kind: AnyQdiscKind, raw: bytes) -> None:
    show_options(kind, raw)
    for statistics in (kind.statistics, kind.class_statistics):
        if statistics is not None:
            show(statistics(raw, Display()))


@pytest.mark.parametrize("kind", [kind for kind in kinds() if kind.schema.rows], ids=lambda kind: kind.name)
@given(structure=st.binary(max_size=40), attributes=st.lists(st.tuples(st.integers(0, 20), st.binary(max_size=60))))
def test_any_attributes_can_be_shown(kind: AnyQdiscKind, structure: bytes, attributes: list[tuple[int, bytes]]) -> None:
    packed = b"".join(
        (len(payload) + 4).to_bytes(2, "little") + number.to_bytes(2, "little") + payload + bytes(-len(payload) % 4)
        for number, payload in attributes
    )
    show_options(kind, structure.ljust(kind.header, b"\xff")[: kind.header] + packed)


@given(st.binary(max_size=20))
def test_options_that_nobody_knows(raw: bytes) -> None:
    assert show(unknown_options("qdisc", raw)) == (f"[Unknown qdisc, optlen={len(raw)}] " if raw else "")


def described(line: str, *, details: bool = False) -> str:
    """Return the text that pytc would show of its own request."""
    name, *words = line.split()
    kind = qdiscs.find(name)
    assert kind is not None
    sent = kind.encode(kind.parse(Cursor(words)), AROUND)
    assert sent is not None
    attributes = kind.schema.decode(kind.schema.encode(sent), kind.header)
    return show(kind.document(attributes, Display(details=details), CLOCK))


@pytest.mark.parametrize(
    "line, text",
    [
        ("sfq limit 9 depth 3 headdrop flows 7 divisor 4", "limit 9p quantum 0b depth 3 headdrop flows 7 divisor 4 "),
        (
            "tbf rate 1mbit burst 5k/8 limit 30k overhead 3",
            "rate 1Mbit burst 5Kb/8 mpu 0b lat 205ms overhead 3 linklayer ethernet ",
        ),
        ("fq buckets 2000 pacing", "buckets 2048 "),
    ],
)
def test_details(line: str, text: str) -> None:
    assert described(line, details=True) == text


@pytest.mark.parametrize(
    "name, raw, text",
    [  # as tc prints them
        ("sfq", struct.pack("=i", -5), "  allot -5"),
        (
            "fq",
            struct.pack("=7Qq4I3Q", 1, 2, 0, 3, 0, 0, 0, 0, 4, 5, 6, 0, 0, 0, 0),
            "  flows 4 (inactive 5 throttled 6) band0_pkts 0 band1_pkts 0 band2_pkts 0\n  gc 1 highprio 2 throttled 3",
        ),
        (
            "fq",
            struct.pack("=7Qq4I3Q", 1, 2, 3, 4, 5, 6, 7, 8000, 9, 10, 11, 1200, 13, 14, 15),
            "  flows 9 (inactive 10 throttled 11) band0_pkts 0 band1_pkts 0 band2_pkts 0 next_packet_delay 8us\n"
            "  gc 1 highprio 2 retrans 3 throttled 4 latency 1.2us ce_mark 13 flows_plimit 5\n"
            " pkts_too_long 6 alloc_errors 7 horizon_drops 14  horizon_caps 15",
        ),
        (
            "codel",
            struct.pack("=4Ii4I", 1, 2, 3, 4000, -5000, 6, 7, 1, 8),
            "  count 2 lastcount 3 ldelay 4ms dropping drop_next -5ms\n"
            "  maxpacket 1 ecn_mark 7 drop_overlimit 6 ce_mark 8",
        ),
        (
            "pie",
            struct.pack("=Q8I", 2**62, 5000, 6, 1, 7, 8, 9, 10, 11),
            "  prob 0.25 delay 5ms avg_dq_rate 6\n  pkts_in 7 overlimit 9 dropped 8 maxq 10 ecn_mark 11",
        ),
        (
            "fq_pie",
            struct.pack("=9I", *range(1, 10)),
            "  pkts_in 1 overlimit 3 overmemory 4 dropped 2 ecn_mark 5\n"
            "  new_flow_count 6 new_flows_len 7 old_flows_len 8 memory_used 9",
        ),
        (
            "sfb",
            struct.pack("=9I", 1, 2, 3, 4, 5, 6, 7, 8, 9),
            "  earlydrop 1 penaltydrop 2 bucketdrop 3 queuedrop 4 childdrop 5 marked 6\n"
            "  maxqlen 7 maxprob 0.000122072 avgprob 0.000137331",
        ),
        (
            "fq_codel",
            struct.pack("=10I", 0, 1, 2, 3, 4, 5, 6, 0, 0, 0),
            "  maxpacket 1 drop_overlimit 2 new_flow_count 4 ecn_mark 3\n  new_flows_len 5 old_flows_len 6",
        ),
        (
            "fq_codel",
            struct.pack("=10I", 0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
            "  maxpacket 1 drop_overlimit 2 new_flow_count 4 ecn_mark 3 ce_mark 7 memory_used 8 drop_overmemory 9\n"
            "  new_flows_len 5 old_flows_len 6",
        ),
        ("fq_codel", struct.pack("=Ii4Ii", 1, -2, 1500, 4, 5, 0, 7), "  deficit -2 count 4 lastcount 5 ldelay 1.5ms"),
        (
            "fq_codel",
            struct.pack("=Ii4Ii", 1, -2, 3, 4, 5, 1, -7000),
            "  deficit -2 count 4 lastcount 5 ldelay 3us dropping drop_next -7ms",
        ),
        ("fq_codel", struct.pack("=I", 2), ""),
    ],
)
def test_statistics(name: str, raw: bytes, text: str) -> None:
    kind = qdiscs.find(name)
    assert kind is not None
    assert kind.statistics is not None
    assert show(kind.statistics(raw, Display())) == text


def test_classes_of_drr() -> None:
    kind = qdiscs.find("drr")
    assert kind is not None
    assert kind.parse_class is not None
    assert kind.encode_class is not None
    assert kind.class_statistics is not None
    for words, sent in (("", []), ("quantum 0", [0]), ("quantum 2k", [2048]), ("quantum 1 quantum 5", [5])):
        encoded = kind.encode_class(kind.parse_class(Cursor(words.split())), AROUND)
        assert encoded == [("TCA_DRR_QUANTUM", value) for value in sent]
    assert kind.document_class is not None
    assert show(kind.document_class({"TCA_DRR_QUANTUM": 3000}, Display(), CLOCK)) == "quantum 3000b "
    assert show(kind.class_statistics(struct.pack("=I", 2048), Display())) == " deficit 2Kb "


@pytest.mark.parametrize(
    "line, text",
    [
        (
            "fq limit 1 flow_limit 2 buckets 3 orphan_mask 4 quantum 5120 initial_quantum 6 defrate 8kbit "
            "low_rate_threshold 8kbit",
            "limit 1p flow_limit 2p buckets 4 orphan_mask 4 quantum 5Kb initial_quantum 6b defrate 8Kbit "
            "low_rate_threshold 8Kbit ",
        ),
        (
            "fq refill_delay 30ms ce_threshold 1s horizon 10s horizon_drop",
            "refill_delay 30ms ce_threshold 1s horizon 10s horizon_drop ",
        ),
        (
            "fq_codel flows 2 quantum 3 ce_threshold 4 interval 5ms memory_limit 6m ecn drop_batch 7",
            "flows 2 quantum 3 ce_threshold 4us interval 5ms memory_limit 6Mb ecn drop_batch 7 ",
        ),
        (
            "netem delay 1ms reorder 25% 50% corrupt 3% 4% loss 5% 6% gap 2 ecn limit 9",
            "limit 9 delay 1ms loss 5% 6% reorder 25% 50% corrupt 3% 4% ecn  gap 2",
        ),
        ("pfifo limit 7", "limit 7p"),
        ("bfifo limit 15k", "limit 15Kb"),
        ("pfifo_head_drop limit 1e3", "limit 1000p"),
        ("prio bands 2 priomap 1 0", "bands 2 priomap 1 0 2 2 1 2 0 0 1 1 1 1 1 1 1 1"),
        ("tbf rate 1mbit burst 5k latency 70ms", "rate 1Mbit burst 5Kb lat 70ms "),
        (
            "tbf rate 10% burst 1m limit 10m peakrate 2gbit mtu 64k",
            "rate 1Gbit burst 1Mb peakrate 2Gbit minburst 64Kb lat 75.5ms ",
        ),
        ("sfq perturb 7 quantum 2k", "limit 0p quantum 2Kb divisor 0 perturb 7sec "),
        (
            "sfq redflowlimit 100000 ecn",
            "limit 0p quantum 0b divisor 0 ewma 3 min 8333b max 25000b probability 0.02 ecn ",
        ),
        (
            "fq limit 5 nopacing maxrate 10% timer_slack 5us horizon_cap",
            "limit 5p nopacing maxrate 1Gbit timer_slack 5us horizon_cap ",
        ),
        (
            "fq_codel limit 5 target 5ms noecn ce_threshold_selector 1/3",
            "limit 5p target 5ms ce_threshold_selector 0x1/0x3 ",
        ),
        ("netem", "limit 1000"),
        ("netem delay 100ms 10ms 25%", "limit 1000 delay 100ms  10ms 25%"),
        ("netem loss state 5", "limit 1000 loss state p13 5% p31 95% p32 0% p23 100% p14 0%"),
        ("netem loss gemodel 1 2 70", "limit 1000 loss gemodel p 1% r 2% 1-h 70% 1-k 0%"),
        ("netem duplicate 1% 50%", "limit 1000 duplicate 1% 50%"),
        ("netem rate 50gbit -5 7 -9", "limit 1000 rate 50Gbit packetoverhead -5 cellsize 7 celloverhead -9"),
        ("netem slot distribution normal 1ms 5us b 3", "limit 1000 slot distribution 1ms 5us bytes 3"),
    ],
)
def test_what_is_sent_is_shown(line: str, text: str) -> None:
    assert described(line) == text


def test_distributions_follow_the_options() -> None:
    words = "delay 1ms 1ms distribution normal slot distribution pareto 1 2".split()
    sent = netem.KIND.encode(netem.KIND.parse(Cursor(words)), AROUND)
    assert sent is not None
    raw = netem.KIND.schema.encode(sent)[netem.KIND.header :]
    assert [number for number, _ in split_attributes(raw)] == [10, 11, 12, 2, 13]
    assert dict(split_attributes(raw))[2] == b"\xff\xff\0\0\1\0"


@pytest.mark.parametrize("line", ["tbf rate 5% burst 5k limit 5k", "fq maxrate 5%", "netem rate 5%"])
def test_a_percentage_without_a_speed(line: str) -> None:
    def speed() -> int:
        raise InvalidOptionsError("unknown")

    name, *words = line.split()
    kind = qdiscs.find(name)
    assert kind is not None
    with pytest.raises(InvalidOptionsError, match="unknown"):
        kind.encode(kind.parse(Cursor(words)), AROUND._replace(speed=speed))
