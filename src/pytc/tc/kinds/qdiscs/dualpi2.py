"""The ``dualpi2`` qdisc: low latency and classic traffic in two coupled queues, RFC 9332 (tc-dualpi2(8);
include/uapi/linux/pkt_sched.h, net/sched/sch_dualpi2.c). It came with Linux 6.17 and tc 6.17."""

from __future__ import annotations

import re
import struct

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import DECIMAL, TIME, Declared, Form, Option, rows
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import six_digits
from pytc.tc.rates import format_time, parse_percent, parse_time
from pytc.words.engine import signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.render.documents import Display, Document
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View

_U8, _U32 = 0xFF, 0xFFFFFFFF
#: alpha and beta are in parts of 1/256; more than this the kernel does not take.
_SCALE, _MOST = 256, (2 << 23) - 1
_FLOAT = struct.Struct("=f")
_MICROSECONDS = 1_000_000
_TYPICAL = 6  # max_rtt is as many times typical_rtt
_PACKETS = re.compile(r"([0-9]+)(?:p|pkt|pkts|packet|packets)", re.ASCII)
_STATISTICS = Layout(
    "8Ii3I",
    "prob delay_c delay_l packets_in_c packets_in_l maxq ecn_mark step_marks credit memory_used max_memory_used "
    "memory_limit",
)


def _single(number: float) -> float:
    """Return a number with the precision of C's float; raises ValueError for one that is too large for it."""
    try:
        single: float = _FLOAT.unpack(_FLOAT.pack(number))[0]
    except OverflowError:
        raise ValueError(number) from None
    return single


def _gain(word: str) -> int:
    number = _single(float(word) if word.strip() == word and "_" not in word else float("nan"))
    if not 0 <= number <= _MOST:
        raise ValueError(word)
    return int(number * _SCALE)


def _percentage(word: str) -> int:
    number = round(parse_percent(word) * 100)
    if not 0 <= number <= 100:
        raise ValueError(word)
    return number


def _factor(word: str) -> int:
    number: int = signed(0x7FFFFFFF)(word)
    if not 0 <= number <= _U8:
        raise ValueError(word)
    return number


def _threshold(word: str) -> tuple[str, int]:
    """Return the attribute for a time, or for packets."""
    try:
        return "STEP_THRESH_US", parse_time(word)
    except ValueError:
        packets = _PACKETS.fullmatch(word)
        if packets is None or int(packets[1]) > _U32:
            raise
        return "STEP_THRESH_PKTS", int(packets[1])


