"""The ``fq`` qdisc: flows in turn, paced (tc-fq(8); include/uapi/linux/pkt_sched.h, net/sched/sch_fq.c)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import NUMBER, PACKETS, S32, SIZE, TIME, TIME64, U32, Declared, Form, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import counter, number, numbers, rate
from pytc.tc.kinds.shared.ratespec import bytes_per_second, parse_any_rate
from pytc.tc.rates import format_time64, parse_rate, parse_time64
from pytc.words.engine import signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.render.documents import Display, Document
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.tc.kinds.shared.ratespec import Rate
    from pytc.words.engine import Cursor

_BANDS, _PRIORITIES = 3, 16
_LEAST_WEIGHT = 16384  # FQ_MIN_WEIGHT
#: struct tc_prio_qopt.
_PRIORITY_MAP = struct.Struct(f"=i{_PRIORITIES}B")
_WEIGHTS = struct.Struct(f"={_BANDS}i")
#: struct tc_fq_qd_stats; kernels before 6.7 send it up to horizon_caps, without bands, which then count nothing.
_STATISTICS = Layout(
    "7Qq4I3QQ3Q3I4x",
    "gc highprio retrans throttled flows_plimit pkts_too_long alloc_errors next_packet_delay "
    "flows inactive throttled_flows latency ce_mark horizon_drops horizon_caps fastpath band_drops[3] band_pkts[3]",
)


def _narrow_rate(word: str) -> int:
    rate = parse_rate(word)
    if rate > U32:
        raise ValueError(word)
    return rate


def _any_narrow_rate(word: str) -> Rate:
    return parse_any_rate(word) if "%" in word else _narrow_rate(word)


def _rate_form(word: str) -> Form:
    """Return the form of a rate that may be a percentage of the device's speed."""

    def pack(given: Rate, env: QdiscEnv) -> int:
        speed = bytes_per_second(given, env)
        if speed > U32:
            raise InvalidOptionsError(f'Illegal "{word}"', hints=("it does not fit into 32 bits of bytes per second",))
        return speed

    return Form("RATE", _any_narrow_rate, rate, pack)


def _slack(word: str) -> int:
    nanoseconds = parse_time64(word)
    if nanoseconds > U32:
        raise InvalidOptionsError('Illegal (out of range) "timer_slack"', hints=(f'the value is "{word}"',))
    return nanoseconds


def _bands(cursor: Cursor) -> tuple[int, ...]:
    """Return the band of each priority, of ``3 priomap BAND ...``."""
    count = cursor.take()
    try:
        bands = signed(S32, 10)(count)
    except ValueError:
        raise InvalidOptionsError('Illegal "bands"', hints=(f'the value is "{count}"',)) from None
    if bands != _BANDS:
        raise InvalidOptionsError(f'"bands" must be {_BANDS}', hints=(f"it is {bands}",))
    word = cursor.take()
    if word != "priomap":
        raise InvalidOptionsError('"priomap" expected', hints=(f'it is "{word}"',))
    bands_of: list[int] = []
    while len(bands_of) < _PRIORITIES:
        word = _element(cursor, "priomap")
        try:
            band = unsigned(U32, 10)(word)
        except ValueError:
            raise InvalidOptionsError(
                f'Illegal "priomap" element, number in [0..{_BANDS - 1}] expected', hints=(f'it is "{word}"',)
            ) from None
        if band >= _BANDS:
            raise InvalidOptionsError(f'"priomap" element {band} too big', hints=(f"there are {_BANDS} bands",))
        bands_of.append(band)
    return tuple(bands_of)


def _weights(cursor: Cursor) -> tuple[int, ...]:
    weights: list[int] = []
    while len(weights) < _BANDS:
        word = _element(cursor, "weights")
        try:
            weight = signed(S32, 10)(word)
        except ValueError:
            raise InvalidOptionsError(
                'Illegal "weights" element, positive number expected', hints=(f'it is "{word}"',)
            ) from None
        if weight < _LEAST_WEIGHT:
            raise InvalidOptionsError(
                f'"weight" element {weight} too small', hints=(f"a weight is {_LEAST_WEIGHT} or more",)
            )
        weights.append(weight)
    return tuple(weights)


