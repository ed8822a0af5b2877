"""The ``htb`` qdisc and its classes (tc-htb(8); include/uapi/linux/pkt_sched.h, net/sched/sch_htb.c).

Times are in ticks: a burst is sent to the kernel as the time that it takes at its rate. The rate tables of
TCA_HTB_RTAB and TCA_HTB_CTAB are not sent: since v3.8 the kernel computes without them when the link layer is given.
"""

import struct
from typing import Any, NamedTuple

from pytc.documents import Document, Field, Shown
from pytc.errors import InvalidOptionsError
from pytc.grammar.words import Cursor, Word, choose, fill, unsigned
from pytc.kinds.interface import Attributes, Clock, QdiscKind, Schema
from pytc.rates import format_rate, format_size, parse_rate, parse_size

_U16, _U32 = 0xFFFF, 0xFFFFFFFF
_MICROSECONDS = 1_000_000
_VERSION = 3
_DEFAULT_R2Q = 10
_DEFAULT_MTU = 1600
#: struct tc_ratespec twice, then the rest of struct tc_htb_opt.
_CLASS = struct.Struct("=BBHhHI BBHhHI IIIII")
#: struct tc_htb_glob.
_QDISC = struct.Struct("=IIIII")
#: struct tc_htb_xstats.
_CLASS_STATISTICS = struct.Struct("=IIIii")
_CELL_ALIGN = -1
#: TC_LINKLAYER_*.
_LINK_LAYERS = ("unspec", "ethernet", "atm")
_LINK_LAYER_MASK = 0x0F
_ETHERNET = 1
_LINK_LAYER_WORDS = {"ethernet": _ETHERNET, "atm": 2, "adsl": 2}


class HtbOptions(NamedTuple):
    """``default`` is a minor number; ``direct_qlen`` None for the kernel's choice."""

    default: int = 0
    r2q: int = _DEFAULT_R2Q
    direct_qlen: int | None = None
    debug: int = 0
    offload: bool = False


class Burst(NamedTuple):
    """A size in bytes, 0 for one that is computed; ``cell_log`` is the logarithm of the cell size, if one is given."""

    size: int = 0
    cell_log: int | None = None


class HtbClassOptions(NamedTuple):
    """Rates are in bytes per second; ``ceil`` 0 is that of ``rate``, ``quantum`` 0 is left to the kernel."""

    rate: int
    ceil: int = 0
    burst: Burst = Burst()
    cburst: Burst = Burst()
    prio: int = 0
    quantum: int = 0
    mtu: int = _DEFAULT_MTU
    mpu: int = 0
    overhead: int = 0
    linklayer: int = _ETHERNET


class Limit(NamedTuple):
    """A rate or ceil as the kernel has it: bytes per second, and the bytes that may be sent at once."""

    rate: int
    burst: int
    cell: int
    mpu: int


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
    """Up to 16 digits of 0 to 3, two bits each; what follows does not count, as in tc."""
    number = 0
    for position, digit in enumerate(word[:16]):
        if digit not in "0123":
            break
        number |= int(digit) << 2 * position
    return number


def _rate(word: str) -> int:
    if "%" in word:
        raise InvalidOptionsError(f'Illegal rate "{word}": a percentage of the device\'s speed is not supported by '
                                  "this version of pytc")
    return parse_rate(word)


def _burst(word: str) -> Burst:
    """``SIZE`` or ``SIZE/CELL``, the cell a power of two."""
    size, slash, cell = word.partition("/")
    if not slash:
        return Burst(parse_size(size))
    cell_size: int = unsigned(0x7FFFFFFF)(cell)
    if cell_size.bit_count() != 1:
        raise ValueError(word)
    return Burst(parse_size(size), cell_size.bit_length() - 1)


def _link_layer(word: str) -> int:
    name = choose(word, tuple(_LINK_LAYER_WORDS))
    if not name:
        raise ValueError(word)
    return _LINK_LAYER_WORDS[name]


