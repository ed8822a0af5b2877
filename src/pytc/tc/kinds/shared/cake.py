"""The options of cake, which cake_mq has, too (tc-cake(8); include/uapi/linux/pkt_sched.h, net/sched/sch_cake.c)."""

from __future__ import annotations

from pytc.errors import UsageError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import NUMBER, OFF, ON, SIZE, TIME, Declared, Form, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared import cake_framing, cake_statistics
from pytc.tc.kinds.shared.fields import flag, rate, size, time
from pytc.tc.rates import parse_rate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.tc.kinds.interface import AnyQdiscKind
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View

#: CAKE_DIFFSERV_*, CAKE_FLOW_* and CAKE_ACK_* by number.
_DIFFSERV = ("diffserv3", "diffserv4", "diffserv8", "besteffort", "precedence")
_FLOWS = ("flowblind", "srchost", "dsthost", "hosts", "flows", "dual-srchost", "dual-dsthost", "triple-isolate")
_ACKS = ("no-ack-filter", "ack-filter", "ack-filter-aggressive")
_ACKS_IN_JSON = ("disabled", "enabled", "aggressive")
_ATM = {cake_framing.ATM: "atm", cake_framing.PTM: "ptm"}
_ROUND_TRIPS = {
    "datacentre": 100,
    "lan": 1000,
    "metro": 10_000,
    "regional": 30_000,
    "internet": 100_000,
    "oceanic": 300_000,
    "satellite": 1_000_000,
    "interplanetary": 1_000_000_000,
}
#: The target is this part of the round trip.
_TARGET = 20
_AUTOMATIC, _UNLIMITED = "autorate", "unlimited"


def _switch(into: str, on: str, off: str, help: str) -> tuple[Option, Option]:
    return Option(on, into, ON, help), Option(off, into, OFF)


def _choice(into: str, number: int, word: str, help: str = "") -> Option:
    return Option(word, into, Form(value=number), help)


