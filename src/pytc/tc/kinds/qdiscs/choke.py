"""The ``choke`` qdisc: random early detection that drops from the largest flows (tc-choke(8);
include/uapi/linux/pkt_sched.h, net/sched/sch_choke.c)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.tc.kinds.declaration import NUMBER, ON, SIZE, U32, Declared, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared import red
from pytc.tc.kinds.shared.fields import number, statistics_lines
from pytc.tc.kinds.shared.ratespec import NARROW_RATE, narrow_bytes_per_second

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Field
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View

_DEFAULT_PACKET = 1000
_PACKETS = NUMBER._replace(name="PACKETS")
#: struct tc_choke_qopt.
_PARAMETERS = Layout("3I4B", "limit min max Wlog Plog Scell_log flags")
_MISSING = "Required parameter (bandwidth, limit) is missing"


def _check(values: Values) -> None:
    limit = values.get("limit", 0)
    if not limit or not values.get("bandwidth"):
        raise InvalidOptionsError(_MISSING)
    packet = values.setdefault("avpkt", _DEFAULT_PACKET)
    high = values.get("max") or limit // 4
    low = values.get("min") or high // 3
    if high > limit:
        raise InvalidOptionsError('"max" is larger than "limit"', hints=(f"max is {high}, limit {limit}",))
    if low >= high:
        raise InvalidOptionsError('"min" is not smaller than "max"', hints=(f"min is {low}, max {high}",))
    burst = values.get("burst") or (2 * low + high & U32) // 3
    values.update(min=low, max=high, burst=burst)
    red.logarithms("CHOKE", values, packet, packet)


def _complete(values: Values, env: QdiscEnv) -> None:
    rate = narrow_bytes_per_second(values["bandwidth"], env, "bandwidth")
    if not rate:
        raise InvalidOptionsError(_MISSING)
    red.idle_table(values, values["avpkt"], rate, env.clock)
    values["flags"] = red.ECN if values.get("ecn") else 0


def _show(values: Values, view: View) -> list[Field]:
    if "limit" not in values:
        return []
    fields = [number(name, values[name], "p") for name in ("limit", "min", "max")]
    fields += red.flag_fields(values["flags"])
    return fields + red.detail_fields(values, values.get("MAX_P") or None) if view.display.details else fields


KIND = qdisc(
    "choke",
    Declared(
        options=(
            Option("limit", "limit", _PACKETS, "how many packets may wait", required=True),
            Option(
                "bandwidth", "bandwidth", NARROW_RATE, "of the device, for the average after idle times", required=True
            ),
            Option("ecn", "ecn", ON, "mark packets where it is possible, in place of dropping them"),
            Option(
                "min", "min", _PACKETS, "the average length of the queue from which on packets are marked {max / 3}"
            ),
            Option("max", "max", _PACKETS, "the average length at which most packets are marked {limit / 4}"),
            Option("burst", "burst", _PACKETS, "how many packets may burst {(2 * min + max) / 3}"),
            Option("avpkt", "avpkt", SIZE, "the size of an average packet {1000}"),
            Option("probability", "probability", red.PROBABILITY, "of marking at max, 0 to 1 {0.02}"),
        ),
        sent="PARMS STAB MAX_P",
        shown=(_show,),
        check=_check,
        complete=_complete,
    ),
    prefix="TCA_CHOKE",
    attributes=(("PARMS", _PARAMETERS), ("STAB", "cdata"), ("MAX_P", "uint32")),
    statistics=statistics_lines(
        Layout("5I", "early pdrop other marked matched"), "marked early pdrop other matched", whole=True
    ),
)
