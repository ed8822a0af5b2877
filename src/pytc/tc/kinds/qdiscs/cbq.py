"""The ``cbq`` qdisc and its classes (tc-cbq(8), tc-cbq-details(8); include/uapi/linux/pkt_sched.h and
net/sched/sch_cbq.c of Linux 6.2, the last that has it). tc has not had it since 6.3."""

from __future__ import annotations

import re
import struct

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle, parse_classid
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import NUMBER, SIZE, U16, U32, Declared, Form, Option, rows
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import Options, qdisc
from pytc.tc.kinds.shared.ratespec import (
    ETHERNET,
    LINK_LAYER,
    RATESPEC,
    link_layer_field,
    rate_table,
    ratespec,
)
from pytc.tc.rates import format_rate, format_time, parse_rate, parse_size
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.render.documents import Display, Document
    from pytc.tc.clock import Clock
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.words.engine import Cursor

#: TC_CBQ_MAXPRIO: a class of this priority does not send; TC_CBQ_DEF_EWMA.
_NO_TRANSMIT, _EWMA = 8, 5
#: TCF_CBQ_LSS_*: what struct tc_cbq_lssopt changes, and its flags.
_FLAGS, _EWMA_LOG, _MAXIDLE, _MINIDLE, _OFFTIME, _AVPKT = 1, 2, 4, 8, 16, 32
_BOUNDED, _ISOLATED = 1, 2
#: What an option changes.
_CHANGES = {
    "flags": _FLAGS,
    "ewma": _EWMA_LOG,
    "avpkt": _AVPKT,
    "minidle": _MINIDLE | _EWMA_LOG,
    "minburst": _OFFTIME | _EWMA_LOG | _AVPKT,
    "maxburst": _MAXIDLE | _EWMA_LOG | _AVPKT,
}
_NO_MINIDLE = 0x7FFFFFFF
_LSSOPT = Layout("4B4I", "change flags ewma_log level maxidle minidle offtime avpkt")
_WRROPT = Layout("4B2I", "wrr_flags priority cpriority reserved allot weight")
_FOPT = Layout("3I", "split defmap defchange")
_STATISTICS = struct.Struct("=2I2i")
_DEFMAP = re.compile(r"(?:0x)?([0-9a-f]{1,8})(?:/(?:0x)?([0-9a-f]{1,8}))?", re.I | re.ASCII)
_SECOND = 1_000_000


def _rate(word: str) -> int:
    rate = parse_rate(word)
    if rate > U32:
        raise ValueError(word)
    return rate


def _ewma(word: str) -> int:
    log: int = unsigned(U32)(word)
    if log > 31:
        raise InvalidOptionsError("ewma_log must be < 32", hints=(f"it is {log}",))
    return log


def _cell(word: str) -> int:
    """Return the logarithm of a size."""
    size = parse_size(word)
    if size.bit_count() != 1:
        raise InvalidOptionsError("cell must be 2^n", hints=(f"it is {size}",))
    return size.bit_length() - 1


def _priority(word: str) -> int:
    number: int = unsigned(U32)(word)
    if number > _NO_TRANSMIT:
        raise InvalidOptionsError(f'"prio" must be number in the range 1...{_NO_TRANSMIT}', hints=(f"it is {number}",))
    return number


def _split(word: str) -> int:
    try:
        return parse_classid(word).number
    except ValueError:
        raise InvalidOptionsError("Invalid split node ID.", hints=(f'it is "{word}"',)) from None


def _defmap(word: str) -> tuple[int, int]:
    found = _DEFMAP.match(word)
    if found is None:
        raise InvalidOptionsError("Invalid defmap, should be MASK32[/MASK]", hints=(f'it is "{word}"',))
    return int(found[1], 16), U32 if found[2] is None else int(found[2], 16)


def _packet_ticks(rate: int, size: int, clock: Clock) -> int:
    """Return the time of a packet, of whole microseconds as in the tc that has cbq; 0 for more than 32 bits."""
    ticks = int(int(_SECOND * (size / float(rate))) * clock.ticks_per_microsecond)
    return ticks if ticks <= U32 else 0