_QDISC_WORDS = (
    Word("r2q", "r2q", unsigned(_U32, 10), repeat=True),
    Word("default", "default", unsigned(_U32, 16), repeat=True),
    Word("debug", "debug", _debug, repeat=True),
    Word("direct_qlen", "direct_qlen", unsigned(_U32, 10), repeat=True),
    Word("offload", "offload", repeat=True),
)
_CLASS_WORDS = (
    Word("prio", "prio", unsigned(_U32, 10), repeat=True),
    Word("mtu", "mtu", unsigned(_U32, 10), repeat=True),
    Word("mpu", "mpu", unsigned(_U16, 10), repeat=True),
    Word("overhead", "overhead", unsigned(_U16, 10), repeat=True),
    Word("linklayer", "linklayer", _link_layer, repeat=True),
    Word("quantum", "quantum", unsigned(_U32, 10), repeat=True),
    Word("burst", "burst", _burst, repeat=True),
    Word("buffer", "burst", _burst, exact=True, repeat=True),
    Word("maxburst", "burst", _burst, exact=True, repeat=True),
    Word("cburst", "cburst", _burst, repeat=True),
    Word("cbuffer", "cburst", _burst, exact=True, repeat=True),
    Word("cmaxburst", "cburst", _burst, exact=True, repeat=True),
    Word("ceil", "ceil", _rate, exact=True, twice='Double "{}" spec'),
    Word("rate", "rate", _rate, exact=True, twice='Double "{}" spec'),
)

SCHEMA: Schema = (
    ("TCA_HTB_UNSPEC", "none"), ("TCA_HTB_PARMS", "cdata"), ("TCA_HTB_INIT", "cdata"), ("TCA_HTB_CTAB", "cdata"),
    ("TCA_HTB_RTAB", "cdata"), ("TCA_HTB_DIRECT_QLEN", "uint32"), ("TCA_HTB_RATE64", "uint64"),
    ("TCA_HTB_CEIL64", "uint64"), ("TCA_HTB_PAD", "cdata"), ("TCA_HTB_OFFLOAD", "flag"),
)


def parse(cursor: Cursor) -> HtbOptions:
    """The words after ``htb`` of a qdisc; raises InvalidOptionsError, UsageError, HelpRequested."""
    return HtbOptions(**_words(cursor, _QDISC_WORDS, "qdisc"))


def parse_class(cursor: Cursor) -> HtbClassOptions:
    """The words after ``htb`` of a class; raises InvalidOptionsError, UsageError, HelpRequested."""
    found = _words(cursor, _CLASS_WORDS, "class")
    if not found.get("rate"):
        raise InvalidOptionsError('"rate" is required.')
    return HtbClassOptions(**found)


def _words(cursor: Cursor, table: tuple[Word, ...], of: str) -> dict[str, Any]:
    found = fill(cursor, table, {}, topic=f"{of} htb", error=InvalidOptionsError)
    if not cursor.done:
        raise InvalidOptionsError(f'What is "{cursor.peek()}"? Try "pytc {of} add htb help".')
    return found


def encode(options: HtbOptions) -> list[tuple[str, Any]]:
    """Attributes in the order in which tc sends them."""
    attributes: list[tuple[str, Any]] = [
        ("TCA_HTB_INIT", _QDISC.pack(_VERSION, options.r2q, options.default, options.debug, 0))]
    if options.direct_qlen not in (None, _U32):
        attributes.append(("TCA_HTB_DIRECT_QLEN", options.direct_qlen))
    if options.offload:
        attributes.append(("TCA_HTB_OFFLOAD", None))
    return attributes