def _element(cursor: Cursor, of: str) -> str:
    if cursor.done:
        raise InvalidOptionsError(f"Not enough elements in {of}")
    return cursor.take()


def _complete(values: Values, env: QdiscEnv) -> None:
    if buckets := values.get("buckets"):
        values["BUCKETS_LOG"] = (buckets - 1).bit_length()


def _show_buckets(values: Values, view: View) -> list[Field]:
    return [number("buckets", 1 << (values["BUCKETS_LOG"] & 31))] if "BUCKETS_LOG" in values else []


def _show_bands(values: Values, view: View) -> list[Field]:
    """Return what 3 bands are; tc's names of the arrays end with a blank in JSON, too."""
    fields = []
    if len(values.get("PRIOMAP", b"")) >= _PRIORITY_MAP.size:
        bands, *bands_of = _PRIORITY_MAP.unpack_from(values["PRIOMAP"])
        bands &= U32
        fields += [number("bands", bands), numbers("priomap ", bands_of, "priomap ")]
    if len(values.get("WEIGHTS", b"")) >= _WEIGHTS.size:
        weights = [weight & U32 for weight in _WEIGHTS.unpack_from(values["WEIGHTS"])]
        fields.append(numbers("weights ", weights, "weights "))
    return fields


def _show_pacing(values: Values, view: View) -> list[Field]:
    return [Field("pacing", False, "nopacing ")] if values.get("RATE_ENABLE") == 0 else []


def _show_horizon_drop(values: Values, view: View) -> list[Field]:
    if "HORIZON_DROP" not in values:
        return []
    name = "horizon_drop" if values["HORIZON_DROP"] else "horizon_cap"
    return [Field(name, None, f"{name} ")]


def _statistics(raw: bytes, display: Display) -> Document:
    """Return struct tc_fq_qd_stats as fields; older kernels send less of it."""
    values: dict[str, Any] = _STATISTICS.unpack(raw)
    delay, latency = values["next_packet_delay"], values["latency"]
    fields = [
        counter("flows", values["flows"], "  "),
        Field("inactive", values["inactive"], f" (inactive {values['inactive']}"),
        Field("throttled", values["throttled_flows"], f" throttled {values['throttled_flows']})"),
    ]
    fields += [counter(f"band{band}_pkts", packets) for band, packets in enumerate(values["band_pkts"])]
    if delay > 0:
        fields.append(Field("next_packet_delay", delay, f" next_packet_delay {format_time64(delay)}"))
    fields += [Field("", text="\n"), counter("gc", values["gc"], "  "), counter("highprio", values["highprio"])]
    fields += _if_any(values, "fastpath retrans")
    fields.append(counter("throttled", values["throttled"]))
    if latency:
        fields.append(Field("latency", latency, f" latency {format_time64(latency)}"))
    fields += _if_any(values, "ce_mark flows_plimit")
    rare = _if_any(values, "pkts_too_long alloc_errors horizon_drops")
    rare += [counter("horizon_caps", values["horizon_caps"], "  ")] if values["horizon_caps"] else []
    rare += [counter(f"band{band}_drops", drops) for band, drops in enumerate(values["band_drops"]) if drops]
    return [*fields, *([Field("", text="\n")] if rare else []), *rare]


def _if_any(values: Values, names: str) -> list[Field]:
    return [counter(name, values[name]) for name in names.split() if values[name]]


_BYTES = Form("BYTES", NUMBER.convert, SIZE.show)
_FLAG = Form()