def _ticks(seconds: float, clock: Clock) -> int:
    return int((int(seconds * _SECOND) & U32) * clock.ticks_per_microsecond) & U32


def _max_idle(bandwidth: int, rate: int, values: Values, log: int, clock: Clock) -> int:
    """Return the time that may be saved up, in ticks, for bursts of ``maxburst`` packets (tc-cbq-details(8))."""
    gain, packet, burst = 1 - 1 / (1 << log), values.get("avpkt", 0), values.get("maxburst", 0)
    time = packet / bandwidth
    idle = time * (1 - gain)
    if bandwidth != rate and burst:
        idle = max(idle, (packet / rate - time) * _growth(gain, burst))
    return _ticks(idle * (1 << log), clock)


def _off_time(bandwidth: int, rate: int, values: Values, log: int, clock: Clock) -> int:
    gain, packet, burst = 1 - 1 / (1 << log), values.get("avpkt", 0), values["minburst"]
    time = packet / rate - packet / bandwidth
    if not burst:
        return 0
    return _ticks(time * (_growth(gain, 1) if burst == 1 else 1 + _growth(gain, burst - 1) / (1 - gain)), clock)


def _growth(gain: float, packets: int) -> float:
    """Return ``gain ^ -packets - 1``; raises InvalidOptionsError where it has no bounds."""
    try:
        return float(gain**-packets) - 1
    except (ZeroDivisionError, OverflowError):
        raise InvalidOptionsError("CBQ: the burst is too long for ewma", hints=(f"it is {packets} packets",)) from None


def _add_rate(values: Values, rate: int, mtu: int, env: QdiscEnv) -> None:
    spec = ratespec(
        rate,
        values.get("cell"),
        mtu,
        linklayer=values.get("linklayer", ETHERNET),
        overhead=values.get("overhead", 0),
        mpu=values.get("mpu", 0),
    )
    values |= {"RATE": spec, "RTAB": rate_table(rate, spec, env.clock, _packet_ticks)}


