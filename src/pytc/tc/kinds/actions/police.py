"""The ``police`` action: what to do with packets above a rate (tc-police(8); include/uapi/linux/pkt_cls.h).

TCA_POLICE_TBF is struct tc_police: ``index u32, action s32, limit, burst, mtu u32``, struct tc_ratespec for the rate
and for the peak rate, ``refcnt, bindcnt s32, capab u32``, 56 bytes. Bursts are times, in ticks.
"""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Schema
from pytc.render.documents import Field
from pytc.tc.actions.action import ActionOptions
from pytc.tc.kinds.interface import ActionKind
from pytc.tc.kinds.shared.action_parts import (
    CONTINUE,
    DROP,
    PASS,
    PIPE,
    RECLASSIFY,
    control_group,
    simple_control,
    take_chain,
    take_control,
    time_fields,
)
from pytc.tc.kinds.shared.ratespec import (
    ETHERNET,
    RATESPEC,
    U32,
    Burst,
    burst_size,
    burst_ticks,
    link_layer_name,
    parse_burst,
    parse_link_layer,
    parse_long_burst,
    rate_table,
    ratespec,
    ticks,
)
from pytc.tc.rates import format_rate, format_size, parse_rate, parse_size
from pytc.words.engine import Word, fill, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Document, Part
    from pytc.tc.clock import Clock
    from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
    from pytc.words.engine import Cursor

_U16, _U64 = 0xFFFF, 2**64 - 1
_MOST, _LEAST = 0x7FFFFFFF, -0x80000000
_FIRST = struct.Struct("=IiIII")
_LAST = struct.Struct("=iiI")
_SIZE = _FIRST.size + 2 * RATESPEC.size + _LAST.size

_USAGE = """\
Usage: ... police [ rate RATE burst BYTES[/CELL] [ mpu BYTES ] [ peakrate RATE mtu BYTES[/CELL] ] ] [ mtu BYTES ]
                  [ pkts_rate NUMBER pkts_burst PACKETS ] [ avrate RATE ] [ overhead BYTES ]
                  [ linklayer { ethernet | atm | adsl } ] [ WHAT ] [ index INDEX ]

WHAT := CONTROL | conform-exceed CONTROL[/CONTROL]

rate       how much may pass; burst (buffer, maxburst) is what may pass at once
peakrate   how fast a burst may pass, packet after packet of the mtu (minburst)
mtu        larger packets exceed the rate, whatever it is {2047}
pkts_rate  how many packets a second may pass
avrate     the same, of a rate that an estimator measures
mpu        the least that a packet counts for
overhead   what each packet counts for besides its size
linklayer  how packets are cut on their way
WHAT       is done with packets above the rate {reclassify}; behind the slash stands what is done with the others {pass}
"""
SCHEMA = Schema(
    ("TCA_POLICE_UNSPEC", "none"),
    ("TCA_POLICE_TBF", "cdata"),
    ("TCA_POLICE_RATE", "cdata"),
    ("TCA_POLICE_PEAKRATE", "cdata"),
    ("TCA_POLICE_AVRATE", "uint32"),
    ("TCA_POLICE_RESULT", "int32"),
    ("TCA_POLICE_TM", "cdata"),
    ("TCA_POLICE_PAD", "cdata"),
    ("TCA_POLICE_RATE64", "uint64"),
    ("TCA_POLICE_PEAKRATE64", "uint64"),
    ("TCA_POLICE_PKTRATE64", "uint64"),
    ("TCA_POLICE_PKTBURST64", "uint64"),
)


class PoliceOptions(ActionOptions):
    """The words of a ``police`` action.

    Rates are in bytes per second, ``pkts_rate`` in packets; 0 for what is not given. ``control`` applies to what
    exceeds the rate, ``conform`` to the rest. ``number`` is the index, 0 for one that the kernel chooses.
    """

    rate: int = 0
    burst: Burst = Burst()
    mtu: Burst = Burst()
    mpu: int = 0
    peakrate: int = 0
    avrate: int = 0
    overhead: int = 0
    linklayer: int = ETHERNET
    pkts_rate: int = 0
    pkts_burst: int = 0
    control: int = RECLASSIFY
    conform: int = PASS
    number: int = 0


def _narrow_rate(word: str) -> int:
    rate = parse_rate(word)
    if rate > U32:
        raise ValueError(word)
    return rate


def _control(name: str, control: int) -> Word:
    return Word(name, "controls", value=(control, None), many=True)


def _goto(cursor: Cursor) -> tuple[int, None]:
    return take_chain(cursor, InvalidOptionsError), None


def _conform_exceed(cursor: Cursor) -> tuple[int, int | None]:
    """Parse ``drop``, ``drop/pipe``, ``goto chain 3 / jump 2``: controls for what exceeds the rate, and what does
    not."""
    if "/" in cursor.peek():
        return _split_controls(cursor.take())
    control = _control_or_number(cursor)
    if cursor.peek() != "/":
        return control, None
    cursor.take()
    return control, _control_or_number(cursor)


