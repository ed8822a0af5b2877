"""The ``sfb`` qdisc: stochastic fair blue (tc-sfb(8); include/uapi/linux/pkt_sched.h, net/sched/sch_sfb.c)."""

from __future__ import annotations

import math

from pytc.render.documents import Field
from pytc.tc.kinds.declaration import NUMBER, PACKETS, U32, Declared, Form, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import counter, number, six_digits
from pytc.tc.rates import format_time, split_number
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document
    from pytc.tc.kinds.layout import Values

_CERTAIN = 0xFFFF
_MILLISECOND = 1000
#: struct tc_sfb_qopt: tc sends its own defaults, which differ from those of the kernel.
_PARAMETERS = Layout(
    "9I",
    "rehash=600000 db=60000 max target increment decrement limit penalty_rate=10 penalty_burst=20",
)
_DEFAULT_INCREMENT, _DEFAULT_DECREMENT = 0.0005, 0.00005
_DEFAULT_MAX, _DEFAULT_TARGET = 25, 20
#: struct tc_sfb_xstats.
_STATISTICS = Layout("9I", "earlydrop penaltydrop bucketdrop queuedrop childdrop marked maxqlen maxprob avgprob")


def _chance(word: str) -> float:
    """Return the number at the start of a word; as in tc, the rest does not count."""
    share = split_number(word)[0]
    if not 0 <= share <= 1:
        raise ValueError(word)
    return share


def _show_time(key: str, value: int, display: Display) -> Field:
    microseconds = value * _MILLISECOND & U32
    return Field(key, microseconds, f"{key} {format_time(microseconds)} ")


def _show_chance(key: str, value: int, display: Display) -> Field:
    return Field(key, six_digits(value / _CERTAIN), f"{key} {value / _CERTAIN:g} ")


def _probability(name: str, value: int, before: str) -> Field:
    return Field(name, six_digits(value / _CERTAIN), f"{before}{name} {value / _CERTAIN:g}")


def _check(values: Values) -> None:
    """Add what follows from the other thresholds, and the chances."""
    largest, target = values.get("max", 0), values.get("target", 0)
    if not largest:
        largest = (target * 5 + 1 & U32) // 4 if target else _DEFAULT_MAX
    values["max"] = largest
    values["target"] = target or (largest * 4 + 3 & U32) // 5
    for name, default in (("increment", _DEFAULT_INCREMENT), ("decrement", _DEFAULT_DECREMENT)):
        values[name] = math.floor(values.get(name, default) * _CERTAIN + 0.5)


def _statistics(raw: bytes, display: Display) -> Document:
    if len(raw) < _STATISTICS.size:
        return ()
    values = _STATISTICS.unpack(raw)
    first, *others = ("earlydrop", "penaltydrop", "bucketdrop", "queuedrop", "childdrop", "marked")
    return [
        counter(first, values[first], "  "),
        *(counter(name, values[name]) for name in others),
        counter("maxqlen", values["maxqlen"], "\n  "),
        _probability("maxprob", values["maxprob"], " "),
        _probability("avgprob", values["avgprob"], " "),
    ]


_TIME = Form("MILLISECONDS", unsigned(U32), _show_time)
_CHANCE = Form("CHANCE", _chance, _show_chance)
_RATE = NUMBER._replace(name="PACKETS", show=lambda key, value, display: number(key, value, "pps"))

KIND = qdisc(
    "sfb",
    Declared(
        options=(
            Option("rehash", "rehash", _TIME, "how often flows are put into other buckets {600000}"),
            Option("db", "db", _TIME, "how long before that the new buckets are filled {60000}"),
            Option("limit", "limit", PACKETS, "how many packets may wait {the txqueuelen of the device}"),
            Option("max", "max", PACKETS, "how many packets of a bucket may wait {25}"),
            Option("target", "target", PACKETS, "how many should wait at most {20, or by max}"),
            Option("increment", "increment", _CHANCE, "of marking above the target, 0 to 1 {0.0005}"),
            Option("decrement", "decrement", _CHANCE, "of marking when a bucket is empty, 0 to 1 {0.00005}"),
            Option("penalty_rate", "penalty_rate", _RATE, "what unresponsive flows may send in a second {10}"),
            Option("penalty_burst", "penalty_burst", PACKETS, "what they may send beyond that {20}"),
        ),
        sent="PARMS",
        shown=("rehash db limit max target increment decrement penalty_rate penalty_burst",),
        check=_check,
    ),
    prefix="TCA_SFB",
    attributes=(("PARMS", _PARAMETERS),),
    statistics=_statistics,
)