def encode_class(options: HtbClassOptions, clock: Clock) -> list[tuple[str, Any]]:
    """Attributes in the order in which tc sends them."""
    rate, ceil = options.rate, options.ceil or options.rate
    parameters = _CLASS.pack(
        *_ratespec(options, rate, options.burst), *_ratespec(options, ceil, options.cburst),
        _ticks(rate, options.burst.size or rate // clock.hertz + options.mtu, clock),
        _ticks(ceil, options.cburst.size or ceil // clock.hertz + options.mtu, clock),
        options.quantum, 0, options.prio)
    wide = [(name, value) for name, value in (("TCA_HTB_RATE64", rate), ("TCA_HTB_CEIL64", ceil)) if value > _U32]
    return [*wide, ("TCA_HTB_PARMS", parameters)]


def _ratespec(options: HtbClassOptions, rate: int, burst: Burst) -> tuple[int, ...]:
    """struct tc_ratespec. Without a cell size it is the least with which 256 cells hold the MTU."""
    cell_log = burst.cell_log if burst.cell_log is not None else max(0, options.mtu.bit_length() - 8)
    return cell_log, options.linklayer, options.overhead, _CELL_ALIGN, options.mpu, min(rate, _U32)


def _ticks(rate: int, size: int, clock: Clock) -> int:
    """The time for ``size`` bytes: whole microseconds first, both steps modulo 2^32, as tc computes it."""
    microseconds = int(_MICROSECONDS * (size / float(rate))) & _U32
    return int(microseconds * clock.ticks_per_microsecond) & _U32


def _size(rate: int, ticks: int, clock: Clock) -> int:
    """The bytes for a time: the reverse of :func:`_ticks`."""
    microseconds = int(ticks / clock.ticks_per_microsecond) & _U32
    return int(float(rate) * microseconds / _MICROSECONDS) & _U32


def decode_class(attributes: Attributes, clock: Clock) -> HtbClass | None:
    """None where the kernel's answer has no parameters."""
    raw = attributes.get("TCA_HTB_PARMS", b"")
    if len(raw) < _CLASS.size:
        return None
    (rate_cell, linklayer, overhead, _, rate_mpu, rate, ceil_cell, _, _, _, ceil_mpu, ceil,
     buffer, cbuffer, quantum, level, prio) = _CLASS.unpack_from(raw)
    rate, ceil = attributes.get("TCA_HTB_RATE64", rate), attributes.get("TCA_HTB_CEIL64", ceil)
    return HtbClass(prio, quantum, level, Limit(rate, _size(rate, buffer, clock), 1 << rate_cell, rate_mpu),
                    Limit(ceil, _size(ceil, cbuffer, clock), 1 << ceil_cell, ceil_mpu), overhead,
                    linklayer & _LINK_LAYER_MASK)


def document(attributes: Attributes, shown: Shown) -> Document:
    """As tc prints it."""
    fields: list[Field] = []
    raw = attributes.get("TCA_HTB_INIT", b"")
    if len(raw) >= _QDISC.size:
        version, r2q, default, _debug_bits, direct_packets = _QDISC.unpack_from(raw)
        default_class = f"{default:#x}" if default else "0"
        fields += [Field("r2q", r2q, f"r2q {r2q}"), Field("default", default_class, f" default {default_class}"),
                   Field("direct_packets_stat", direct_packets, f" direct_packets_stat {direct_packets}")]
        if shown.details:
            name = f"{version >> 16}.{version & _U16}"
            fields.append(Field("ver", name, f" ver {name}"))
    if "TCA_HTB_DIRECT_QLEN" in attributes:
        length = attributes["TCA_HTB_DIRECT_QLEN"]
        fields.append(Field("direct_qlen", length, f" direct_qlen {length}"))
    if "TCA_HTB_OFFLOAD" in attributes:
        fields.append(Field("offload", None, " offload"))
    return fields


def document_class(attributes: Attributes, shown: Shown, clock: Clock) -> Document:
    """Text as tc 6.1 prints it; JSON, which that does not have, with the members of later ones."""
    found = decode_class(attributes, clock)
    if found is None:
        return ()
    fields: list[Field] = []
    if not found.level:
        fields.append(_number("prio", found.prio))
        fields += [_number("quantum", found.quantum)] if shown.details else []
    fields.append(_rate_field("rate", found.rate))
    if found.overhead:
        fields.append(_number("overhead", found.overhead))
    fields.append(_rate_field("ceil", found.ceil))
    if found.linklayer > _ETHERNET or shown.details:
        name = _LINK_LAYERS[found.linklayer] if found.linklayer < len(_LINK_LAYERS) else "unknown"
        fields.append(Field("linklayer", name, f"linklayer {name} "))
    fields += [*_burst_fields("burst", "rate", found.rate, shown), *_burst_fields("cburst", "ceil", found.ceil, shown)]
    if shown.details:
        fields.append(_number("level", found.level))
    return fields


def _number(name: str, value: int) -> Field:
    return Field(name, value, f"{name} {value} ")


def _rate_field(name: str, limit: Limit) -> Field:
    return Field(name, limit.rate, f"{name} {format_rate(limit.rate)} ")


def _burst_fields(name: str, of: str, limit: Limit, shown: Shown) -> list[Field]:
    text = f"{name} {format_size(limit.burst)}"
    if not shown.details:
        return [Field(name, limit.burst, f"{text} ")]
    return [Field(name, limit.burst, text), Field(f"{name}_cell", limit.cell, f"/{limit.cell} "),
            Field(f"mpu_{of}", limit.mpu, f"mpu {format_size(limit.mpu)} ")]


def class_statistics(raw: bytes) -> Document:
    """struct tc_htb_xstats; lent and borrowed are packets, the tokens are ticks."""
    if len(raw) < _CLASS_STATISTICS.size:
        return ()
    lends, borrows, giants, tokens, ctokens = _CLASS_STATISTICS.unpack_from(raw)
    return (Field("lended", lends, f" lended: {lends} "), Field("borrowed", borrows, f"borrowed: {borrows} "),
            Field("giants", giants, f"giants: {giants}\n"), Field("tokens", tokens, f" tokens: {tokens} "),
            Field("ctokens", ctokens, f"ctokens: {ctokens}\n"))


KIND = QdiscKind("htb", SCHEMA, parse, encode, document, parse_class, encode_class, document_class, class_statistics)
