"""The ``netem`` qdisc: a bad network (tc-netem(8); include/uapi/linux/pkt_sched.h, net/sched/sch_netem.c)."""

from __future__ import annotations

import struct

from pytc.render.documents import Field, Group
from pytc.tc.kinds.declaration import NUMBER, ON, SIZE, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import six_digits, statistics_lines
from pytc.tc.kinds.shared.netem_words import (
    U32,
    Chance,
    Delay,
    LossModel,
    check,
    parse_seed,
    read_chance,
    read_delay,
    read_loss,
    read_rate,
    read_slot,
)
from pytc.tc.kinds.shared.ratespec import bytes_per_second
from pytc.tc.rates import format_rate, format_time64

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pytc.render.documents import Display, Document, Part
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.tc.kinds.shared.netem_words import (
        NetemRate,
        Slot,
    )

_SECOND = 10**9
#: struct tc_netem_qopt; delays are in attributes of their own (Linux 4.15), and its latency and jitter in ticks unused.
_QOPT = Layout("6I", "latency limit=1000 loss gap duplicate jitter")
#: struct tc_netem_corr, _reorder and _corrupt, _rate, _slot.
_CORRELATIONS = Layout("3I", "delay loss duplicate")
_PAIR = Layout("2I", "probability correlation")
_RATE = Layout("IiIi", "rate packetoverhead cellsize celloverhead")
_SLOT = Layout("2q2i2q", "least most packets bytes delay jitter")
#: An attribute in TCA_NETEM_LOSS: NETEM_LOSS_GI or _GE, which are struct tc_netem_gimodel and _gemodel.
_MODEL = struct.Struct("=HH")
_STATE, _GEMODEL = 1, 2
_STATE_VALUES, _GEMODEL_VALUES = struct.Struct("=5I"), struct.Struct("=4I")
_COUNTERS = 6 * 8  # bytes


def _complete(values: Values, env: QdiscEnv) -> None:
    """Turn what was given into attributes.

    Raises PytcError where a percentage has no speed, or a table cannot be read.
    """
    loss, slot = values.pop("loss", None), values.get("slot")
    delay: Delay = values.get("delay", Delay())
    random = loss if isinstance(loss, Chance) else Chance(0)
    duplicate: Chance = values.pop("duplicate", Chance(0))
    reorder, corrupt = (values.get(name) for name in ("reorder", "corrupt"))
    values |= {"loss": random.probability, "duplicate": duplicate.probability}
    if reorder is not None and reorder.probability:
        values["gap"] = values.get("gap") or 1
    if "delay" in values:
        values["LATENCY64"] = delay.time
    if delay.jitter is not None:
        values["JITTER64"] = delay.jitter
    correlations = {"delay": delay.correlation, "loss": random.correlation, "duplicate": duplicate.correlation}
    others = (chance.correlation for chance in (reorder, corrupt) if chance is not None)
    if any(correlation is not None for correlation in (*correlations.values(), *others)):
        values["CORR"] = _CORRELATIONS.pack({name: number or 0 for name, number in correlations.items()})
    for name, chance in (("REORDER", reorder), ("CORRUPT", corrupt)):
        if chance is not None:
            values[name] = _PAIR.pack({"probability": chance.probability, "correlation": chance.correlation or 0})
    if isinstance(loss, LossModel):
        values["LOSS"] = _model(loss)
    if "rate" in values:
        rate: NetemRate = values["rate"]
        full = bytes_per_second(rate.rate, env)
        sizes = {"packetoverhead": rate.packet_overhead, "cellsize": rate.cell_size, "celloverhead": rate.cell_overhead}
        values["RATE"] = _RATE.pack({"rate": min(full, U32), **sizes})
        if full > U32:
            values["RATE64"] = full
    if slot is not None:
        values["SLOT"] = _slot(slot)
    for name, table in (("DELAY_DIST", values.get("distribution")), ("SLOT_DIST", slot and slot.distribution)):
        if table:
            delays = env.distribution(table)
            values[name] = struct.pack(f"={len(delays)}h", *delays)


