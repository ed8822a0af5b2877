"""The ``sfq`` qdisc: flows in turn (tc-sfq(8); include/uapi/linux/pkt_sched.h, net/sched/sch_sfq.c)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import HEADER
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import NUMBER, ON, S32, SIZE, U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared import red
from pytc.tc.kinds.shared.fields import counter, flag, number, six_digits, size, statistics_lines
from pytc.words.engine import signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.netlink.schema import Attributes
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View

_DEFAULT_PACKET = 1000
#: struct tc_sfq_qopt_v1, which ends with struct tc_sfqred_stats.
_QOPT = Layout(
    "IiIII5I4BI6I",
    "quantum perturb limit divisor flows depth headdrop redflowlimit min max Wlog Plog Scell_log flags MAX_P "
    "prob_drop forced_drop prob_mark forced_mark prob_mark_head forced_mark_head",
)
_COUNTERS = (("prob_mark", "prob_mark_head", "prob_drop"), ("forced_mark", "forced_mark_head", "forced_drop"))
_COUNTERS_SIZE = 24
_RED = frozenset(("redflowlimit", "min", "max", "burst", "avpkt", "probability", "ecn", "harddrop"))


def _limit(word: str) -> int:
    limit: int = unsigned(U32)(word)
    if limit < 2:
        raise InvalidOptionsError('Illegal "limit", must be > 1', hints=(f"the limit is {limit}",))
    return limit


def _check(values: Values) -> None:
    """Add RED's parameters where any of its words is given; raises InvalidOptionsError."""
    if _RED.isdisjoint(values):
        return
    limit = values.get("redflowlimit")
    if not limit:
        raise InvalidOptionsError("Required parameter (redflowlimit) is missing")
    packet = values.setdefault("avpkt", _DEFAULT_PACKET)
    high = values.get("max") or limit // 4
    low = values.get("min") or high // 3
    burst = values.get("burst") or (2 * low + high & U32) // (3 * packet & U32 or 1)
    if high > limit:
        raise InvalidOptionsError('"max" is larger than "limit"', hints=(f"max is {high}, redflowlimit {limit}",))
    if low >= high:
        raise InvalidOptionsError('"min" is not smaller than "max"', hints=(f"min is {low}, max {high}",))
    values.update(min=low, max=high, burst=burst)
    red.logarithms("SFQ", values, packet)
    values["flags"] = red.ECN * values.get("ecn", 0) | red.HARDDROP * values.get("harddrop", 0)


def _refuse_red(present: Attributes, requested: Attributes | None) -> str:
    """The kernel keeps the parameters of RED where a request has none."""
    now, then = (_QOPT.unpack((attributes or {}).get(HEADER, b""))["min"] for attributes in (present, requested))
    return "redflowlimit cannot be unset again" if then and not now else ""


def _show(values: Values, view: View) -> list[Field]:
    fields = [Field("limit", values["limit"], f"limit {values['limit']}p "), size("quantum", values["quantum"])]
    fields += [number("depth", values["depth"])] if values["depth"] else []
    fields += [flag("headdrop")] if values["headdrop"] else []
    fields += [number("flows", values["flows"])] if view.display.details else []
    fields.append(number("divisor", values["divisor"]))
    fields += [number("perturb", values["perturb"], "sec")] if values["perturb"] else []
    return [*fields, *_red_fields(values, view)] if values["min"] else fields


def _red_fields(values: Values, view: View) -> list[Field]:
    share = values["MAX_P"] / 2**32
    fields = [
        number("ewma", values["Wlog"]),
        size("min", values["min"]),
        size("max", values["max"]),
        Field("probability", six_digits(share), f"probability {share:g} "),
        *red.flag_fields(values["flags"]),
    ]
    for line in _COUNTERS if view.display.statistics else ():
        fields += [Field("", text="\n "), *(counter(name, values[name]) for name in line)]
    return fields


_statistics = statistics_lines(Layout("i", "allot"), "allot", whole=True)
_BYTES = NUMBER._replace(name="BYTES")

KIND = qdisc(
    "sfq",
    Declared(
        options=(
            Option("quantum", "quantum", SIZE, "how much a flow may send in a turn {the MTU}", wrong="limit"),
            Option(
                "perturb", "perturb", Form("SECONDS", signed(S32)), "how often the hash of flows changes {0: never}"
            ),
            Option("limit", "limit", Form("PACKETS", _limit), "how many packets may wait {127}"),
            Option("divisor", "divisor", NUMBER, "the size of the table of flows, a power of two {1024}"),
            Option("flows", "flows", NUMBER, "how many flows there may be {127}"),
            Option("depth", "depth", NUMBER, "how many packets of a flow may wait {127}", wrong="flows"),
            Option("headdrop", "headdrop", ON, "drop the oldest packet of a flow, not the newest"),
            Option(
                "redflowlimit", "redflowlimit", _BYTES, "the most of a flow that may wait; turns on RED for each flow"
            ),
            Option("min", "min", _BYTES, "the length of the queue where marking starts {max / 3}"),
            Option("max", "max", _BYTES, "the length where marking is at its most {redflowlimit / 4}"),
            Option("burst", "burst", NUMBER, "how many average packets may burst {computed}"),
            Option("avpkt", "avpkt", SIZE, "the size of an average packet {1000}"),
            Option("probability", "probability", red.PROBABILITY, "of marking at max, 0 to 1 {0.02}"),
            Option("ecn", "ecn", ON, "mark packets where it is possible, in place of dropping them"),
            Option("harddrop", "harddrop", ON, "drop what is above max, also with ecn"),
        ),
        sent="HEADER",
        shown=(_show,),
        check=_check,
        sends_nothing=True,
    ),
    header=_QOPT,
    statistics=_statistics,
    class_statistics=_statistics,
    restoration=Restoration(header=_QOPT.size - _COUNTERS_SIZE, refuse=_refuse_red),
)
