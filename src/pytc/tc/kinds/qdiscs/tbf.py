"""The ``tbf`` qdisc: a token bucket (tc-tbf(8); include/uapi/linux/pkt_sched.h, net/sched/sch_tbf.c)."""

import struct
from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind
from pytc.tc.kinds.shared.fields import number, rate, size
from pytc.tc.kinds.shared.ratespec import (
    ETHERNET,
    RATESPEC,
    U32,
    Burst,
    Rate,
    burst_size,
    bytes_per_second,
    link_layer_name,
    microseconds,
    parse_any_rate,
    parse_burst,
    parse_link_layer,
    ratespec,
    ticks,
)
from pytc.tc.rates import format_rate, format_size, format_time, parse_size, parse_time
from pytc.words.engine import Cursor, Word, read_options, unsigned

_SECOND = 1_000_000
#: The end of struct tc_tbf_qopt, behind two of struct tc_ratespec: limit, buffer, mtu.
_REST = struct.Struct("=III")
_USAGE = """\
Usage: ... tbf rate RATE burst SIZE { limit SIZE | latency TIME } [ peakrate RATE mtu SIZE ] [ mpu SIZE ]
               [ overhead BYTES ] [ linklayer { ethernet | atm | adsl } ]

rate       the rate in the long run
burst      how much may be sent at once; buffer and maxburst are the same
limit      how many bytes may wait
latency    how long a packet may wait, in place of limit
peakrate   the rate of a burst {no limit}
mtu        how much may be sent at once at peakrate; minburst is the same
mpu        the least that a packet counts for {0}
overhead   what each packet counts for besides its size {0}
linklayer  how packets are cut on their way {ethernet}
RATE := NUMBER[bit | kbit | mbit | gbit | bps | kbps | ...] or NUMBER% of the device's speed
SIZE := NUMBER[b | k | m | g | kbit | mbit | gbit][/CELL], in powers of 1024
TIME := NUMBER[s | ms | us], microseconds without a unit
"""


class TbfOptions(NamedTuple):
    """The words of a ``tbf`` qdisc; ``limit`` is in bytes, 0 where ``latency`` (microseconds) decides it; ``peakrate``
    0 is none."""

    rate: Rate = 0
    burst: Burst = Burst()
    limit: int = 0
    latency: int = 0
    peakrate: Rate = 0
    mtu: Burst = Burst()
    mpu: int = 0
    overhead: int = 0
    linklayer: int = ETHERNET


def _word(name: str, into: str, convert: Any, *, exact: bool = False, alone: str = "", repeat: bool = False) -> Word:
    """Return a row of the table; ``alone`` is what tc calls the option where it is given twice."""
    return Word(
        name,
        into,
        convert,
        exact=exact,
        repeat=repeat,
        wrong=f'tbf: illegal value for "{name}": "{{}}"',
        twice=f'tbf: duplicate "{alone or name}" specification',
    )


_BURST, _MTU = "buffer/burst/maxburst", "mtu/minburst"
_WORDS = (
    _word("limit", "limit", parse_size),
    _word("latency", "latency", parse_time),
    _word("burst", "burst", parse_burst, alone=_BURST),
    _word("buffer", "burst", parse_burst, exact=True, alone=_BURST),
    _word("maxburst", "burst", parse_burst, exact=True, alone=_BURST),
    _word("mtu", "mtu", parse_burst, exact=True, alone=_MTU),
    _word("minburst", "mtu", parse_burst, exact=True, alone=_MTU),
    _word("mpu", "mpu", parse_size, exact=True),
    _word("rate", "rate", parse_any_rate, exact=True),
    _word("peakrate", "peakrate", parse_any_rate),
    _word("overhead", "overhead", unsigned(0xFFFF, 10)),
    _word("linklayer", "linklayer", parse_link_layer, repeat=True),
)
_SCHEMA = Schema(
    ("TCA_TBF_UNSPEC", "none"),
    ("TCA_TBF_PARMS", "cdata"),
    ("TCA_TBF_RTAB", "cdata"),
    ("TCA_TBF_PTAB", "cdata"),
    ("TCA_TBF_RATE64", "uint64"),
    ("TCA_TBF_PRATE64", "uint64"),
    ("TCA_TBF_BURST", "uint32"),
    ("TCA_TBF_PBURST", "uint32"),
    ("TCA_TBF_PAD", "cdata"),
)


def parse(cursor: Cursor) -> TbfOptions:
    """Parse the words after ``tbf``; raises InvalidOptionsError, UsageError, HelpRequested."""
    fields = read_options(cursor, _WORDS, "qdisc tbf", unknown='tbf: unknown parameter "{}"')
    if fields.get("limit") and fields.get("latency"):
        first, second = (name for name in fields if name in ("limit", "latency"))
        second = "/latency" if second == "latency" else second  # tc's spelling
        raise InvalidOptionsError(f'tbf: specifying both "{first}" and "{second}" is not allowed')
    options = TbfOptions(**fields)
    _check(options)
    return options


