"""The ``htb`` qdisc and its classes (tc-htb(8); include/uapi/linux/pkt_sched.h, net/sched/sch_htb.c)."""

import struct
from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind
from pytc.tc.kinds.shared.fields import number, rate
from pytc.tc.kinds.shared.ratespec import (
    ETHERNET,
    RATESPEC,
    U32,
    Burst,
    Rate,
    burst_size,
    bytes_per_second,
    link_layer_name,
    parse_any_rate,
    parse_burst,
    parse_link_layer,
    ratespec,
    ticks,
)
from pytc.tc.rates import format_size
from pytc.words.engine import Cursor, Word, read_options, unsigned

_U16 = 0xFFFF
_VERSION = 3
_DEFAULT_R2Q = 10
_DEFAULT_MTU = 1600
_NO_RATE = '"rate" is required.'
#: The end of struct tc_htb_opt, behind two of struct tc_ratespec: buffer, cbuffer, quantum, level, prio.
_CLASS = struct.Struct("=IIIII")
#: struct tc_htb_glob.
_QDISC = struct.Struct("=IIIII")
#: struct tc_htb_xstats.
_CLASS_STATISTICS = struct.Struct("=IIIii")


class HtbOptions(NamedTuple):
    """The words of an ``htb`` qdisc; ``default`` is a minor number, ``direct_qlen`` None for the kernel's choice."""

    default: int = 0
    r2q: int = _DEFAULT_R2Q
    direct_qlen: int | None = None
    debug: int = 0
    offload: bool = False


class HtbClassOptions(NamedTuple):
    """The words of an ``htb`` class.

    Rates are in bytes per second, or percentages; ``ceil`` 0 is that of ``rate``, ``quantum`` 0 is left to the kernel.
    """

    rate: Rate
    ceil: Rate = 0
    burst: Burst = Burst()
    cburst: Burst = Burst()
    prio: int = 0
    quantum: int = 0
    mtu: int = _DEFAULT_MTU
    mpu: int = 0
    overhead: int = 0
    linklayer: int = ETHERNET


class Limit(NamedTuple):
    """A rate or ceil as the kernel has it: bytes per second, and the bytes that may be sent at once, also in ticks."""

    rate: int
    burst: int
    cell: int
    mpu: int
    ticks: int


class HtbClass(NamedTuple):
    """A class as the kernel has it."""

    prio: int
    quantum: int
    level: int
    rate: Limit
    ceil: Limit
    overhead: int
    linklayer: int


def _debug(word: str) -> int:
    """Return the number of up to 16 digits of 0 to 3, two bits each; as in tc, the rest does not count."""
    number = 0
    for position, digit in enumerate(word[:16]):
        if digit not in "0123":
            break
        number |= int(digit) << 2 * position
    return number


_QDISC_WORDS = (
    Word("r2q", "r2q", unsigned(U32, 10), repeat=True),
    Word("default", "default", unsigned(U32, 16), repeat=True),
    Word("debug", "debug", _debug, repeat=True),
    Word("direct_qlen", "direct_qlen", unsigned(U32, 10), repeat=True),
    Word("offload", "offload", repeat=True),
)
_CLASS_WORDS = (
    Word("prio", "prio", unsigned(U32, 10), repeat=True),
    Word("mtu", "mtu", unsigned(U32, 10), repeat=True),
    Word("mpu", "mpu", unsigned(_U16, 10), repeat=True),
    Word("overhead", "overhead", unsigned(_U16, 10), repeat=True),
    Word("linklayer", "linklayer", parse_link_layer, repeat=True),
    Word("quantum", "quantum", unsigned(U32, 10), repeat=True),
    Word("burst", "burst", parse_burst, repeat=True),
    Word("buffer", "burst", parse_burst, exact=True, repeat=True),
    Word("maxburst", "burst", parse_burst, exact=True, repeat=True),
    Word("cburst", "cburst", parse_burst, repeat=True),
    Word("cbuffer", "cburst", parse_burst, exact=True, repeat=True),
    Word("cmaxburst", "cburst", parse_burst, exact=True, repeat=True),
    Word("ceil", "ceil", parse_any_rate, exact=True, twice='Double "{}" spec'),
    Word("rate", "rate", parse_any_rate, exact=True, twice='Double "{}" spec'),
)

