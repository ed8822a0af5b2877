"""The ``fq`` qdisc: flows in turn, paced (tc-fq(8); include/uapi/linux/pkt_sched.h, net/sched/sch_fq.c)."""

import struct
from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind
from pytc.tc.kinds.shared.fields import counter, number, rate, size, time, time64
from pytc.tc.kinds.shared.ratespec import Rate, bytes_per_second, parse_any_rate
from pytc.tc.rates import format_time64, parse_rate, parse_time, parse_time64
from pytc.words.engine import Cursor, Word, read_options, unsigned

_U32 = 0xFFFFFFFF
#: struct tc_fq_qd_stats of v6.1; later kernels send more behind it.
_STATISTICS = struct.Struct("=7Qq4I3Q")
_USAGE = """\
Usage: ... fq [ limit PACKETS ] [ flow_limit PACKETS ] [ quantum BYTES ] [ initial_quantum BYTES ] [ maxrate RATE ]
              [ buckets NUMBER ] [ pacing | nopacing ] [ refill_delay TIME ] [ low_rate_threshold RATE ]
              [ orphan_mask MASK ] [ timer_slack TIME ] [ ce_threshold TIME ] [ horizon TIME ]
              [ horizon_cap | horizon_drop ]

limit               how many packets may wait {10000}
flow_limit          how many packets of a flow may wait {100}
quantum             how much a flow may send in a turn {twice the MTU}
initial_quantum     how much a new flow may send at first {ten times the MTU}
maxrate             the most that a flow may send {no limit}
buckets             the size of the table of flows {1024}
pacing, nopacing    hold packets back to a flow's rate, or not {pacing}
refill_delay        how long a flow has to be idle for its quantum to be filled again {40ms}
low_rate_threshold  packets of slower flows wait one at a time {550Kbit}
orphan_mask         of the hash of packets without a socket {1023}
timer_slack         how inexact timers may be, in nanoseconds without a unit {10us}
ce_threshold        mark packets that waited longer {never}
horizon             how far in the future a packet may be sent {10s}
horizon_cap, horizon_drop   what happens to packets beyond it {horizon_drop}
"""

_SCHEMA = Schema(
    ("TCA_FQ_UNSPEC", "none"),
    *(
        (f"TCA_FQ_{name}", "uint32")
        for name in (
            "PLIMIT",
            "FLOW_PLIMIT",
            "QUANTUM",
            "INITIAL_QUANTUM",
            "RATE_ENABLE",
            "FLOW_DEFAULT_RATE",
            "FLOW_MAX_RATE",
            "BUCKETS_LOG",
            "FLOW_REFILL_DELAY",
            "ORPHAN_MASK",
            "LOW_RATE_THRESHOLD",
            "CE_THRESHOLD",
            "TIMER_SLACK",
            "HORIZON",
        )
    ),
    ("TCA_FQ_HORIZON_DROP", "uint8"),
)


class FqOptions(NamedTuple):
    """The words of an ``fq`` qdisc; None is left to the kernel.

    Rates are in bytes per second, times in microseconds, ``timer_slack`` in nanoseconds.
    """

    limit: int | None = None
    flow_limit: int | None = None
    quantum: int | None = None
    initial_quantum: int | None = None
    pacing: bool | None = None
    maxrate: Rate | None = None
    low_rate_threshold: int | None = None
    defrate: Rate | None = None
    refill_delay: int | None = None
    orphan_mask: int | None = None
    ce_threshold: int | None = None
    timer_slack: int | None = None
    horizon: int | None = None
    horizon_drop: bool | None = None
    buckets: int = 0


def _narrow_rate(word: str) -> int:
    rate = parse_rate(word)
    if rate > _U32:
        raise ValueError(word)
    return rate


def _any_narrow_rate(word: str) -> Rate:
    return parse_any_rate(word) if "%" in word else _narrow_rate(word)


def _slack(word: str) -> int:
    nanoseconds = parse_time64(word)
    if nanoseconds > _U32:
        raise InvalidOptionsError('Illegal (out of range) "timer_slack"', hints=(f'the value is "{word}"',))
    return nanoseconds


_NUMBER = unsigned(_U32)
_WORDS = (
    Word("limit", "limit", _NUMBER, exact=True, repeat=True),
    Word("flow_limit", "flow_limit", _NUMBER, exact=True, repeat=True),
    Word("buckets", "buckets", _NUMBER, exact=True, repeat=True),
    Word("maxrate", "maxrate", _any_narrow_rate, exact=True, repeat=True),
    Word("low_rate_threshold", "low_rate_threshold", _narrow_rate, exact=True, repeat=True),
    Word("ce_threshold", "ce_threshold", parse_time, exact=True, repeat=True),
    Word("timer_slack", "timer_slack", _slack, exact=True, repeat=True),
    Word("horizon_drop", "horizon_drop", exact=True, repeat=True),
    Word("horizon_cap", "horizon_drop", value=False, exact=True, repeat=True),
    Word("horizon", "horizon", parse_time, exact=True, repeat=True),
    Word("defrate", "defrate", _any_narrow_rate, exact=True, repeat=True),
    Word("quantum", "quantum", _NUMBER, exact=True, repeat=True),
    Word("initial_quantum", "initial_quantum", _NUMBER, exact=True, repeat=True),
    Word("orphan_mask", "orphan_mask", _NUMBER, exact=True, repeat=True, wrong="initial_quantum"),  # as tc calls it
    Word("refill_delay", "refill_delay", parse_time, exact=True, repeat=True),
    Word("pacing", "pacing", exact=True, repeat=True),
    Word("nopacing", "pacing", value=False, exact=True, repeat=True),
)
#: Option and attribute, in the order in which tc sends them.
_SENT = (
    ("limit", "PLIMIT"),
    ("flow_limit", "FLOW_PLIMIT"),
    ("quantum", "QUANTUM"),
    ("initial_quantum", "INITIAL_QUANTUM"),
    ("pacing", "RATE_ENABLE"),
    ("maxrate", "FLOW_MAX_RATE"),
    ("low_rate_threshold", "LOW_RATE_THRESHOLD"),
    ("defrate", "FLOW_DEFAULT_RATE"),
    ("refill_delay", "FLOW_REFILL_DELAY"),
    ("orphan_mask", "ORPHAN_MASK"),
    ("ce_threshold", "CE_THRESHOLD"),
    ("timer_slack", "TIMER_SLACK"),
    ("horizon", "HORIZON"),
    ("horizon_drop", "HORIZON_DROP"),
)


