"""The ``tbf`` qdisc: a token bucket (tc-tbf(8); include/uapi/linux/pkt_sched.h, net/sched/sch_tbf.c)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import SIZE, TIME, U16, U32, Declared, Form, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import number, rate, size
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
from pytc.tc.rates import format_rate, format_size, format_time
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.render.documents import Display
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View

_SECOND = 1_000_000
#: struct tc_tbf_qopt: rate and peakrate are struct tc_ratespec, buffer and mtu times in ticks.
_QOPT = Layout("12s12s3I", "rate peakrate limit buffer mtu")
_TWICE = 'tbf: duplicate "{}" specification'
_BURST_TWICE, _MTU_TWICE = _TWICE.format("buffer/burst/maxburst"), _TWICE.format("mtu/minburst")


def _check(values: Values) -> None:
    """Raises InvalidOptionsError that names all that is missing."""
    if values.get("limit") and values.get("latency"):
        first, second = (name for name in values if name in ("limit", "latency"))
        second = "/latency" if second == "latency" else second  # tc's spelling
        raise InvalidOptionsError(f'tbf: specifying both "{first}" and "{second}" is not allowed')
    missing = []
    if not values.get("rate"):
        missing.append('tbf: the "rate" parameter is mandatory.')
    if not values.get("buffer", Burst()).size:
        missing.append('tbf: the "burst" parameter is mandatory.')
    if values.get("peakrate") and not values.get("mtu", Burst()).size:
        missing.append('tbf: when "peakrate" is specified, "mtu" must also be specified.')
    if not values.get("limit") and not values.get("latency"):
        missing.append('tbf: either "limit" or "latency" is required.')
    if missing:
        error = InvalidOptionsError("\n".join(missing))
        error.has_several_lines = True
        raise error


def _complete(values: Values, env: QdiscEnv) -> None:
    """Turn rates and bursts into what struct tc_tbf_qopt has of them, and the latency into a limit."""
    speed, peak = bytes_per_second(values["rate"], env), bytes_per_second(values.get("peakrate", 0), env)
    _check({**values, "rate": speed, "peakrate": peak})
    burst, mtu = values["buffer"], values.get("mtu", Burst())
    limit = values.get("limit") or _limit([(speed, burst.size), (peak, mtu.size)], values["latency"])
    values |= {
        "limit": limit,
        "rate": options_ratespec(values, speed, burst.cell_log, mtu.size),
        "peakrate": options_ratespec(values, peak, mtu.cell_log, mtu.size) if peak else bytes(RATESPEC.size),
        "buffer": burst_ticks(min(speed, U32), burst.size, env.clock, "tbf"),
        "mtu": ticks(min(peak, U32), mtu.size, env.clock) if peak else 0,
    }
    if burst.size <= U32:
        values["BURST"] = burst.size
    if speed > U32:
        values["RATE64"] = speed
    if peak > U32:
        values["PRATE64"] = peak
    if peak:
        values["PBURST"] = mtu.size


def _limit(buckets: Iterable[tuple[int, int]], latency: int) -> int:
    """Return the bytes that wait no longer than the latency, for buckets with (rate, size)."""
    return int(min(rate * float(latency) / _SECOND + size for rate, size in buckets if rate)) & U32


def _show(values: Values, view: View) -> list[Field]:
    """Return what tc prints, with the peak rate in JSON, which tc's lacks."""
    if "rate" not in values:
        return []
    display, clock = view
    limit, buffer, mtu = values["limit"], values["buffer"], values["mtu"]
    cell_log, linklayer, overhead, _, mpu, narrow = RATESPEC.unpack(values["rate"])
    peak_cell, _, _, _, peak_mpu, narrow_peak = RATESPEC.unpack(values["peakrate"])
    speed, peak = values.get("RATE64", narrow), values.get("PRATE64", narrow_peak)
    fields = [
        rate("rate", speed, display),
        *_bucket("burst", "burst", burst_size(speed, buffer, clock), cell_log, mpu, display),
    ]
    fields += [_raw("burst_raw", buffer)] if display.raw else []
    if peak:
        fields.append(Field("", text=f"peakrate {format_rate(peak, iec=display.iec)} "))
        if mtu or peak_mpu:
            fields += _bucket("minburst", "mtu", burst_size(peak, mtu, clock), peak_cell, peak_mpu, display)
            fields += [_raw("mtu_raw", mtu)] if display.raw else []
    waits = [
        _SECOND * (limit / float(rate)) - held / clock.ticks_per_microsecond
        for rate, held in ((speed, buffer), (peak, mtu))
        if rate
    ]
    latency = max(waits, default=-1.0)
    if latency >= 0:
        fields.append(Field("lat", int(latency), f"lat {format_time(int(latency) & U32)} "))
    if latency < 0 or display.raw:
        fields.append(size("limit", limit))
    fields += [number("overhead", overhead)] if overhead else []
    return fields + link_layer_field(linklayer, display)