def _complete(values: Values, env: QdiscEnv) -> None:
    rate, packet, log = values.get("bandwidth", 0), values.get("avpkt", 0), values.get("ewma", _EWMA)
    if not rate:
        raise InvalidOptionsError("CBQ: bandwidth is required parameter.")
    if not packet:
        raise InvalidOptionsError('CBQ: "avpkt" is required.')
    _add_rate(values, rate, max(values.get("allot", 0), packet * 3 // 2), env)
    values["LSSOPT"] = _LSSOPT.pack(
        {
            "change": _MAXIDLE | _EWMA_LOG | _AVPKT,
            "ewma_log": log,
            "avpkt": packet,
            "maxidle": _max_idle(rate, rate, {"avpkt": packet}, log, env.clock),
        }
    )


def _complete_class(values: Values, env: QdiscEnv) -> None:
    rate, bandwidth, packet = (values.get(name, 0) for name in ("rate", "bandwidth", "avpkt"))
    allot, log = values.get("allot", 0), values.get("ewma", _EWMA)
    if rate:
        _add_rate(values, rate, allot, env)
        allot = max(allot, packet * 3 // 2)
    if values.keys() & {"minburst", "maxburst"}:
        if not packet:
            raise InvalidOptionsError("CBQ: avpkt is required for max/minburst.")
        if not bandwidth or not rate:
            raise InvalidOptionsError("CBQ: bandwidth&rate are required for max/minburst.")
    priority, sends_weights = values.get("prio", 0), bool(values.keys() & {"prio", "weight"})
    if not priority and values["is_new"]:
        priority, sends_weights, allot = _NO_TRANSMIT, True, allot or packet * 3 // 2
    if sends_weights:
        if not allot:
            raise InvalidOptionsError('CBQ: "allot" is required to set WRR parameters.')
        weight = values.get("weight", 0) or (1 if priority == _NO_TRANSMIT else rate)
        values["WRROPT"] = _WRROPT.pack({"priority": priority, "allot": allot, "weight": weight})
    change = 0
    for name, bits in _CHANGES.items():
        change |= bits if name in values else 0
    if change:
        shared = {"ewma_log": log, "avpkt": packet, "flags": _join_flags(values.get("flags", ()))}
        shared["minidle"] = values.get("minidle", 0) << log & U32
        if "maxburst" in values:
            shared["maxidle"] = _max_idle(bandwidth, rate, values, log, env.clock)
        if "minburst" in values:
            shared["offtime"] = _off_time(bandwidth, rate, values, log, env.clock)
        values["LSSOPT"] = _LSSOPT.pack({"change": change | _FLAGS, **shared})
    if values.keys() & {"split", "defmap"}:
        values["FOPT"] = _FOPT.pack(values)


def _join_flags(words: tuple[tuple[int, int], ...]) -> int:
    """Return the flags: each word sets or clears one."""
    flags = 0
    for bit, setting in words:
        flags = flags & ~bit | setting
    return flags


def _show(values: Values, view: View) -> Iterator[Field]:
    details = view.display.details
    if len(values.get("RATE", b"")) >= RATESPEC.size:
        yield from _show_rate(values["RATE"], view)
    shared = _LSSOPT.unpack(values["LSSOPT"]) if len(values.get("LSSOPT", b"")) >= _LSSOPT.size else None
    if shared is not None and shared["flags"]:
        words = [word for word, bit in (("bounded", _BOUNDED), ("isolated", _ISOLATED)) if shared["flags"] & bit]
        yield Field("flags", [*words], f"({','.join(words)}) ")
    if len(values.get("WRROPT", b"")) >= _WRROPT.size:
        weights = _WRROPT.unpack(values["WRROPT"])
        priority = weights["priority"]
        yield Field("prio", priority, f"prio {'no-transmit' if priority == _NO_TRANSMIT else priority}")
        if details:
            yield Field("cpriority", weights["cpriority"], f"/{weights['cpriority']} ")
            if weights["weight"] != 1:
                speed = format_rate(weights["weight"], iec=view.display.iec)
                yield Field("weight", weights["weight"], f"weight {speed} ")
            if weights["allot"]:
                yield Field("allot", weights["allot"], f"allot {weights['allot']}b ")
    if shared is not None and details:
        yield from _show_shared(shared, view)
    if len(values.get("FOPT", b"")) >= _FOPT.size and details:
        split = _FOPT.unpack(values["FOPT"])
        name = view.display.class_name(Handle.from_number(split["split"]))
        yield Field("split", name, f"\nsplit {name} ")
        if split["defmap"]:
            yield Field("defmap", f"{split['defmap']:08x}", f"defmap {split['defmap']:08x}")


def _show_rate(raw: bytes, view: View) -> Iterator[Field]:
    cell, layer, overhead, _, mpu, rate = RATESPEC.unpack_from(raw)
    yield Field("rate", rate, f"rate {format_rate(rate, iec=view.display.iec)} ")
    yield from link_layer_field(layer, view.display)
    if view.display.details:
        yield Field("cell", 1 << (cell & 31), f"cell {1 << (cell & 31)}b ")
        for name, value in (("mpu", mpu), ("overhead", overhead)):
            if value:
                yield Field(name, value, f"{name} {value}b ")


def _show_shared(shared: Values, view: View) -> Iterator[Field]:
    log, clock = shared["ewma_log"] & 31, view.clock
    yield Field("level", shared["level"], f"\nlevel {shared['level']} ")
    yield Field("ewma", shared["ewma_log"], f"ewma {shared['ewma_log']} ")
    yield Field("avpkt", shared["avpkt"], f"avpkt {shared['avpkt']}b ")
    for name, hidden, ticks in (
        ("maxidle", 0, shared["maxidle"] >> log),
        ("minidle", _NO_MINIDLE, shared["minidle"] >> log),
        ("offtime", 0, shared["offtime"]),
    ):
        if shared[name] != hidden:
            time = int(ticks / clock.ticks_per_microsecond)
            raw = f"[{shared[name]:08x}] " if view.display.raw else ""
            yield Field(name, time, f"{name} {format_time(time)} {raw}")


def _statistics(raw: bytes, display: Display) -> Document:
    """Return struct tc_cbq_xstats as fields."""
    if len(raw) < _STATISTICS.size:
        return ()
    borrows, actions, idle, under = _STATISTICS.unpack_from(raw)
    return (
        Field("borrowed", borrows, f"  borrowed {borrows}"),
        Field("overactions", actions, f" overactions {actions}"),
        Field("avgidle", idle, f" avgidle {idle:g}"),
        Field("undertime", under, f" undertime {under:g}"),
    )


def _flag(word: str, bit: int, setting: int, help: str) -> Option:
    return Option(word, "flags", Form(value=(bit, setting)), help, many=True)


_RATE = Form("RATE", _rate)
_LOG = Form("LOG", _ewma)
_CELL = Form("BYTES", _cell)
_SHORT = Form("BYTES", unsigned(U16))
_CELL_OPTION = Option("cell", "cell", _CELL, "the steps of packet sizes, a power of two {8}")
_EWMA_OPTION = Option("ewma", "ewma", _LOG, "how slowly the average idle time follows, 0 to 31 {5}")
_MPU = Option("mpu", "mpu", SIZE, "the least that a packet counts for {0}")
_OVERHEAD = Option("overhead", "overhead", _SHORT, "what each packet counts for besides its size {0}")
_LAYER = Option("linklayer", "linklayer", LINK_LAYER, "how packets are cut on their way {ethernet}")

_KIND = qdisc(
    "cbq",
    Declared(
        options=(
            Option("bandwidth", "bandwidth", _RATE, "the bandwidth of the device", required=True),
            Option("rate", "bandwidth", _RATE, wrong="bandwidth"),
            _EWMA_OPTION,
            _CELL_OPTION,
            Option("avpkt", "avpkt", SIZE, "the size of an average packet", required=True),
            _MPU,
            Option("allot", "allot", SIZE, "the largest packet {avpkt * 1.5}"),
            _OVERHEAD,
            _LAYER,
        ),
        sent="RATE LSSOPT RTAB",
        shown=(_show,),
        complete=_complete,
    ),
    classes=Declared(
        options=(
            Option("rate", "rate", _RATE, "the rate that the class is given"),
            Option("bandwidth", "bandwidth", _RATE, "the bandwidth of the device"),
            Option("minidle", "minidle", NUMBER, "how far the class may fall behind {no limit}"),
            Option(
                "minburst", "minburst", NUMBER._replace(name="PACKETS"), "how many packets it sends at once, when late"
            ),
            Option(
                "maxburst", "maxburst", NUMBER._replace(name="PACKETS"), "how many packets it may send after a pause"
            ),
            _flag("bounded", _BOUNDED, _BOUNDED, "the class does not borrow"),
            _flag("borrow", _BOUNDED, 0, "it borrows {borrow}"),
            _flag("isolated", _ISOLATED, _ISOLATED, "it does not lend"),
            _flag("sharing", _ISOLATED, 0, "it lends {sharing}"),
            _EWMA_OPTION,
            _CELL_OPTION,
            Option(
                "prio",
                "prio",
                Form("NUMBER", _priority),
                "classes of lower prio are served first; 8: it does not send {8}",
            ),
            Option("allot", "allot", SIZE, "how much it may send in a turn, by its weight"),
            Option("avpkt", "avpkt", SIZE, "the size of an average packet"),
            _MPU,
            Option("weight", "weight", SIZE, "its share among classes of its prio {rate}"),
            Option("split", "split", Form("CLASSID", _split), "the class whose packets defmap distributes"),
            Option(
                "defmap", "defmap defchange", Form("MASK[/CHANGE]", _defmap), "the priorities that come here from split"
            ),
            _OVERHEAD,
            _LAYER,
        ),
        sent="LSSOPT WRROPT FOPT RATE RTAB",
        shown=(_show,),
        complete=_complete_class,
    ),
    prefix="TCA_CBQ",
    attributes=rows("cdata", "LSSOPT WRROPT FOPT OVL_STRATEGY RATE RTAB POLICE"),
    statistics=_statistics,
    class_statistics=_statistics,
)


def _parse_class(cursor: Cursor) -> Options:
    """Parse the words after ``cbq``; for a new class, there are defaults."""
    assert _KIND.parse_class is not None
    options = _KIND.parse_class(cursor)
    return Options({**options.values, "is_new": cursor.verb == "add"})


KIND = _KIND.replace(parse_class=_parse_class)
