"""The ``netem`` qdisc: a bad network (tc-netem(8); include/uapi/linux/pkt_sched.h, net/sched/sch_netem.c)."""

import struct
from typing import Any

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import HEADER, Attributes, Schema
from pytc.render.documents import Display, Document, Field, Group
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind, Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.fields import six_digits, statistics_lines
from pytc.tc.kinds.shared.netem_words import U32, Chance, LossModel, NetemOptions, NetemRate, Slot, parse
from pytc.tc.kinds.shared.ratespec import bytes_per_second, microseconds
from pytc.tc.rates import format_rate, format_time, format_time64

_SECOND, _SECOND64 = 10**6, 10**9
#: struct tc_netem_qopt: latency (ticks), limit, loss, gap, duplicate, jitter (ticks).
_OPTIONS = struct.Struct("=6I")
#: struct tc_netem_corr (delay, loss, duplicate); _reorder and _corrupt (probability, correlation); _rate; _slot.
_CORRELATIONS, _PAIR, _RATE = struct.Struct("=3I"), struct.Struct("=2I"), struct.Struct("=IiIi")
_SLOT = struct.Struct("=qqiiqq")
#: An attribute in TCA_NETEM_LOSS: NETEM_LOSS_GI with p13, p31, p32, p14, p23, or _GE with p, r, h, k1.
_MODEL = struct.Struct("=HH")
_STATE, _GEMODEL = 1, 2
_COUNTERS = 6 * 8  # bytes
_STATE_VALUES, _GEMODEL_VALUES = struct.Struct("=5I"), struct.Struct("=4I")
_SCHEMA = Schema(
    ("TCA_NETEM_UNSPEC", "none"),
    ("TCA_NETEM_CORR", "cdata"),
    ("TCA_NETEM_DELAY_DIST", "cdata"),
    ("TCA_NETEM_REORDER", "cdata"),
    ("TCA_NETEM_CORRUPT", "cdata"),
    ("TCA_NETEM_LOSS", "nested"),
    ("TCA_NETEM_RATE", "cdata"),
    ("TCA_NETEM_ECN", "uint32"),
    ("TCA_NETEM_RATE64", "uint64"),
    ("TCA_NETEM_PAD", "cdata"),
    ("TCA_NETEM_LATENCY64", "int64"),
    ("TCA_NETEM_JITTER64", "int64"),
    ("TCA_NETEM_SLOT", "cdata"),
    ("TCA_NETEM_SLOT_DIST", "cdata"),
    ("TCA_NETEM_PRNG_SEED", "uint64"),
)
_USAGE = """\
Usage: ... netem [ limit PACKETS ] [ delay TIME [ JITTER [ CORRELATION ] ] ] [ distribution TABLE ]
                 [ loss [ random ] PERCENT [ CORRELATION ] ] [ loss state P13 [ P31 [ P32 [ P23 [ P14 ] ] ] ] ]
                 [ loss gemodel PERCENT [ R [ 1-H [ 1-K ] ] ] ] [ ecn ] [ corrupt PERCENT [ CORRELATION ] ]
                 [ duplicate PERCENT [ CORRELATION ] ] [ reorder PERCENT [ CORRELATION ] [ gap DISTANCE ] ]
                 [ seed NUMBER ] [ rate RATE [ PACKETOVERHEAD [ CELLSIZE [ CELLOVERHEAD ] ] ] ]
                 [ slot { MIN [ MAX ] | distribution TABLE DELAY JITTER } [ packets NUMBER ] [ bytes SIZE ] ]

limit         how many packets may wait {1000}
delay         how long each packet is held back; latency is the same
distribution  how delays are spread: a table of iproute2's like normal, pareto or paretonormal {uniform}
loss          packets that are lost: at random, or with four states or two (Gilbert-Elliot)
ecn           mark packets in place of losing them
corrupt       packets that get one bit wrong
duplicate     packets that are sent twice
reorder       packets that are sent at once, each gap-th; the others are delayed
seed          of the random numbers; with the same one, the same packets are hit {random}
rate          how fast packets go out
slot          packets go out in slots of time
TIME := NUMBER[s | ms | us], microseconds (in slot: nanoseconds) without a unit
PERCENT := NUMBER[%], 0 to 100
"""