def _control_or_number(cursor: Cursor) -> int:
    number = _number(cursor.peek())
    if number is None:
        return take_control(cursor, InvalidOptionsError)
    cursor.take()
    return number


def _split_controls(word: str) -> tuple[int, int]:
    exceed, _, conform = word.partition("/")
    try:
        return _without_operand(exceed), _without_operand(conform)
    except ValueError as error:
        raise InvalidOptionsError(
            f'Bad action type "{error}" in "{word}"',
            hints=(
                'around "/" stand drop, ok, pipe, reclassify, continue, trap or a number; goto and jump need blanks: '
                '"goto chain 3 / ok"',
            ),
        ) from None


def _without_operand(word: str) -> int:
    number = _number(word)
    return simple_control(word) if number is None else number


def _number(word: str) -> int | None:
    """Return the control with that number, None for another word."""
    digits = word[1:] if word[:1] in ("-", "+") else word
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(word)
    return number if _LEAST <= number <= _MOST else None


_WORDS = (
    Word("index", "number", unsigned(U32, 10), repeat=True),
    Word("burst", "burst", parse_long_burst, wrong="buffer", called="buffer/burst"),
    Word("buffer", "burst", parse_long_burst, exact=True, called="buffer/burst"),
    Word("maxburst", "burst", parse_long_burst, exact=True, wrong="buffer", called="buffer/burst"),
    Word("mtu", "mtu", parse_burst, exact=True, called="mtu/minburst"),
    Word("minburst", "mtu", parse_burst, exact=True, wrong="mtu", called="mtu/minburst"),
    Word("mpu", "mpu", parse_size, exact=True),
    Word("rate", "rate", parse_rate, exact=True),
    Word("avrate", "avrate", _narrow_rate, exact=True),
    Word("peakrate", "peakrate", parse_rate),
    _control("reclassify", RECLASSIFY),
    _control("drop", DROP),
    _control("shot", DROP),
    _control("continue", CONTINUE),
    _control("pass", PASS),
    _control("ok", PASS),
    _control("pipe", PIPE),
    Word("goto", "controls", read=_goto, many=True),
    Word("conform-exceed", "controls", read=_conform_exceed, many=True, exact=True),
    Word("overhead", "overhead", unsigned(_U16, 10), repeat=True),
    Word("linklayer", "linklayer", parse_link_layer, repeat=True),
    Word("pkts_rate", "pkts_rate", unsigned(_U64, 10)),
    Word("pkts_burst", "pkts_burst", unsigned(_U64, 10)),
)


def parse(cursor: Cursor) -> PoliceOptions:
    """Parse the words after ``police``; raises InvalidOptionsError, UsageError, HelpRequested."""
    first = cursor.peek() or cursor.take()
    fields = fill(cursor, _WORDS, {}, topic="action police")
    if not fields:
        raise InvalidOptionsError('Illegal "police"', hints=(f'"{first}" is not a word of it',))
    for control, conform in fields.pop("controls", ()):
        fields["control"] = control
        if conform is not None:
            fields["conform"] = conform
    options = PoliceOptions(**fields)
    _check(options)
    return options


def _check(options: PoliceOptions) -> None:
    """Raises InvalidOptionsError for what does not go together."""
    rate, burst, mtu = options.rate, options.burst.size, options.mtu.size
    problems: tuple[tuple[Any, ...], ...] = (
        (rate and options.avrate, "'rate' and 'avrate' are not allowed in same action."),
        (
            not (rate or options.avrate or options.number or mtu or options.pkts_rate),
            "'rate' or 'avrate' or 'mtu' or 'pkts_rate' MUST be specified.",
        ),
        (rate and not burst, "'burst' requires 'rate'.", "a rate needs a burst: how much may pass at once"),
        (
            options.pkts_rate and not options.pkts_burst,
            "'pkts_burst' requires 'pkts_rate'.",
            "a pkts_rate needs a pkts_burst: how many packets may pass at once",
        ),
        (options.pkts_rate and rate, "'rate' and 'pkts_rate' are not allowed in same action."),
        (options.peakrate and not rate, "'peakrate' requires 'rate'."),
        (options.peakrate and not mtu, "'mtu' is required, if 'peakrate' is requested."),
    )
    for wrong, message, *hints in problems:
        if wrong:
            raise InvalidOptionsError(message, hints=tuple(hints))