def parse(cursor: Cursor) -> FqOptions:
    """Parse the words after ``fq``; raises InvalidOptionsError, UsageError, HelpRequested."""
    return FqOptions(**read_options(cursor, _WORDS, "qdisc fq"))


def encode(options: FqOptions, env: QdiscEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them; raises PytcError where a percentage has no speed."""
    values = options._asdict()
    values |= {
        name: _check(bytes_per_second(values[name], env), name)
        for name in ("maxrate", "defrate")
        if values[name] is not None
    }
    buckets = [("TCA_FQ_BUCKETS_LOG", (options.buckets - 1).bit_length())] if options.buckets else []
    return [
        *buckets,
        *((f"TCA_FQ_{attribute}", int(values[name])) for name, attribute in _SENT if values[name] is not None),
    ]


def _check(rate: int, name: str) -> int:
    if rate > _U32:
        raise InvalidOptionsError(f'Illegal "{name}"', hints=("it does not fit into 32 bits of bytes per second",))
    return rate


#: Attribute, name, and how it is printed, in tc's order.
_SHOWN = (
    ("ORPHAN_MASK", "orphan_mask", number),
    ("RATE_ENABLE", "", None),
    ("QUANTUM", "quantum", size),
    ("INITIAL_QUANTUM", "initial_quantum", size),
    ("FLOW_MAX_RATE", "maxrate", None),
    ("FLOW_DEFAULT_RATE", "defrate", None),
    ("LOW_RATE_THRESHOLD", "low_rate_threshold", None),
    ("FLOW_REFILL_DELAY", "refill_delay", time),
    ("CE_THRESHOLD", "ce_threshold", time),
    ("TIMER_SLACK", "timer_slack", time64),
    ("HORIZON", "horizon", time),
)
_RATES = ("FLOW_MAX_RATE", "FLOW_DEFAULT_RATE", "LOW_RATE_THRESHOLD")
#: What means that there is nothing to say.
_UNSET = {"FLOW_MAX_RATE": _U32, "FLOW_DEFAULT_RATE": 0, "LOW_RATE_THRESHOLD": 0, "CE_THRESHOLD": _U32}


def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return the document that tc prints."""
    fields = [
        number(name, attributes[f"TCA_FQ_{attribute}"], "p")
        for attribute, name in (("PLIMIT", "limit"), ("FLOW_PLIMIT", "flow_limit"))
        if f"TCA_FQ_{attribute}" in attributes
    ]
    if "TCA_FQ_BUCKETS_LOG" in attributes:
        fields.append(number("buckets", 1 << (attributes["TCA_FQ_BUCKETS_LOG"] & 31)))
    for attribute, name, field in _SHOWN:
        value = attributes.get(f"TCA_FQ_{attribute}")
        if value is None or value == _UNSET.get(attribute):
            continue
        if attribute in _RATES:
            fields.append(rate(name, value, display))
        elif field is not None:
            fields.append(field(name, value))
        elif not value:
            fields.append(Field("pacing", False, "nopacing "))
    if "TCA_FQ_HORIZON_DROP" in attributes:
        name = "horizon_drop" if attributes["TCA_FQ_HORIZON_DROP"] else "horizon_cap"
        fields.append(Field(name, None, f"{name} "))
    return fields


def _statistics(raw: bytes) -> Document:
    """Return struct tc_fq_qd_stats as fields; older kernels send less of it."""
    (
        collected,
        high,
        retransmitted,
        throttled,
        over_limit,
        long,
        failed,
        delay,
        flows,
        inactive,
        waiting,
        latency,
        marked,
        dropped,
        capped,
    ) = _STATISTICS.unpack_from(raw.ljust(_STATISTICS.size, b"\0"))
    fields = [
        counter("flows", flows, "  "),
        Field("inactive", inactive, f" (inactive {inactive}"),
        Field("throttled", waiting, f" throttled {waiting})"),
    ]
    if delay > 0:
        fields.append(Field("next_packet_delay", delay, f" next_packet_delay {format_time64(delay)}"))
    fields += [Field("", text="\n"), counter("gc", collected, "  "), counter("highprio", high)]
    fields += [counter("retrans", retransmitted)] if retransmitted else []
    fields.append(counter("throttled", throttled))
    if latency:
        fields.append(Field("latency", latency, f" latency {format_time64(latency)}"))
    fields += [counter(name, value) for name, value in (("ce_mark", marked), ("flows_plimit", over_limit)) if value]
    rare = [
        counter(name, value, before)
        for name, value, before in (
            ("pkts_too_long", long, " "),
            ("alloc_errors", failed, " "),
            ("horizon_drops", dropped, " "),
            ("horizon_caps", capped, "  "),
        )
        if value
    ]
    return [*fields, *([Field("", text="\n")] if rare else []), *rare]


KIND: QdiscKind[FqOptions, None] = QdiscKind("fq", _SCHEMA, parse, encode, document, _USAGE, statistics=_statistics)