def _slot(slot: Slot) -> bytes:
    # A size above 2^31 - 1 is negative for the kernel, as from tc.
    limit = slot.bytes - (1 << 32) if slot.bytes >= 1 << 31 else slot.bytes
    times = {"least": slot.min_delay, "most": slot.max_delay, "delay": slot.delay, "jitter": slot.jitter}
    return _SLOT.pack({**times, "packets": slot.packets, "bytes": limit})


def _model(model: LossModel) -> bytes:
    if model.name == "state":
        p13, p31, p32, p23, p14 = model.values
        number, values = _STATE, _STATE_VALUES.pack(p13, p31, p32, p14, p23)
    else:
        number, values = _GEMODEL, _GEMODEL_VALUES.pack(*model.values)
    return _MODEL.pack(_MODEL.size + len(values), number) + values


def _show(values: Values, view: View) -> Iterator[Part]:
    """Return what tc prints."""
    correlations = _CORRELATIONS.unpack(values.get("CORR", b""))
    yield Field("limit", values["limit"], f"limit {values['limit']}")
    if latency := values.get("LATENCY64"):
        yield _delay_group(latency, values.get("JITTER64", 0), correlations["delay"])
    if values["loss"]:
        yield _chance_group("loss-random", "loss", values["loss"], correlations["loss"])
    yield from _model_groups(values.get("LOSS", b""))
    duplicate = {"probability": values["duplicate"], "correlation": correlations["duplicate"]}
    pairs = ((name, _PAIR.unpack(values.get(name.upper(), b""))) for name in ("reorder", "corrupt"))
    for name, chance in (("duplicate", duplicate), *pairs):
        if chance["probability"]:
            yield _chance_group(name, name, chance["probability"], chance["correlation"])
    rate = _RATE.unpack(values.get("RATE", b""))
    if rate.pop("rate"):
        speed = values.get("RATE64") or _RATE.unpack(values["RATE"])["rate"]
        first = Field("rate", speed, f" rate {format_rate(speed, iec=view.display.iec)}")
        yield Group("rate", (first, *_unless_0(rate)))
    if "SLOT" in values:
        yield _slot_group(_SLOT.unpack(values["SLOT"]))
    if "PRNG_SEED" in values:
        yield Field("seed", values["PRNG_SEED"], f" seed {values['PRNG_SEED']}")
    ecn, gap = "ECN" in values, values["gap"]
    yield Field("ecn", ecn, " ecn " if ecn else "")
    yield Field("gap", gap, f" gap {gap}" if gap else "")


def _delay_group(time: int, jitter: int, correlation: int) -> Group:
    fields = [
        Field("delay", six_digits(time / _SECOND), f" delay {format_time64(time)}"),
        Field("jitter", six_digits(jitter / _SECOND), f"  {format_time64(jitter)}" if jitter else ""),
    ]
    return Group("delay", [*fields, _correlation(correlation, display=bool(jitter))])


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
        parts = {"state p13": p13, "p31": p31, "p32": p32, "p23": p23, "p14": p14}
    elif number == _GEMODEL and len(values) >= _GEMODEL_VALUES.size:
        p, r, h, k1 = _GEMODEL_VALUES.unpack_from(values)
        parts = {"gemodel p": p, "r": r, "1-h": U32 - h, "1-k": k1}
    else:
        return []
    model = next(iter(parts)).partition(" ")[0]
    before = {name: f" loss {name}" if " " in name else f" {name}" for name in parts}
    fields = [_percent(name.rpartition(" ")[2], before[name], part) for name, part in parts.items()]
    return [Group(f"loss-{model}", fields)]


def _slot_group(slot: Values) -> Group:
    if slot["jitter"] > 0:
        times = (("distribution", " slot distribution", slot["delay"]), ("jitter", "", slot["jitter"]))
    else:
        times = (("min-delay", " slot", slot["least"]), ("max-delay", "", slot["most"]))
    fields = (Field(key, six_digits(time / _SECOND), f"{text} {format_time64(time)}") for key, text, time in times)
    return Group("slot", (*fields, *_unless_0({name: slot[name] for name in ("packets", "bytes")})))