def _check(values: Values) -> None:
    """Replace the round-trip times by what follows from them (RFC 9332, appendix A.1)."""
    attribute, threshold = values.get("step_thresh", ("", 0))
    if threshold:
        values[attribute] = threshold
    most, typical = values.get("max_rtt", 0), values.get("typical_rtt", 0)
    if not most and not typical:
        return
    typical = typical or max(most // _TYPICAL, 1)
    most = most or typical * _TYPICAL & _U32
    if typical > most:
        raise InvalidOptionsError(
            "typical_rtt must be <= max_rtt!", hints=(f"they are {format_time(typical)} and {format_time(most)}",)
        )
    update = max(int(min(typical, most / 3.0)), 1)
    alpha = update / most / most * _MICROSECONDS * _single(0.1)
    beta = _single(0.3) / most * _MICROSECONDS
    if beta > _MOST:
        raise InvalidOptionsError(f"max_rtt={format_time(most)} is too low and cause beta to overflow!")
    if min(alpha, beta) < 1 / _SCALE:
        raise InvalidOptionsError(
            f"Large max_rtt={format_time(most)} rounds down alpha={alpha:f} and/or beta={beta:f}!"
        )
    values |= {"TARGET": typical, "TUPDATE": update, "ALPHA": int(alpha * _SCALE), "BETA": int(beta * _SCALE)}


def _statistics(raw: bytes, display: Display) -> Document:
    if len(raw) < _STATISTICS.size:
        return ()
    values = _STATISTICS.unpack(raw)
    share = values["prob"] / _U32

    def field(key: str, into: str, text: str) -> Field:
        return Field(key, values[into], text.format(values[into]))

    queue = "C-queue" if values["credit"] > 0 else "L-queue"
    return [
        Field("prob", six_digits(share), f"prob {share:f} "),
        field("delay-c", "delay_c", "delay_c {}us "),
        field("delay-l", "delay_l", "delay_l {}us\n"),
        field("pkts-in-c", "packets_in_c", "pkts_in_c {} "),
        field("pkts-in-l", "packets_in_l", "pkts_in_l {} "),
        field("maxq", "maxq", "maxq {}\n"),
        field("ecn-mark", "ecn_mark", "ecn_mark {} "),
        field("step-mark", "step_marks", "step_mark {}\n"),
        field("credit", "credit", "credit {} " + f"({queue})\n"),
        field("memory-used", "memory_used", "memory_used {} "),
        field("max-memory-used", "max_memory_used", "(max {}) "),
        field("memory-limit", "memory_limit", "of memory limit {}\n"),
    ]


def _spelled(key: str, text: str) -> Any:
    """Return how a number is shown: ``text`` has a place for it."""
    return lambda _, value, display: Field(key, value, text.format(value))


def _choice(key: str, names: dict[int, tuple[str, str]]) -> Any:
    """Return how a number is shown that has a name, in text and in JSON."""

    def show(_: str, value: int, display: Display) -> Field:
        text, json = names[value if value in names else max(names)]
        return Field(key, json, f"{text} ")

    return show


def _show_threshold(values: Values, view: View) -> list[Field]:
    packets, time = values.get("STEP_THRESH_PKTS"), values.get("STEP_THRESH_US")
    fields = [Field("step-thresh-pkts", packets, f"step_thresh {packets}p ")] if packets is not None else []
    fields += [Field("step-thresh-us", time, f"step_thresh {format_time(time)} ")] if time is not None else []
    return fields


def _gain_field(name: str, value: int, display: Display) -> Field:
    gain = value / _SCALE
    return Field(name, six_digits(gain), f"{name} {gain:f} ")


def _split_field(_: str, value: int, display: Display) -> Field:
    return Field("split-gso", None, "split_gso ") if value else Field("", text="no_split_gso ")


_PACKETS_LIMIT = DECIMAL._replace(name="PACKETS", show=_spelled("limit", "limit {}p "))
_STEP = Form("{ TIME | PACKETSp }", _threshold)
_GAIN = Form("NUMBER", _gain, _gain_field)


def _choices(key: str, *names: tuple[str, str]) -> tuple[Form, ...]:
    """Return the forms of words that stand for 0, 1 ...; names are those in text and in JSON."""
    show = _choice(key, dict(enumerate(names)))
    return tuple(Form(value=value, show=show) for value in range(len(names)))


_OVERFLOW, _DROP = _choices("drop-overload", ("overflow", "overflow"), ("drop_on_overload", "drop"))
_DEQUEUE, _ENQUEUE = _choices("drop-early", ("drop_dequeue", "drop-dequeue"), ("drop_enqueue", "drop-enqueue"))
_NONE, _L4S, _CLASSIC, _ANY = _choices(
    "ecn-mask", ("", ""), ("l4s_ect", "l4s-ect"), ("any_ect", "any-ect"), ("any_ect", "any-ect")
)

KIND = qdisc(
    "dualpi2",
    Declared(
        options=(
            Option("limit", "LIMIT", _PACKETS_LIMIT, "how many packets may wait {10000}", omit=0),
            Option(
                "memlimit",
                "MEMORY_LIMIT",
                DECIMAL._replace(name="BYTES", show=_spelled("memory-limit", "memlimit {}B ")),
                "how much memory they may take {10000 times the MTU}",
                omit=0,
            ),
            Option("target", "TARGET", TIME, "how long classic packets may wait {15ms}", omit=0),
            Option("tupdate", "TUPDATE", TIME, "how often the probability is computed {16ms}", omit=0),
            Option("alpha", "ALPHA", _GAIN, "how much the delay changes the probability, in Hz {0.16}"),
            Option("beta", "BETA", _GAIN, "how much a change of the delay changes it, in Hz {3.2}"),
            Option(
                "coupling_factor",
                "COUPLING",
                Form("NUMBER", _factor, _spelled("coupling", "coupling_factor {} ")),
                "how much more low-latency packets are marked than classic ones {2}",
            ),
            Option("l4s_ect", "ECN_MASK", _L4S, "low latency is for packets with ECT(1) {l4s_ect}"),
            Option("any_ect", "ECN_MASK", _ANY, "low latency is for all packets with ECN"),
            Option("step_thresh", "step_thresh", _STEP, "mark low-latency packets that waited longer {1ms}"),
            Option(
                "min_qlen_step",
                "MIN_QLEN_STEP",
                DECIMAL._replace(name="PACKETS", show=_spelled("min-qlen-step", "min_qlen_step {}p ")),
                "only when more of them wait than this {0}",
            ),
            Option("overflow", "DROP_OVERLOAD", _OVERFLOW, "on overload, let the queues grow to the limit"),
            Option("drop_on_overload", "DROP_OVERLOAD", _DROP, "on overload, drop in both queues {drop_on_overload}"),
            Option("drop_enqueue", "DROP_EARLY", _ENQUEUE, "drop classic packets when they come"),
            Option("drop_dequeue", "DROP_EARLY", _DEQUEUE, "drop classic packets when they go out {drop_dequeue}"),
            Option("split_gso", "SPLIT_GSO", Form(value=1, show=_split_field), "split large packets {split_gso}"),
            Option("no_split_gso", "SPLIT_GSO", Form(value=0, show=_split_field), "leave large packets whole"),
            Option(
                "classic_protection",
                "C_PROTECTION",
                Form("PERCENT", _percentage, _spelled("c-protection", "classic_protection {}% ")),
                "the least share of the bandwidth for classic packets {10%}",
            ),
            Option("max_rtt", "max_rtt", TIME, "the longest round-trip time; sets target, tupdate, alpha and beta"),
            Option("typical_rtt", "typical_rtt", TIME, "the usual one, the same {a sixth of max_rtt}"),
        ),
        sent="LIMIT MEMORY_LIMIT TUPDATE TARGET ALPHA BETA ECN_MASK DROP_OVERLOAD COUPLING SPLIT_GSO STEP_THRESH_PKTS "
        "STEP_THRESH_US MIN_QLEN_STEP DROP_EARLY C_PROTECTION",
        shown=(
            "limit memlimit target tupdate alpha beta",
            _show_threshold,
            "min_qlen_step coupling_factor overflow drop_dequeue classic_protection l4s_ect split_gso",
        ),
        check=_check,
    ),
    prefix="TCA_DUALPI2",
    attributes=(
        *rows("uint32", "LIMIT MEMORY_LIMIT TARGET TUPDATE ALPHA BETA STEP_THRESH_PKTS STEP_THRESH_US MIN_QLEN_STEP"),
        *rows("uint8", "COUPLING DROP_OVERLOAD DROP_EARLY C_PROTECTION ECN_MASK SPLIT_GSO"),
    ),
    statistics=_statistics,
    nested=True,
)