KIND = qdisc(
    "fq",
    Declared(
        options=(
            Option("limit", "PLIMIT", PACKETS, "how many packets may wait {10000}"),
            Option("flow_limit", "FLOW_PLIMIT", PACKETS, "how many packets of a flow may wait {100}"),
            Option("buckets", "buckets", NUMBER, "the size of the table of flows {1024}"),
            Option(
                "maxrate",
                "FLOW_MAX_RATE",
                _rate_form("maxrate"),
                "the most that a flow may send {no limit}",
                hide=(U32,),
            ),
            Option(
                "low_rate_threshold",
                "LOW_RATE_THRESHOLD",
                Form("RATE", _narrow_rate, rate),
                "packets of slower flows wait one at a time {550Kbit}",
                hide=(0,),
            ),
            Option("ce_threshold", "CE_THRESHOLD", TIME, "mark packets that waited longer {never}", hide=(U32,)),
            Option(
                "timer_slack",
                "TIMER_SLACK",
                TIME64._replace(convert=_slack),
                "how inexact timers may be, in nanoseconds without a unit {10us}",
            ),
            Option(
                "bands",
                "PRIOMAP",
                Form(
                    "3 priomap BAND ...",
                    read=_bands,
                    pack=lambda bands_of, env: _PRIORITY_MAP.pack(_BANDS, *bands_of),
                ),
                "the band of each of the 16 priorities of packets {1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1}",
                twice='Duplicate "bands"',
            ),
            Option(
                "weights",
                "WEIGHTS",
                Form("WEIGHT WEIGHT WEIGHT", read=_weights, pack=lambda weights, env: _WEIGHTS.pack(*weights)),
                "the share of each band, 16384 or more {589824 196608 65536}",
                twice='Duplicate "weights"',
            ),
            Option(
                "horizon_drop", "HORIZON_DROP", _FLAG, "drop packets that are to be sent beyond horizon {horizon_drop}"
            ),
            Option("horizon_cap", "HORIZON_DROP", Form(value=0), "send them at the horizon"),
            Option("horizon", "HORIZON", TIME, "how far in the future a packet may be sent {10s}"),
            Option(
                "offload_horizon",
                "OFFLOAD_HORIZON",
                TIME,
                "hand packets to the device that long before their time, if it can wait {0}",
            ),
            Option("defrate", "FLOW_DEFAULT_RATE", _rate_form("defrate"), "obsolete: kernels ignore it", hide=(0,)),
            Option("quantum", "QUANTUM", _BYTES, "how much a flow may send in a turn {twice the MTU}"),
            Option(
                "initial_quantum",
                "INITIAL_QUANTUM",
                _BYTES,
                "how much a new flow may send at first {ten times the MTU}",
            ),
            Option(
                "orphan_mask",
                "ORPHAN_MASK",
                NUMBER._replace(name="MASK"),
                "of the hash of packets without a socket {1023}",
                wrong="initial_quantum",  # as tc calls it
            ),
            Option(
                "refill_delay",
                "FLOW_REFILL_DELAY",
                TIME,
                "how long a flow has to be idle for its quantum to be filled again {40ms}",
            ),
            Option("pacing", "RATE_ENABLE", _FLAG, "hold packets back to a flow's rate, or not {pacing}"),
            Option("nopacing", "RATE_ENABLE", Form(value=0)),
        ),
        sent="BUCKETS_LOG PLIMIT FLOW_PLIMIT QUANTUM INITIAL_QUANTUM RATE_ENABLE FLOW_MAX_RATE LOW_RATE_THRESHOLD "
        "FLOW_DEFAULT_RATE FLOW_REFILL_DELAY ORPHAN_MASK CE_THRESHOLD TIMER_SLACK HORIZON HORIZON_DROP "
        "OFFLOAD_HORIZON PRIOMAP WEIGHTS",
        shown=(
            "limit flow_limit",
            _show_buckets,
            "orphan_mask",
            _show_pacing,
            _show_bands,
            "quantum initial_quantum maxrate defrate low_rate_threshold refill_delay ce_threshold timer_slack horizon",
            _show_horizon_drop,
            "offload_horizon",
        ),
        complete=_complete,
    ),
    prefix="TCA_FQ",
    attributes=(
        *rows(
            "uint32",
            "PLIMIT FLOW_PLIMIT QUANTUM INITIAL_QUANTUM RATE_ENABLE FLOW_DEFAULT_RATE FLOW_MAX_RATE BUCKETS_LOG "
            "FLOW_REFILL_DELAY ORPHAN_MASK LOW_RATE_THRESHOLD CE_THRESHOLD TIMER_SLACK HORIZON",
        ),
        ("HORIZON_DROP", "uint8"),
        *rows("cdata", "PRIOMAP WEIGHTS"),
        ("OFFLOAD_HORIZON", "uint32"),
    ),
    statistics=_statistics,
    restoration=Restoration(),
)