def _unless_0(numbers: Mapping[str, int]) -> list[Field]:
    """Return fields for numbers, which are printed where they are not 0."""
    return [Field(name, value, f" {name} {value}" if value else "") for name, value in numbers.items()]


_lines = statistics_lines(
    Layout("6Q", "delayed dropped corrupted duplicated reordered ecn_marked"),
    "delayed dropped corrupted duplicated reordered ecn_marked",
)


def _statistics(raw: bytes, display: Display) -> Document:
    """Return the start of struct tc_netem_xstats, which kernels send since v7.2, as fields."""
    return _lines(raw, display) if len(raw) >= _COUNTERS else ()


def _chance(word: str) -> Form:
    return Form("PERCENT [ CORRELATION ]", read=read_chance(word))


_LOSS, _DELAY = Form("LOSS", read=read_loss), Form("TIME [ JITTER [ CORRELATION ] ]", read=read_delay)
_RATE_FORM = Form("RATE [ PACKETOVERHEAD [ CELLSIZE [ CELLOVERHEAD ] ] ]", read=read_rate)
_LOSS_TWICE = 'Illegal "duplicate loss argument"'

KIND = qdisc(
    "netem",
    Declared(
        (
            Option("limit", "limit", SIZE._replace(name="PACKETS"), "how many packets may wait {1000}"),
            Option("delay", "delay", _DELAY, "how long each packet is held back"),
            Option("latency", "delay", _DELAY),
            Option("loss", "loss", _LOSS, "packets that are lost", twice=_LOSS_TWICE),
            Option("drop", "loss", _LOSS, twice=_LOSS_TWICE),
            Option("ecn", "ECN", ON, "mark packets (ECN) instead of dropping them"),
            Option("reorder", "reorder", _chance("reorder"), "packets that are sent at once; the others are delayed"),
            Option("corrupt", "corrupt", _chance("corrupt"), "packets that get one bit wrong"),
            Option("gap", "gap", NUMBER, "only each NUMBER-th packet is reordered {1}"),
            Option("duplicate", "duplicate", _chance("duplicate"), "packets that are sent twice"),
            Option(
                "distribution",
                "distribution",
                Form("TABLE", str),
                "how delays are spread: a table of iproute2's like normal, pareto or paretonormal {uniform}",
            ),
            Option("rate", "rate", _RATE_FORM, "how fast packets go out"),
            Option(
                "seed",
                "PRNG_SEED",
                Form("NUMBER", parse_seed),
                "of the random numbers; with the same one, the same packets are hit {random}",
            ),
            Option("slot", "slot", Form("SLOT", read=read_slot), "packets go out in slots of time"),
        ),
        "HEADER LATENCY64 JITTER64 CORR REORDER ECN CORRUPT SLOT LOSS RATE64 RATE PRNG_SEED DELAY_DIST SLOT_DIST",
        (_show,),
        check=check,
        complete=_complete,
        exact=False,
        notes="""
LOSS := [ random ] PERCENT [ CORRELATION ] | state P13 [ P31 [ P32 [ P23 [ P14 ] ] ] ] |
        gemodel PERCENT [ R [ 1-H [ 1-K ] ] ]: at random, or with four states or two (Gilbert-Elliot)
SLOT := { MIN [ MAX ] | distribution TABLE DELAY JITTER } [ packets NUMBER ] [ bytes SIZE ]
TIME := NUMBER[s | ms | us | ns], nanoseconds without a unit
PERCENT := NUMBER[%], 0 to 100
""",
    ),
    prefix="TCA_NETEM",
    attributes=(
        ("CORR", "cdata"),
        ("DELAY_DIST", "cdata"),
        ("REORDER", "cdata"),
        ("CORRUPT", "cdata"),
        ("LOSS", "nested"),
        ("RATE", "cdata"),
        ("ECN", "uint32"),
        ("RATE64", "uint64"),
        ("PAD", "cdata"),
        ("LATENCY64", "int64"),
        ("JITTER64", "int64"),
        ("SLOT", "cdata"),
        ("SLOT_DIST", "cdata"),
        ("PRNG_SEED", "uint64"),
    ),
    header=_QOPT,
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