def _check(values: Values) -> None:
    for step in values.pop("shaper", ()):
        if step == _AUTOMATIC:
            values["AUTORATE"] = 1
            continue
        values["AUTORATE"] = 0
        values["BASE_RATE64"] = 0 if step == _UNLIMITED else step or None
    if values.get("BASE_RATE64", 0) is None:  # "bandwidth 0" leaves it as it is
        del values["BASE_RATE64"]
    if delays := values.pop("delay", ()):
        round_trip = _round_trip(delays)
        values["TARGET"] = max(round_trip // _TARGET, 1)
        if round_trip:
            values["RTT"] = round_trip
    cake_framing.settle(values)


def _round_trip(given: tuple[int | str, ...]) -> int:
    """Return the last of the times and names of times that are given; raises UsageError for two names."""
    names = [word for word in given if isinstance(word, str)]
    if len(names) > 1:
        raise UsageError(f'Error: duplicate "{names[1]}": "{names[0]}" is the second value.')
    last = given[-1]
    return _ROUND_TRIPS[last] if isinstance(last, str) else last


_OPTIONS = (
    Option("bandwidth", "shaper", Form("RATE", parse_rate), "how much is sent at most {unlimited}", many=True),
    Option("unlimited", "shaper", Form(value=_UNLIMITED), many=True),
    Option("autorate-ingress", "shaper", Form(value=_AUTOMATIC), many=True),
    Option("rtt", "delay", TIME, "the time that packets take both ways {internet: 100ms}", many=True),
    *(Option(word, "delay", Form(value=word), many=True) for word in _ROUND_TRIPS),
    _choice("DIFFSERV_MODE", 3, "besteffort", "how the DS field divides packets into tins {diffserv3}"),
    _choice("DIFFSERV_MODE", 4, "precedence"),
    _choice("DIFFSERV_MODE", 2, "diffserv8"),
    _choice("DIFFSERV_MODE", 1, "diffserv4"),
    _choice("DIFFSERV_MODE", 1, "diffserv"),
    _choice("DIFFSERV_MODE", 0, "diffserv3"),
    *(
        _choice("FLOW_MODE", number, word, "" if number else "between what a tin is shared fairly {triple-isolate}")
        for number, word in enumerate(_FLOWS)
    ),
    *_switch("NAT", "nat", "nonat", "look at the addresses behind NAT {nonat}"),
    *_switch("WASH", "wash", "nowash", "clear the DS field of what is sent, but for ECN {nowash}"),
    *_switch("SPLIT_GSO", "split-gso", "no-split-gso", "send the parts of large packets one by one {split-gso}"),
    _choice("ACK_FILTER", 1, "ack-filter", "drop acknowledgements that later ones make needless {no-ack-filter}"),
    _choice("ACK_FILTER", 2, "ack-filter-aggressive"),
    _choice("ACK_FILTER", 0, "no-ack-filter"),
    Option(
        "memlimit",
        "MEMORY",
        SIZE,
        "how many bytes the packets that wait may take {computed}",
        omit=0,
        wrong='Illegal value for "memlimit": "{}"',
    ),
    Option(
        "fwmark",
        "FWMARK",
        NUMBER._replace(name="MASK"),
        "take the tin from these bits of the mark",
        omit=0,
        wrong='Illegal value for "fwmark": "{}"',
    ),
    *cake_framing.OPTIONS,
    *_switch("INGRESS", "ingress", "egress", "what is dropped has taken its time on the link, too {egress}"),
)


def _name(names: tuple[str, ...], number: int, key: str, unknown: str) -> Field:
    if number < len(names):
        return Field(key, names[number], f"{names[number]} ")
    return Field(key, "unknown", unknown)


def _switched(key: str, value: Any, on: str, off: str) -> Field:
    return Field(key, bool(value), f"{on if value else off} ".lstrip())


def _show(values: Values, view: View) -> list[Field]:
    fields: list[Field] = []
    if "BASE_RATE64" in values:
        speed = values["BASE_RATE64"]
        unlimited = Field("bandwidth", "unlimited", "bandwidth unlimited ")
        fields.append(rate("bandwidth", speed, view.display) if speed else unlimited)
    if values.get("AUTORATE"):
        fields.append(_name(("", "autorate-ingress"), values["AUTORATE"], "autorate", "(?autorate?) "))
    if "DIFFSERV_MODE" in values:
        fields.append(_name(_DIFFSERV, values["DIFFSERV_MODE"], "diffserv", "(?diffserv?)"))
    if "FLOW_MODE" in values:
        fields.append(_name(_FLOWS, values["FLOW_MODE"], "flowmode", "(?flowmode?)"))
    acks, round_trip, is_raw = values.get("ACK_FILTER", 0), values.get("RTT", 0), "RAW" in values
    acks = acks if acks < len(_ACKS) else 0
    fields += [
        _switched("nat", values.get("NAT"), "nat", "nonat"),
        _switched("wash", values.get("WASH"), "wash", "nowash"),
        _switched("ingress", values.get("INGRESS"), "ingress", ""),
        Field("ack-filter", _ACKS_IN_JSON[acks], f"{_ACKS[acks]} "),
        _switched("split_gso", values.get("SPLIT_GSO"), "split-gso", "no-split-gso"),
        time("rtt", round_trip) if round_trip else Field("rtt", 0),
        flag("raw") if is_raw else Field("raw", False),
    ]
    framing = _ATM.get(values.get("ATM", 0), "" if is_raw else "noatm")
    if framing:
        fields.append(Field("atm", framing, f"{framing} "))
    overhead, mask = values.get("OVERHEAD", 0), values.get("FWMARK", 0)
    fields.append(Field("overhead", overhead, f"overhead {overhead} "))
    if values.get("MPU"):
        fields.append(Field("mpu", values["MPU"], f"mpu {values['MPU']} "))
    if values.get("MEMORY"):
        fields.append(size("memlimit", values["MEMORY"]))
    return [*fields, Field("fwmark", f"{mask:#x}", f"fwmark {mask:#x} ") if mask else Field("fwmark", "0")]


def _refuse_tins(present: Attributes, requested: Attributes | None) -> str:
    requested = requested or {}
    mode = "TCA_CAKE_DIFFSERV_MODE"
    if requested.get(mode, present.get(mode)) == present.get(mode):
        return ""
    return "the counters of its tins cannot be restored"


def cake(name: str) -> AnyQdiscKind:
    """Return the kind of that name."""
    return qdisc(
        name,
        Declared(
            _OPTIONS,
            "BASE_RATE64 DIFFSERV_MODE ATM FLOW_MODE OVERHEAD RAW MPU RTT TARGET AUTORATE MEMORY FWMARK NAT WASH "
            "SPLIT_GSO INGRESS ACK_FILTER",
            (_show,),
            check=_check,
            notes=cake_framing.NOTES,
        ),
        prefix="TCA_CAKE",
        attributes=(
            ("PAD", "none"),
            ("BASE_RATE64", "uint64"),
            *rows("uint32", "DIFFSERV_MODE ATM FLOW_MODE"),
            ("OVERHEAD", "int32"),
            *rows("uint32", "RTT TARGET AUTORATE MEMORY NAT"),
            ("RAW", "cdata"),
            *rows("uint32", "WASH MPU INGRESS ACK_FILTER SPLIT_GSO FWMARK"),
        ),
        statistics=cake_statistics.qdisc_statistics,
        class_statistics=cake_statistics.flow_statistics,
        restoration=Restoration(unset={"TCA_CAKE_RAW": None}, refuse=_refuse_tins) if name == "cake" else None,
    )