def encode(options: PoliceOptions, env: EncodeEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them."""
    clock = env.clock()
    spec, table = _limit("RATE", options, options.rate, options.burst.cell_log, clock)
    peak, peak_table = _limit("PEAKRATE", options, options.peakrate, options.mtu.cell_log, clock)
    burst = burst_ticks(options.rate, options.burst.size, clock, "POLICE") if options.rate else 0
    first = _FIRST.pack(options.number, options.control, 0, burst, options.mtu.size)
    attributes = [("TCA_POLICE_TBF", first + spec + peak + bytes(_LAST.size)), *table, *peak_table]
    if options.avrate:
        attributes.append(("TCA_POLICE_AVRATE", options.avrate))
    if options.conform != PASS:
        attributes.append(("TCA_POLICE_RESULT", options.conform))
    if options.pkts_rate:
        attributes.append(("TCA_POLICE_PKTRATE64", options.pkts_rate))
        attributes.append(("TCA_POLICE_PKTBURST64", ticks(options.pkts_rate, options.pkts_burst, clock)))
    return attributes


def _limit(
    name: str, options: PoliceOptions, rate: int, cell_log: int | None, clock: Clock
) -> tuple[bytes, list[tuple[str, Any]]]:
    """Return struct tc_ratespec, its table and, for a rate above 32 bits, the whole of it."""
    if not rate:
        return bytes(RATESPEC.size), []
    spec = ratespec(
        rate, cell_log, options.mtu.size, linklayer=options.linklayer, overhead=options.overhead, mpu=options.mpu
    )
    attributes: list[tuple[str, Any]] = [(f"TCA_POLICE_{name}", rate_table(rate, spec, clock))]
    return spec, [*attributes, (f"TCA_POLICE_{name}64", rate)] if rate > U32 else attributes


def document(attributes: Attributes, env: RenderEnv) -> Document:
    """Return the document that tc prints, with rates and sizes in JSON, which tc's lacks."""
    raw = attributes.get("TCA_POLICE_TBF", b"")
    if len(raw) < _SIZE:
        return (Field("", text="[NULL police tbf]"),)
    index, control, _, burst, mtu = _FIRST.unpack_from(raw)
    _, linklayer, overhead, _, _, narrow = RATESPEC.unpack_from(raw, _FIRST.size)
    narrow_peak = RATESPEC.unpack_from(raw, _FIRST.size + RATESPEC.size)[-1]
    refcnt, bindcnt, _ = _LAST.unpack_from(raw, _SIZE - _LAST.size)
    rate = attributes.get("TCA_POLICE_RATE64", narrow)
    peak = attributes.get("TCA_POLICE_PEAKRATE64", narrow_peak)
    fields: list[Part] = [
        Field("kind", "police", f" police {index:#x} "),
        Field("index", index),
        _text("rate", format_rate(rate, iec=env.display.iec)),
        _text("burst", format_size(burst_size(rate, burst, env.clock()))),
        _text("mtu", format_size(mtu)),
    ]
    if env.display.raw:
        fields.append(Field("", text=f"[{burst:08x}] "))
    if peak:
        fields.append(_text("peakrate", format_rate(peak, iec=env.display.iec)))
    fields += [
        *_other_rates(attributes, env),
        *_controls(control, attributes.get("TCA_POLICE_RESULT")),
        Field("overhead", overhead, f"overhead {format_size(overhead)} "),
    ]
    if linklayer & 0xF > ETHERNET or env.display.details:
        name = link_layer_name(linklayer)
        fields.append(Field("linklayer", name, f"linklayer {name} "))
    fields += [Field("ref", refcnt, f"\n\tref {refcnt} "), Field("bind", bindcnt, f"bind {bindcnt} ")]
    if env.display.statistics:
        fields += time_fields(attributes.get("TCA_POLICE_TM", b""))
    return [*fields, Field("", text="\n")]


def _text(name: str, value: str) -> Field:
    return Field("", text=f"{name} {value} ")


def _other_rates(attributes: Attributes, env: RenderEnv) -> list[Part]:
    fields: list[Part] = []
    if (average := attributes.get("TCA_POLICE_AVRATE")) is not None:
        fields.append(_text("avrate", format_rate(average, iec=env.display.iec)))
    rate, burst = attributes.get("TCA_POLICE_PKTRATE64"), attributes.get("TCA_POLICE_PKTBURST64")
    if rate is not None and burst is not None:
        packets = burst_size(rate, burst & U32, env.clock())
        fields += [
            Field("pkts_rate", rate, f"pkts_rate {rate} "),
            Field("pkts_burst", packets, f"pkts_burst {packets} "),
        ]
    return fields


def _controls(control: int, conform: int | None) -> list[Part]:
    """Return both controls; tc's JSON has them under one name, and here the second has one of its own."""
    if conform is None:
        return [control_group(control, before="action "), Field("", text=" ")]
    return [
        control_group(control, before="action "),
        control_group(conform, before="/", after=" ", key="conform_action"),
    ]


KIND = ActionKind("police", SCHEMA, parse, encode, document, lambda: _USAGE, heading=(Field("kind", "police"),))