def encode(options: NetemOptions, env: QdiscEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them.

    Raises PytcError where a percentage has no speed, a table cannot be read, or a time does not fit.
    """
    delay, loss, duplicate = options.delay, options.loss, options.duplicate or Chance(0)
    random = loss if isinstance(loss, Chance) else Chance(0)
    reorder, corrupt = options.reorder, options.corrupt
    gap = options.gap or (1 if reorder is not None and reorder.probability else 0)
    sent: list[tuple[str, Any]] = [
        (
            HEADER,
            _OPTIONS.pack(
                _ticks(delay.time, env),
                options.limit,
                random.probability,
                gap,
                duplicate.probability,
                _ticks(delay.jitter, env),
            ),
        )
    ]
    correlations = (delay.correlation, random.correlation, duplicate.correlation)
    more_correlations = (chance.correlation for chance in (reorder, corrupt) if chance is not None)
    if any(correlation is not None for correlation in (*correlations, *more_correlations)):
        sent.append(("TCA_NETEM_CORR", _CORRELATIONS.pack(*(correlation or 0 for correlation in correlations))))
    if reorder is not None:
        sent.append(("TCA_NETEM_REORDER", _pair(reorder)))
    if options.ecn:
        sent.append(("TCA_NETEM_ECN", 1))
    if corrupt is not None:
        sent.append(("TCA_NETEM_CORRUPT", _pair(corrupt)))
    if options.slot is not None:
        sent.append(("TCA_NETEM_SLOT", _slot(options.slot)))
    if isinstance(loss, LossModel):
        sent.append(("TCA_NETEM_LOSS", _model(loss)))
    if options.rate is not None:
        sent += _rate(options.rate, env)
    if options.seed is not None:
        sent.append(("TCA_NETEM_PRNG_SEED", options.seed))
    slot_table = options.slot.distribution if options.slot is not None else ""
    tables = (("TCA_NETEM_DELAY_DIST", options.distribution), ("TCA_NETEM_SLOT_DIST", slot_table))
    return [*sent, *((name, _table(table, env)) for name, table in tables if table)]


def _ticks(time: int, env: QdiscEnv) -> int:
    ticks = int(time * env.clock.ticks_per_microsecond)
    if ticks > U32:
        raise InvalidOptionsError(f"Illegal {time} time (too large)", hints=("netem delays 274 seconds at most",))
    return ticks


def _pair(chance: Chance) -> bytes:
    return _PAIR.pack(chance.probability, chance.correlation or 0)


def _slot(slot: Slot) -> bytes:
    # A size above 2^31 - 1 is negative for the kernel, as from tc.
    limit = slot.bytes - (1 << 32) if slot.bytes >= 1 << 31 else slot.bytes
    return _SLOT.pack(slot.min_delay, slot.max_delay, slot.packets, limit, slot.delay, slot.jitter)


def _model(model: LossModel) -> bytes:
    if model.name == "state":
        p13, p31, p32, p23, p14 = model.values
        number, values = _STATE, _STATE_VALUES.pack(p13, p31, p32, p14, p23)
    else:
        number, values = _GEMODEL, _GEMODEL_VALUES.pack(*model.values)
    return _MODEL.pack(_MODEL.size + len(values), number) + values


def _rate(rate: NetemRate, env: QdiscEnv) -> list[tuple[str, Any]]:
    full = bytes_per_second(rate.rate, env)
    narrow = ("TCA_NETEM_RATE", _RATE.pack(min(full, U32), rate.packet_overhead, rate.cell_size, rate.cell_overhead))
    return [("TCA_NETEM_RATE64", full), narrow] if full > U32 else [narrow]


def _table(name: str, env: QdiscEnv) -> bytes:
    values = env.distribution(name)
    return struct.pack(f"={len(values)}h", *values)


def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return the document that tc prints."""
    raw = attributes[HEADER]
    if len(raw) < _OPTIONS.size:
        return ()
    latency, limit, loss, gap, duplicate, jitter = _OPTIONS.unpack(raw)
    delay_correlation, loss_correlation, duplicate_correlation = _unpack(attributes, "CORR", _CORRELATIONS)
    fields: list[Field | Group] = [Field("limit", limit, f"limit {limit}")]
    if latency:
        times = microseconds(latency, clock), microseconds(jitter, clock)
        fields.append(_delay_group(*times, delay_correlation, has_jitter=bool(jitter)))
    if loss:
        fields.append(_chance_group("loss-random", "loss", loss, loss_correlation))
    fields += _model_groups(attributes.get("TCA_NETEM_LOSS", b""))
    reorder, corrupt = _unpack(attributes, "REORDER", _PAIR), _unpack(attributes, "CORRUPT", _PAIR)
    for name, (probability, correlation) in (
        ("duplicate", (duplicate, duplicate_correlation)),
        ("reorder", reorder),
        ("corrupt", corrupt),
    ):
        if probability:
            fields.append(_chance_group(name, name, probability, correlation))
    fields += _rate_group(attributes, display) + _slot_group(attributes)
    ecn = "TCA_NETEM_ECN" in attributes
    if "TCA_NETEM_PRNG_SEED" in attributes:
        fields.append(Field("seed", attributes["TCA_NETEM_PRNG_SEED"], f" seed {attributes['TCA_NETEM_PRNG_SEED']}"))
    return [*fields, Field("ecn", ecn, " ecn " if ecn else ""), Field("gap", gap, f" gap {gap}" if gap else "")]


def _unpack(attributes: Attributes, name: str, layout: struct.Struct) -> tuple[int, ...]:
    """Return the numbers of an attribute, zeros where it is missing or too short."""
    return layout.unpack(attributes.get(f"TCA_NETEM_{name}", b"")[: layout.size].ljust(layout.size, b"\0"))


def _delay_group(time: int, jitter: int, correlation: int, *, has_jitter: bool) -> Group:
    fields = [
        Field("delay", six_digits(time / _SECOND), f" delay {format_time(time)}"),
        Field("jitter", six_digits(jitter / _SECOND), f"  {format_time(jitter)}" if has_jitter else ""),
    ]
    return Group("delay", [*fields, _correlation(correlation, display=has_jitter)])


def _chance_group(key: str, name: str, probability: int, correlation: int) -> Group:
    return Group(key, (_percent(name, f" {name}", probability), _correlation(correlation)))


def _percent(key: str, text: str, part: int) -> Field:
    return Field(key, six_digits(part / U32), f"{text} {100.0 * part / U32:g}%")


def _correlation(part: int, *, display: bool = True) -> Field:
    field = _percent("correlation", "", part)
    return field if part and display else field._replace(text="")


def _model_groups(raw: bytes) -> list[Group]:
    if len(raw) < _MODEL.size:
        return []
    _, number = _MODEL.unpack_from(raw)
    values = raw[_MODEL.size :]
    if number == _STATE and len(values) >= _STATE_VALUES.size:
        p13, p31, p32, p14, p23 = _STATE_VALUES.unpack_from(values)
        rest = ("p31", p31), ("p32", p32), ("p23", p23), ("p14", p14)
        return [
            Group(
                "loss-state",
                [_percent("p13", " loss state p13", p13), *(_percent(name, f" {name}", part) for name, part in rest)],
            )
        ]
    if number == _GEMODEL and len(values) >= _GEMODEL_VALUES.size:
        p, r, h, k1 = _GEMODEL_VALUES.unpack_from(values)
        return [
            Group(
                "loss-gemodel",
                [
                    _percent("p", " loss gemodel p", p),
                    _percent("r", " r", r),
                    _percent("1-h", " 1-h", U32 - h),
                    _percent("1-k", " 1-k", k1),
                ],
            )
        ]
    return []


def _rate_group(attributes: Attributes, display: Display) -> list[Group]:
    rate, packet_overhead, cell_size, cell_overhead = _unpack(attributes, "RATE", _RATE)
    if not rate:
        return []
    rate = attributes.get("TCA_NETEM_RATE64") or rate
    return [
        Group(
            "rate",
            [
                Field("rate", rate, f" rate {format_rate(rate, iec=display.iec)}"),
                _if_set("packetoverhead", packet_overhead),
                _if_set("cellsize", cell_size),
                _if_set("celloverhead", cell_overhead),
            ],
        )
    ]


def _slot_group(attributes: Attributes) -> list[Group]:
    if "TCA_NETEM_SLOT" not in attributes:
        return []
    least, most, packets, size, delay, jitter = _unpack(attributes, "SLOT", _SLOT)
    if jitter > 0:
        times = (("distribution", " slot distribution", delay), ("jitter", "", jitter))
    else:
        times = (("min-delay", " slot", least), ("max-delay", "", most))
    return [
        Group(
            "slot",
            [
                *(
                    Field(key, six_digits(time / _SECOND64), f"{text} {format_time64(time)}")
                    for key, text, time in times
                ),
                _if_set("packets", packets),
                _if_set("bytes", size),
            ],
        )
    ]


def _if_set(name: str, value: int) -> Field:
    return Field(name, value, f" {name} {value}" if value else "")


_lines = statistics_lines(
    Layout("6Q", "delayed dropped corrupted duplicated reordered ecn_marked"),
    "delayed dropped corrupted duplicated reordered ecn_marked",
)


def _statistics(raw: bytes) -> Document:
    """Return the start of struct tc_netem_xstats, which kernels send since v7.2, as fields."""
    return _lines(raw) if len(raw) >= _COUNTERS else ()


KIND: QdiscKind[NetemOptions, None] = QdiscKind(
    "netem",
    _SCHEMA,
    parse,
    encode,
    document,
    _USAGE,
    header=_OPTIONS.size,
    statistics=_statistics,
    restoration=Restoration(
        unset={
            "TCA_NETEM_ECN": 0,
            "TCA_NETEM_RATE64": None,
            "TCA_NETEM_LOSS": None,
            "TCA_NETEM_SLOT": bytes(_SLOT.size),
        }
    ),
)
