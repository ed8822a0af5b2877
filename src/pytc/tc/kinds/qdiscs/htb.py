"""The ``htb`` qdisc and its classes (tc-htb(8); include/uapi/linux/pkt_sched.h, net/sched/sch_htb.c)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import DECIMAL, ON, U16, U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import number, rate
from pytc.tc.kinds.shared.ratespec import (
    BURST,
    LINK_LAYER,
    LONG_BURST,
    RATE,
    RATESPEC,
    Burst,
    burst_size,
    burst_ticks,
    bytes_per_second,
    link_layer_field,
    options_ratespec,
    ticks,
)
from pytc.tc.rates import format_size
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View

_DEFAULT_MTU = 1600
_NO_RATE = '"rate" is required.'
_TWICE = 'Double "{}" spec'
#: struct tc_htb_glob; the version is TC_HTB_PROTOVER.
_QDISC = Layout("5I", "version=3 r2q=10 default debug direct_packets")
#: struct tc_htb_opt: rate and ceil are struct tc_ratespec.
_CLASS = Layout("12s12s5I", "rate ceil buffer cbuffer quantum level prio")
#: struct tc_htb_xstats: lends, borrows, giants u32, tokens, ctokens s32.
_CLASS_STATISTICS = struct.Struct("=3I2i")


def _debug(word: str) -> int:
    """Return the number of up to 16 digits of 0 to 3, two bits each; as in tc, the rest does not count."""
    number = 0
    for position, digit in enumerate(word[:16]):
        if digit not in "0123":
            break
        number |= int(digit) << 2 * position
    return number


def _check_class(values: Values) -> None:
    if not values.get("rate"):
        raise InvalidOptionsError(_NO_RATE)


def _complete_class(values: Values, env: QdiscEnv) -> None:
    """Turn rates and bursts into what struct tc_htb_opt has of them."""
    clock, mtu = env.clock, values.get("mtu", _DEFAULT_MTU)
    rate = bytes_per_second(values["rate"], env)
    ceil = bytes_per_second(values.get("ceil", 0), env) or rate
    if not rate:
        raise InvalidOptionsError(_NO_RATE)
    for name, speed, bucket in (("rate", rate, "buffer"), ("ceil", ceil, "cbuffer")):
        burst: Burst = values.get(bucket, Burst())
        values[name] = options_ratespec(values, speed, burst.cell_log, mtu)
        size = burst.size or speed // clock.hertz + mtu
        values[bucket] = burst_ticks(speed, size, clock, "htb") if name == "rate" else ticks(speed, size, clock)
        if speed > U32:
            values[f"{name.upper()}64"] = speed


def _show_qdisc(values: Values, view: View) -> list[Field]:
    if "r2q" not in values:
        return []
    default, packets, version = values["default"], values["direct_packets"], values["version"]
    minor = f"{default:#x}" if default else "0"
    fields = [
        Field("r2q", values["r2q"], f"r2q {values['r2q']}"),
        Field("default", minor, f" default {minor}"),
        Field("direct_packets_stat", packets, f" direct_packets_stat {packets}"),
    ]
    if view.display.details:
        name = f"{version >> 16}.{version & U16}"
        fields.append(Field("ver", name, f" ver {name}"))
    return fields


def _show_class(values: Values, view: View) -> list[Field]:
    """Return text and JSON as tc prints them; where it leaves out a blank, so does this."""
    if "rate" not in values:
        return []
    display, clock = view
    cell, linklayer, overhead, _, mpu, narrow = RATESPEC.unpack(values["rate"])
    ceil_cell, _, _, _, ceil_mpu, narrow_ceil = RATESPEC.unpack(values["ceil"])
    speed, ceil = values.get("RATE64", narrow), values.get("CEIL64", narrow_ceil)
    buffer, cbuffer = values["buffer"], values["cbuffer"]
    fields: list[Field] = []
    if not values["level"]:
        fields.append(number("prio", values["prio"]))
        fields += [number("quantum", values["quantum"])] if display.details else []
    fields.append(rate("rate", speed, display))
    fields += [number("overhead", overhead)] if overhead else []
    fields.append(rate("ceil", ceil, display))
    fields += link_layer_field(linklayer, display)
    for name, of, size, cell_log, least in (
        ("burst", "rate", burst_size(speed, buffer, clock), cell, mpu),
        ("cburst", "ceil", burst_size(ceil, cbuffer, clock), ceil_cell, ceil_mpu),
    ):
        text, cell_size = f"{name} {format_size(size)}", 1 << (cell_log & 31)
        if display.details:
            fields += [
                Field(name, size, text),
                Field(f"{name}_cell", cell_size, f"/{cell_size}"),
                Field(f"mpu_{of}", least, f"mpu {format_size(least)} "),
            ]
        else:
            fields.append(Field(name, size, text if name == "cburst" else f"{text} "))
    if display.details:
        fields.append(number("level", values["level"]))
    if display.raw:
        fields.append(Field("", text=f"buffer [{buffer:08x}] cbuffer [{cbuffer:08x}] "))
    return fields


def _class_statistics(raw: bytes, display: Display) -> Document:
    """Return struct tc_htb_xstats as fields; lent and borrowed are packets, the tokens are ticks."""
    if len(raw) < _CLASS_STATISTICS.size:
        return ()
    lends, borrows, giants, tokens, ctokens = _CLASS_STATISTICS.unpack_from(raw)
    return (
        Field("lended", lends, f" lended: {lends} "),
        Field("borrowed", borrows, f"borrowed: {borrows} "),
        Field("giants", giants, f"giants: {giants}\n"),
        Field("tokens", tokens, f" tokens: {tokens} "),
        Field("ctokens", ctokens, f"ctokens: {ctokens}\n"),
    )


_MINOR = Form("MINOR", unsigned(U32, 16))
_LENGTH = Form("PACKETS", unsigned(U32, 10), lambda key, value, display: Field(key, value, f" {key} {value}"))
_OFFLOAD = ON._replace(show=lambda key, value, display: Field(key, None, f" {key}"), hidden=())
_SHORT = Form("BYTES", unsigned(U16, 10))
_QDISC_OPTIONS = (
    Option("r2q", "r2q", DECIMAL, "divides a class's rate to give its quantum {10}"),
    Option("default", "default", _MINOR, "the class for packets that no filter classifies; 0: they are not shaped"),
    Option("debug", "debug", Form("DIGITS", _debug), "16 digits of 0 to 3, which kernels ignore"),
    Option(
        "direct_qlen", "DIRECT_QLEN", _LENGTH, "how many packets that are not shaped may wait {the txqueuelen}", U32
    ),
    Option("offload", "OFFLOAD", _OFFLOAD, "let the device's hardware shape"),
)
_CLASS_OPTIONS = (
    Option("prio", "prio", DECIMAL, "classes of lower prio are served first {0}"),
    Option("mtu", "mtu", DECIMAL, "the largest packet that the computed burst has to hold {1600}"),
    Option("mpu", "mpu", _SHORT, "the least that a packet counts for {0}"),
    Option("overhead", "overhead", _SHORT, "what each packet counts for besides its size {0}"),
    Option("linklayer", "linklayer", LINK_LAYER, "how packets are cut on their way {ethernet}"),
    Option("quantum", "quantum", DECIMAL, "how much it may borrow at a time {rate / r2q}"),
    Option("burst", "buffer", LONG_BURST, "how much it may send at once at rate {computed}"),
    Option("buffer", "buffer", LONG_BURST, exact=True),
    Option("maxburst", "buffer", LONG_BURST, exact=True),
    Option("cburst", "cbuffer", BURST, "how much it may send at once at ceil {computed}"),
    Option("cbuffer", "cbuffer", BURST, exact=True),
    Option("cmaxburst", "cbuffer", BURST, exact=True),
    Option("ceil", "ceil", RATE, "the rate that it may reach by borrowing {rate}", exact=True, twice=_TWICE),
    Option("rate", "rate", RATE, "the rate that the class is given", exact=True, twice=_TWICE, required=True),
)

KIND = qdisc(
    "htb",
    Declared(_QDISC_OPTIONS, "INIT DIRECT_QLEN OFFLOAD", (_show_qdisc, "direct_qlen offload"), exact=False),
    classes=Declared(
        _CLASS_OPTIONS,
        "RATE64 CEIL64 PARMS",
        (_show_class,),
        check=_check_class,
        complete=_complete_class,
        exact=False,
        notes="""
RATE := NUMBER[bit | kbit | mbit | gbit | tbit | bps | kbps | mbps | ...], Kibit and so on for powers of 1024,
        or NUMBER% of the device's speed
SIZE := NUMBER[b | k | m | g | kbit | mbit | gbit], in powers of 1024
""",
    ),
    prefix="TCA_HTB",
    attributes=(
        ("PARMS", _CLASS),
        ("INIT", _QDISC),
        ("CTAB", "cdata"),
        ("RTAB", "cdata"),
        ("DIRECT_QLEN", "uint32"),
        ("RATE64", "uint64"),
        ("CEIL64", "uint64"),
        ("PAD", "cdata"),
        ("OFFLOAD", "flag"),
    ),
    class_statistics=_class_statistics,
    class_restoration=Restoration(
        described=("TCA_HTB_OFFLOAD",), unset={"TCA_HTB_RATE64": None, "TCA_HTB_CEIL64": None}
    ),
)
