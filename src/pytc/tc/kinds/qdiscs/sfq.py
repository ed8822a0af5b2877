"""The ``sfq`` qdisc: flows in turn (tc-sfq(8); include/uapi/linux/pkt_sched.h, net/sched/sch_sfq.c)."""

import struct
from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import HEADER, Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind, Restoration
from pytc.tc.kinds.shared import red
from pytc.tc.kinds.shared.fields import counter, flag, number, six_digits, size
from pytc.tc.rates import parse_size
from pytc.words.engine import Cursor, Word, read_options, signed, unsigned

_U32 = 0xFFFFFFFF
#: struct tc_sfq_qopt: quantum u32, perturb_period s32, limit, divisor, flows u32.
_FIRST = struct.Struct("=IiIII")
#: The rest of struct tc_sfq_qopt_v1: depth, headdrop, limit, qth_min, qth_max u32, Wlog, Plog, Scell_log, flags u8,
#: max_P u32, and struct tc_sfqred_stats: prob_drop, forced_drop, prob_mark, forced_mark, prob_mark_head,
#: forced_mark_head u32.
_SECOND = struct.Struct("=5I4BI6I")
#: The offset of ``qth_min``, 0 without RED, and the size of the counters at the end.
_RED_AT, _COUNTERS_SIZE = _FIRST.size + 12, 24
#: struct tc_sfq_xstats.
_STATISTICS = struct.Struct("=i")
_STATISTICS_LINES = (("prob_mark", "prob_mark_head", "prob_drop"), ("forced_mark", "forced_mark_head", "forced_drop"))
_USAGE = """\
Usage: ... sfq [ limit PACKETS ] [ perturb SECONDS ] [ quantum SIZE ] [ divisor NUMBER ] [ flows NUMBER ]
               [ depth PACKETS ] [ headdrop ]
               [ redflowlimit BYTES [ min BYTES ] [ max BYTES ] [ avpkt SIZE ] [ burst PACKETS ] [ probability P ]
                 [ ecn ] [ harddrop ] ]

limit         how many packets may wait {127}
perturb       how often the hash of flows changes {0: never}
quantum       how much a flow may send in a turn {the MTU of the device}
divisor       the size of the table of flows, a power of two {1024}
flows         how many flows there may be {127}
depth         how many packets of a flow may wait {127}
headdrop      drop the oldest packet of a flow, not the newest
redflowlimit  the most bytes of a flow that may wait; it turns on RED for each flow
min, max      the queue lengths where marking starts and is at its most {a third of max; a quarter of redflowlimit}
avpkt         the size of an average packet {1000}
burst         how many average packets may burst {computed}
probability   of marking at max, 0 to 1 {0.02}
ecn           mark packets where it is possible, in place of dropping them
harddrop      drop what is above max, also with ecn
"""


class SfqOptions(NamedTuple):
    """The words of an ``sfq`` qdisc; None and 0 are left to the kernel.

    ``has_options`` is True where there were any words, ``red`` where any of them were RED's.
    """

    quantum: int = 0
    perturb: int = 0
    limit: int = 0
    divisor: int = 0
    flows: int = 0
    depth: int = 0
    headdrop: bool = False
    redflowlimit: int = 0
    min: int = 0
    max: int = 0
    burst: int = 0
    avpkt: int = 1000
    probability: float = 0.02
    ecn: bool = False
    harddrop: bool = False
    red: bool = False
    has_options: bool = False


def _limit(word: str) -> int:
    limit: int = unsigned(_U32)(word)
    if limit < 2:
        raise InvalidOptionsError('Illegal "limit", must be > 1', hints=(f"the limit is {limit}",))
    return limit


_NUMBER = unsigned(_U32)
_PLAIN = (
    Word("quantum", "quantum", parse_size, exact=True, repeat=True, wrong="limit"),  # as tc calls it
    Word("perturb", "perturb", signed(0x7FFFFFFF), exact=True, repeat=True),
    Word("limit", "limit", _limit, exact=True, repeat=True),
    Word("divisor", "divisor", _NUMBER, exact=True, repeat=True),
    Word("flows", "flows", _NUMBER, exact=True, repeat=True),
    Word("depth", "depth", _NUMBER, exact=True, repeat=True, wrong="flows"),  # as tc calls it
    Word("headdrop", "headdrop", exact=True, repeat=True),
)
_RED = (
    Word("redflowlimit", "redflowlimit", _NUMBER, exact=True, repeat=True),
    Word("min", "min", _NUMBER, exact=True, repeat=True),
    Word("max", "max", _NUMBER, exact=True, repeat=True),
    Word("burst", "burst", _NUMBER, exact=True, repeat=True),
    Word("avpkt", "avpkt", parse_size, exact=True, repeat=True),
    Word("probability", "probability", red.parse_probability, exact=True, repeat=True),
    Word("ecn", "ecn", exact=True, repeat=True),
    Word("harddrop", "harddrop", exact=True, repeat=True),
)
_RED_NAMES = frozenset(word.into for word in _RED)