SCHEMA = Schema(
    ("TCA_HTB_UNSPEC", "none"),
    ("TCA_HTB_PARMS", "cdata"),
    ("TCA_HTB_INIT", "cdata"),
    ("TCA_HTB_CTAB", "cdata"),
    ("TCA_HTB_RTAB", "cdata"),
    ("TCA_HTB_DIRECT_QLEN", "uint32"),
    ("TCA_HTB_RATE64", "uint64"),
    ("TCA_HTB_CEIL64", "uint64"),
    ("TCA_HTB_PAD", "cdata"),
    ("TCA_HTB_OFFLOAD", "flag"),
)


def parse(cursor: Cursor) -> HtbOptions:
    """Parse the words after ``htb`` of a qdisc; raises InvalidOptionsError, UsageError, HelpRequested."""
    return HtbOptions(**read_options(cursor, _QDISC_WORDS, "qdisc htb"))


def parse_class(cursor: Cursor) -> HtbClassOptions:
    """Parse the words after ``htb`` of a class; raises InvalidOptionsError, UsageError, HelpRequested."""
    fields = read_options(cursor, _CLASS_WORDS, "class htb")
    if not fields.get("rate"):
        raise InvalidOptionsError(_NO_RATE)
    return HtbClassOptions(**fields)


def encode(options: HtbOptions, env: QdiscEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them."""
    attributes: list[tuple[str, Any]] = [
        ("TCA_HTB_INIT", _QDISC.pack(_VERSION, options.r2q, options.default, options.debug, 0))
    ]
    if options.direct_qlen not in (None, U32):
        attributes.append(("TCA_HTB_DIRECT_QLEN", options.direct_qlen))
    if options.offload:
        attributes.append(("TCA_HTB_OFFLOAD", None))
    return attributes


def encode_class(options: HtbClassOptions, env: QdiscEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them; raises InvalidOptionsError."""
    clock = env.clock
    rate = bytes_per_second(options.rate, env)
    ceil = bytes_per_second(options.ceil, env) or rate
    if not rate:
        raise InvalidOptionsError(_NO_RATE)
    specs = [
        ratespec(
            limit, burst.cell_log, options.mtu, linklayer=options.linklayer, overhead=options.overhead, mpu=options.mpu
        )
        for limit, burst in ((rate, options.burst), (ceil, options.cburst))
    ]
    rest = _CLASS.pack(
        ticks(rate, options.burst.size or (rate // clock.hertz + options.mtu) & U32, clock),
        ticks(ceil, options.cburst.size or (ceil // clock.hertz + options.mtu) & U32, clock),
        options.quantum,
        0,
        options.prio,
    )
    wide = [(name, value) for name, value in (("TCA_HTB_RATE64", rate), ("TCA_HTB_CEIL64", ceil)) if value > U32]
    return [*wide, ("TCA_HTB_PARMS", b"".join(specs) + rest)]


def decode_class(attributes: Attributes, clock: Clock) -> HtbClass | None:
    """Return the parameters of a class, None where the kernel's answer has none."""
    raw = attributes.get("TCA_HTB_PARMS", b"")
    if len(raw) < 2 * RATESPEC.size + _CLASS.size:
        return None
    rate_cell, linklayer, overhead, _, rate_mpu, rate = RATESPEC.unpack_from(raw)
    ceil_cell, _, _, _, ceil_mpu, ceil = RATESPEC.unpack_from(raw, RATESPEC.size)
    buffer, cbuffer, quantum, level, prio = _CLASS.unpack_from(raw, 2 * RATESPEC.size)
    rate, ceil = attributes.get("TCA_HTB_RATE64", rate), attributes.get("TCA_HTB_CEIL64", ceil)
    of_rate = Limit(rate, burst_size(rate, buffer, clock), 1 << (rate_cell & 31), rate_mpu, buffer)
    of_ceil = Limit(ceil, burst_size(ceil, cbuffer, clock), 1 << (ceil_cell & 31), ceil_mpu, cbuffer)
    return HtbClass(prio, quantum, level, of_rate, of_ceil, overhead, linklayer)


def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return the document that tc prints."""
    fields: list[Field] = []
    raw = attributes.get("TCA_HTB_INIT", b"")
    if len(raw) >= _QDISC.size:
        version, r2q, default, _debug_bits, direct_packets = _QDISC.unpack_from(raw)
        default_class = f"{default:#x}" if default else "0"
        fields += [
            Field("r2q", r2q, f"r2q {r2q}"),
            Field("default", default_class, f" default {default_class}"),
            Field("direct_packets_stat", direct_packets, f" direct_packets_stat {direct_packets}"),
        ]
        if display.details:
            name = f"{version >> 16}.{version & _U16}"
            fields.append(Field("ver", name, f" ver {name}"))
    if "TCA_HTB_DIRECT_QLEN" in attributes:
        length = attributes["TCA_HTB_DIRECT_QLEN"]
        fields.append(Field("direct_qlen", length, f" direct_qlen {length}"))
    if "TCA_HTB_OFFLOAD" in attributes:
        fields.append(Field("offload", None, " offload"))
    return fields


def document_class(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return text as tc 6.1 prints it, and JSON, which tc 6.1 lacks, with the members of later ones."""
    record = decode_class(attributes, clock)
    if record is None:
        return ()
    fields: list[Field] = []
    if not record.level:
        fields.append(number("prio", record.prio))
        fields += [number("quantum", record.quantum)] if display.details else []
    fields.append(rate("rate", record.rate.rate, display))
    if record.overhead:
        fields.append(number("overhead", record.overhead))
    fields.append(rate("ceil", record.ceil.rate, display))
    if record.linklayer & 0xF > ETHERNET or display.details:
        name = link_layer_name(record.linklayer)
        fields.append(Field("linklayer", name, f"linklayer {name} "))
    fields += [
        *_burst_fields("burst", "rate", record.rate, display),
        *_burst_fields("cburst", "ceil", record.ceil, display),
    ]
    if display.details:
        fields.append(number("level", record.level))
    if display.raw:
        text = f"buffer [{record.rate.ticks:08x}] cbuffer [{record.ceil.ticks:08x}] "
        fields.append(Field("", text=text))
    return fields


def _burst_fields(name: str, of: str, limit: Limit, display: Display) -> list[Field]:
    text = f"{name} {format_size(limit.burst)}"
    if not display.details:
        return [Field(name, limit.burst, f"{text} ")]
    return [
        Field(name, limit.burst, text),
        Field(f"{name}_cell", limit.cell, f"/{limit.cell} "),
        Field(f"mpu_{of}", limit.mpu, f"mpu {format_size(limit.mpu)} "),
    ]


def class_statistics(raw: bytes) -> Document:
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


_USAGE = """\
Usage: ... qdisc add ... htb [ default MINOR ] [ r2q NUMBER ] [ direct_qlen PACKETS ] [ offload ]

default      the minor number (hex) of the class for packets that no filter classifies; 0: they are not shaped
r2q          divides a class's rate to give its quantum {10}
direct_qlen  how many packets that are not shaped may wait {the device's txqueuelen}
offload      lets the device's hardware shape
"""
_CLASS_USAGE = """\
Usage: ... class add ... htb rate RATE [ ceil RATE ] [ burst SIZE ] [ cburst SIZE ] [ prio NUMBER ] [ quantum BYTES ]
                             [ mtu BYTES ] [ mpu BYTES ] [ overhead BYTES ] [ linklayer { ethernet | atm | adsl } ]

rate       the rate that the class is given
ceil       the rate that it may reach by borrowing {rate}
burst      how much it may send at once at that rate {computed}
cburst     the same for ceil {computed}
prio       classes of lower prio are served first {0}
quantum    how much it may borrow at a time {rate / r2q}
mtu        the largest packet that the computed burst has to hold {1600}
mpu        the least that a packet counts for {0}
overhead   what each packet counts for besides its size {0}
linklayer  how packets are cut on their way {ethernet}
RATE := NUMBER[bit | kbit | mbit | gbit | tbit | bps | kbps | mbps | ...], Kibit and so on for powers of 1024,
        or NUMBER% of the device's speed
SIZE := NUMBER[b | k | m | g | kbit | mbit | gbit], in powers of 1024
"""

KIND = QdiscKind(
    "htb",
    SCHEMA,
    parse,
    encode,
    document,
    _USAGE,
    parse_class=parse_class,
    encode_class=encode_class,
    document_class=document_class,
    class_statistics=class_statistics,
    class_usage=_CLASS_USAGE,
)