def _check(options: TbfOptions) -> None:
    """Raises InvalidOptionsError that names all that is missing."""
    missing = []
    if not options.rate:
        missing.append('tbf: the "rate" parameter is mandatory.')
    if not options.burst.size:
        missing.append('tbf: the "burst" parameter is mandatory.')
    if options.peakrate and not options.mtu.size:
        missing.append('tbf: when "peakrate" is specified, "mtu" must also be specified.')
    if not options.limit and not options.latency:
        missing.append('tbf: either "limit" or "latency" is required.')
    if missing:
        error = InvalidOptionsError("\n".join(missing))
        error.has_several_lines = True
        raise error


def encode(options: TbfOptions, env: QdiscEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them; raises PytcError where a percentage has no speed."""
    rate, peak = bytes_per_second(options.rate, env), bytes_per_second(options.peakrate, env)
    burst, mtu = options.burst.size, options.mtu.size
    _check(options._replace(rate=rate, peakrate=peak))
    limit = options.limit or _limit(options, rate, peak)
    spec = ratespec(
        rate, options.burst.cell_log, mtu, linklayer=options.linklayer, overhead=options.overhead, mpu=options.mpu
    )
    peak_spec = (
        ratespec(
            peak, options.mtu.cell_log, mtu, linklayer=options.linklayer, overhead=options.overhead, mpu=options.mpu
        )
        if peak
        else bytes(RATESPEC.size)
    )
    rest = _REST.pack(
        limit, ticks(min(rate, U32), burst, env.clock), ticks(min(peak, U32), mtu, env.clock) if peak else 0
    )
    wide = [("TCA_TBF_RATE64", rate)] if rate > U32 else []
    wide_peak = [("TCA_TBF_PRATE64", peak)] if peak > U32 else []
    return [
        ("TCA_TBF_PARMS", spec + peak_spec + rest),
        ("TCA_TBF_BURST", burst),
        *wide,
        *wide_peak,
        *([("TCA_TBF_PBURST", mtu)] if peak else []),
    ]


def _limit(options: TbfOptions, rate: int, peak: int) -> int:
    """Return the bytes that wait no longer than the latency."""
    limit = rate * float(options.latency) / _SECOND + options.burst.size
    if peak:
        limit = min(limit, peak * float(options.latency) / _SECOND + options.mtu.size)
    return int(limit) & U32


def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return the document that tc prints, with the peak rate in JSON, which tc's lacks."""
    raw = attributes.get("TCA_TBF_PARMS", b"")
    if len(raw) < 2 * RATESPEC.size + _REST.size:
        return ()
    cell_log, linklayer, overhead, _, mpu, narrow = RATESPEC.unpack_from(raw)
    peak_cell, _, _, _, peak_mpu, narrow_peak = RATESPEC.unpack_from(raw, RATESPEC.size)
    limit, buffer, mtu = _REST.unpack_from(raw, 2 * RATESPEC.size)
    full, peak = attributes.get("TCA_TBF_RATE64", narrow), attributes.get("TCA_TBF_PRATE64", narrow_peak)
    fields = [
        rate("rate", full, display),
        *_bucket("burst", "burst", burst_size(full, buffer, clock), cell_log, mpu, display),
    ]
    fields += [_ticks("burst_raw", buffer)] if display.raw else []
    if peak:
        fields.append(Field("", text=f"peakrate {format_rate(peak, iec=display.iec)} "))
        if mtu or peak_mpu:
            fields += _bucket("minburst", "mtu", burst_size(peak, mtu, clock), peak_cell, peak_mpu, display)
            fields += [_ticks("mtu_raw", mtu)] if display.raw else []
    latency = _latency(limit, [(full, microseconds(buffer, clock)), (peak, microseconds(mtu, clock))])
    fields += [latency] if latency is not None else []
    if latency is None or display.raw:
        fields.append(size("limit", limit))
    if overhead:
        fields.append(number("overhead", overhead))
    if linklayer & 0xF > ETHERNET or display.details:
        name = link_layer_name(linklayer)
        fields.append(Field("linklayer", name, f"linklayer {name} "))
    return fields


def _bucket(name: str, detailed: str, value: int, cell_log: int, mpu: int, display: Display) -> list[Field]:
    if not display.details:
        return [size(name, value)]
    text = f"{format_size(value)}/{1 << (cell_log & 31)}"
    return [Field(detailed, text, f"{detailed} {text} "), size("mpu", mpu)]


def _ticks(name: str, value: int) -> Field:
    return Field(name, f"{value:x}", f"[{value:08x}] ")


def _latency(limit: int, buckets: list[tuple[int, int]]) -> Field | None:
    """Return how long ``limit`` bytes wait at the slower of (rate, microseconds that the bucket holds).

    None where the buckets hold it all.
    """
    waits = [_SECOND * (limit / float(rate)) - held for rate, held in buckets if rate]
    latency = max(waits, default=-1.0)
    if latency < 0:
        return None
    return Field("lat", int(latency), f"lat {format_time(int(latency) & U32)} ")


KIND: QdiscKind[TbfOptions, None] = QdiscKind("tbf", _SCHEMA, parse, encode, document, _USAGE)