def _bucket(name: str, detailed: str, value: int, cell_log: int, mpu: int, display: Display) -> list[Field]:
    if not display.details:
        return [size(name, value)]
    text = f"{format_size(value)}/{1 << (cell_log & 31)}"
    return [Field(detailed, text, f"{detailed} {text} "), size("mpu", mpu)]


def _raw(name: str, value: int) -> Field:
    return Field(name, f"{value:x}", f"[{value:08x}] ")


KIND = qdisc(
    "tbf",
    Declared(
        (
            Option("limit", "limit", SIZE, "how many bytes may wait"),
            Option("latency", "latency", TIME, "how long a packet may wait, in place of limit"),
            Option("burst", "buffer", LONG_BURST, "how much may be sent at once", twice=_BURST_TWICE),
            Option("buffer", "buffer", LONG_BURST, exact=True, twice=_BURST_TWICE),
            Option("maxburst", "buffer", LONG_BURST, exact=True, twice=_BURST_TWICE),
            Option("mtu", "mtu", BURST, "how much may be sent at once at peakrate", exact=True, twice=_MTU_TWICE),
            Option("minburst", "mtu", BURST, exact=True, twice=_MTU_TWICE),
            Option("mpu", "mpu", SIZE, "the least that a packet counts for {0}", exact=True),
            Option("rate", "rate", RATE, "the rate in the long run", exact=True),
            Option("peakrate", "peakrate", RATE, "the rate of a burst {no limit}"),
            Option(
                "overhead",
                "overhead",
                Form("BYTES", unsigned(U16, 10)),
                "what each packet counts for besides its size {0}",
            ),
            Option("linklayer", "linklayer", LINK_LAYER, "how packets are cut on their way {ethernet}", twice=None),
        ),
        "PARMS BURST RATE64 PRATE64 PBURST",
        (_show,),
        check=_check,
        complete=_complete,
        exact=False,
        unknown='tbf: unknown parameter "{}"',
        wrong='tbf: illegal value for "{word}": "{}"',
        twice='tbf: duplicate "{word}" specification',
        forms=(
            "tbf rate RATE burst SIZE { limit SIZE | latency TIME } [ peakrate RATE mtu SIZE ] [ mpu SIZE ]\n"
            "               [ overhead BYTES ] [ linklayer { ethernet | atm | adsl } ]",
        ),
        notes="""
RATE := NUMBER[bit | kbit | mbit | gbit | bps | kbps | ...] or NUMBER% of the device's speed
SIZE := NUMBER[b | k | m | g | kbit | mbit | gbit][/CELL], in powers of 1024
TIME := NUMBER[s | ms | us], microseconds without a unit
""",
    ),
    prefix="TCA_TBF",
    attributes=(
        ("PARMS", _QOPT),
        ("RTAB", "cdata"),
        ("PTAB", "cdata"),
        ("RATE64", "uint64"),
        ("PRATE64", "uint64"),
        ("BURST", "uint32"),
        ("PBURST", "uint32"),
        ("PAD", "cdata"),
    ),
)