def parse(cursor: Cursor) -> SfqOptions:
    """Parse the words after ``sfq``; raises InvalidOptionsError, UsageError, HelpRequested."""
    fields = read_options(cursor, (*_PLAIN, *_RED), "qdisc sfq")
    options = SfqOptions(**fields, red=not _RED_NAMES.isdisjoint(fields), has_options=bool(fields))
    if options.red:
        options = _with_thresholds(options)
        _red_logs(options)
    return options


def _with_thresholds(options: SfqOptions) -> SfqOptions:
    """Return the options with RED's defaults, from the flow limit; raises InvalidOptionsError."""
    limit = options.redflowlimit
    if not limit:
        raise InvalidOptionsError("Required parameter (redflowlimit) is missing")
    high = options.max or limit // 4
    low = options.min or high // 3
    burst = options.burst or (((2 * low + high) & _U32) // (3 * options.avpkt & _U32 or 1))
    if high > limit:
        raise InvalidOptionsError('"max" is larger than "limit"', hints=(f"max is {high}, redflowlimit {limit}",))
    if low >= high:
        raise InvalidOptionsError('"min" is not smaller than "max"', hints=(f"min is {low}, max {high}",))
    return options._replace(max=high, min=low, burst=burst)


def _red_logs(options: SfqOptions) -> tuple[int, int]:
    """Return (Wlog, Plog); raises InvalidOptionsError."""
    weight = red.weight_log(options.min, options.burst, options.avpkt)
    if weight is None:
        raise InvalidOptionsError(
            "SFQ: failed to calculate EWMA constant.",
            hints=(f"a burst of {options.burst} packets may be too small for avpkt and min",),
        )
    probability = red.probability_log(options.min, options.max, options.probability)
    if probability is None:
        raise InvalidOptionsError(
            "SFQ: failed to calculate probability.",
            hints=("min and max may be too far apart, or the probability too small",),
        )
    return weight, probability


def encode(options: SfqOptions, env: QdiscEnv) -> list[tuple[str, Any]] | None:
    """Return struct tc_sfq_qopt_v1, or nothing where there were no words."""
    if not options.has_options:
        return None
    weight = probability = high_resolution = 0
    if options.red:
        weight, probability = _red_logs(options)
        high_resolution = int(options.probability * 2**32) & _U32
    first = _FIRST.pack(options.quantum, options.perturb, options.limit, options.divisor, options.flows)
    second = _SECOND.pack(
        options.depth,
        options.headdrop,
        options.redflowlimit,
        options.min,
        options.max,
        weight,
        probability,
        0,
        options.ecn * red.ECN | options.harddrop * red.HARDDROP,
        high_resolution,
        *(0,) * 6,
    )
    return [(HEADER, first + second)]


def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return the document that tc prints; older kernels send the first structure alone."""
    raw = attributes[HEADER]
    if len(raw) < _FIRST.size:
        return ()
    quantum, perturb, limit, divisor, flows = _FIRST.unpack_from(raw)
    fields = [Field("limit", limit, f"limit {limit}p "), size("quantum", quantum)]
    second = _SECOND.unpack_from(raw, _FIRST.size) if len(raw) >= _FIRST.size + _SECOND.size else (0,) * 16
    if second[0]:
        fields.append(number("depth", second[0]))
    if second[1]:
        fields.append(flag("headdrop"))
    if display.details:
        fields.append(number("flows", flows))
    fields.append(number("divisor", divisor))
    if perturb:
        fields.append(number("perturb", perturb, "sec"))
    return [*fields, *_red_fields(second, display)]


def _red_fields(second: tuple[int, ...], display: Display) -> list[Field]:
    _, _, _, low, high, weight, _, _, flags, probability, *counters = second
    if not low:
        return []
    share = six_digits(probability / 2**32)
    fields = [
        number("ewma", weight),
        size("min", low),
        size("max", high),
        Field("probability", share, f"probability {probability / 2**32:g} "),
        *red.flag_fields(flags),
    ]
    if display.statistics:
        names = ("prob_drop", "forced_drop", "prob_mark", "forced_mark", "prob_mark_head", "forced_mark_head")
        values = dict(zip(names, counters, strict=True))
        for line in _STATISTICS_LINES:
            fields.append(Field("", text="\n "))
            fields += [counter(name, values[name]) for name in line]
    return fields


def _statistics(raw: bytes) -> Document:
    if len(raw) < _STATISTICS.size:
        return ()
    (allot,) = _STATISTICS.unpack_from(raw)
    return (counter("allot", allot, "  "),)


def _refuse_red(present: Attributes, requested: Attributes | None) -> str:
    """The kernel keeps the parameters of RED where a request has none."""
    requested = requested or {}
    now, then = present[HEADER][_RED_AT : _RED_AT + 4], requested.get(HEADER, b"")[_RED_AT : _RED_AT + 4]
    return "redflowlimit cannot be unset again" if any(then) and not any(now) else ""


KIND: QdiscKind[SfqOptions, None] = QdiscKind(
    "sfq",
    Schema(),
    parse,
    encode,
    document,
    _USAGE,
    header=_FIRST.size + _SECOND.size,
    statistics=_statistics,
    class_statistics=_statistics,
    restoration=Restoration(header=_FIRST.size + _SECOND.size - _COUNTERS_SIZE, refuse=_refuse_red),
)
