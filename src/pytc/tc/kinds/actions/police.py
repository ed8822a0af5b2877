"""The ``police`` action: what to do with packets above a rate (tc-police(8); include/uapi/linux/pkt_cls.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action
from pytc.tc.kinds.declaration import S32, SIZE, U16, Declared, Form, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.action_parts import (
    PASS,
    RECLASSIFY,
    control_group,
    simple_control,
    take_chain,
    take_control,
    time_fields,
)
from pytc.tc.kinds.shared.ratespec import (
    BURST,
    LINK_LAYER,
    LONG_BURST,
    RATESPEC,
    U32,
    Burst,
    burst_size,
    burst_ticks,
    link_layer_field,
    options_ratespec,
    rate_table,
    ticks,
)
from pytc.tc.rates import format_rate, format_size, parse_rate
from pytc.words.engine import signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: struct tc_police: rate and peakrate are struct tc_ratespec, burst is a time in ticks.
_POLICE = Layout("IiIII12s12siiI", "index action limit burst mtu rate peakrate refcnt bindcnt capab")
_RATE = Form("RATE", parse_rate)
_PACKETS = unsigned(2**64 - 1, 10)
#: In the order in which abbreviations are tried; of other controls, only goto may stand alone.
_CONTROLS = ("reclassify", "drop", "shot", "continue", "pass", "ok", "pipe")
#: A control by its number.
_NUMBER = signed(S32, 10)


def _narrow_rate(word: str) -> int:
    rate = parse_rate(word)
    if rate > U32:
        raise ValueError(word)
    return rate


def _take_conform_exceed(cursor: Cursor) -> Values:
    """Take ``drop``, ``drop/pipe``, ``goto chain 3 / jump 2``: controls for what exceeds the rate, and for the rest."""
    if "/" in cursor.peek():
        return _split_controls(cursor.take())
    control = _control_or_number(cursor)
    if cursor.peek() != "/":
        return {"action": control}
    cursor.take()
    return {"action": control, "RESULT": _control_or_number(cursor)}


def _control_or_number(cursor: Cursor) -> int:
    try:
        number: int = _NUMBER(cursor.peek())
    except ValueError:
        return take_control(cursor, InvalidOptionsError)
    cursor.take()
    return number


def _split_controls(word: str) -> Values:
    exceed, _, conform = word.partition("/")
    try:
        return {"action": _without_operand(exceed), "RESULT": _without_operand(conform)}
    except ValueError as error:
        raise InvalidOptionsError(
            f'Bad action type "{error}" in "{word}"',
            hints=(
                'around "/" stand drop, ok, pipe, reclassify, continue, trap or a number; goto and jump need blanks: '
                '"goto chain 3 / ok"',
            ),
        ) from None


def _without_operand(word: str) -> int:
    try:
        return int(_NUMBER(word))
    except ValueError:
        return simple_control(word)


def _check_values(values: Values) -> None:
    """Leave the last controls, and refuse what does not go together; raises InvalidOptionsError."""
    rate, average, peak, packets = (values.get(name, 0) for name in ("rate", "AVRATE", "peakrate", "PKTRATE64"))
    burst, mtu = (values.get(name, Burst()).size for name in ("burst", "mtu"))
    problems: tuple[tuple[Any, ...], ...] = (
        (rate and average, "'rate' and 'avrate' are not allowed in same action."),
        (
            values and not (rate or average or values.get("index") or mtu or packets),
            "'rate' or 'avrate' or 'mtu' or 'pkts_rate' MUST be specified.",
        ),
        (rate and not burst, "'burst' requires 'rate'.", "a rate needs a burst: how much may pass at once"),
        (
            packets and not values.get("pkts_burst"),
            "'pkts_burst' requires 'pkts_rate'.",
            "a pkts_rate needs a pkts_burst: how many packets may pass at once",
        ),
        (packets and rate, "'rate' and 'pkts_rate' are not allowed in same action."),
        (peak and not rate, "'peakrate' requires 'rate'."),
        (peak and not mtu, "'mtu' is required, if 'peakrate' is requested."),
    )
    for wrong, message, *hints in problems:
        if wrong:
            raise InvalidOptionsError(message, hints=tuple(hints))
    values["action"] = RECLASSIFY
    for controls in values.pop("controls", ()):
        values |= controls


def _check(options: DeclaredActionOptions, first: str) -> None:
    if not options.values and not options.number:
        raise InvalidOptionsError('Illegal "police"', hints=(f'"{first}" is not a word of it',))


def _complete(values: Values, env: EncodeEnv) -> None:
    """Turn rates and bursts into what struct tc_police has of them, and add the tables for its rates."""
    clock, burst, mtu = env.clock(), values.get("burst", Burst()), values.get("mtu", Burst())
    rate, packets = values.get("rate", 0), values.get("PKTRATE64", 0)
    for name, cell_log in (("rate", burst.cell_log), ("peakrate", mtu.cell_log)):
        number, values[name] = values.get(name, 0), bytes(RATESPEC.size)
        if number:
            values[name] = options_ratespec(values, number, cell_log, mtu.size)
            values[name.upper()] = rate_table(number, values[name], clock)
        if number > U32:
            values[f"{name.upper()}64"] = number
    values["burst"] = burst_ticks(rate, burst.size, clock, "POLICE") if rate else 0
    values["mtu"] = mtu.size
    if packets:
        values["PKTBURST64"] = ticks(packets, values["pkts_burst"], clock)
    if values.get("RESULT") == PASS:
        del values["RESULT"]


def _show_rates(values: Values, view: RenderEnv) -> Iterable[Part]:
    clock, iec, index, burst = view.clock(), view.display.iec, values["index"], values["burst"]
    rate, peak = (values.get(f"{name.upper()}64", RATESPEC.unpack(values[name])[-1]) for name in ("rate", "peakrate"))
    yield Field("", text=f" police {index:#x} ")
    yield Field("index", index)
    yield _text("rate", format_rate(rate, iec=iec))
    yield _text("burst", format_size(burst_size(rate, burst, clock)))
    yield _text("mtu", format_size(values["mtu"]))
    if view.display.raw:
        yield Field("", text=f"[{burst:08x}] ")
    if peak:
        yield _text("peakrate", format_rate(peak, iec=iec))
    if "AVRATE" in values:
        yield _text("avrate", format_rate(values["AVRATE"], iec=iec))
    if "PKTRATE64" in values and "PKTBURST64" in values:
        packets = values["PKTRATE64"]
        number = burst_size(packets, values["PKTBURST64"] & U32, clock)
        yield Field("pkts_rate", packets, f"pkts_rate {packets} ")
        yield Field("pkts_burst", number, f"pkts_burst {number} ")


def _text(name: str, value: str) -> Field:
    return Field("", text=f"{name} {value} ")


def _show_controls(values: Values, view: RenderEnv) -> Iterable[Part]:
    """Yield both controls; tc's JSON has them under one name, and here the second has one of its own."""
    yield control_group(values["action"], before="action ")
    if "RESULT" in values:
        yield control_group(values["RESULT"], before="/", after=" ", key="conform_action")
    else:
        yield Field("", text=" ")


def _show_rest(values: Values, view: RenderEnv) -> Iterable[Part]:
    _, linklayer, overhead, *_ = RATESPEC.unpack(values["rate"])
    yield Field("overhead", overhead, f"overhead {format_size(overhead)} ")
    yield from link_layer_field(linklayer, view.display)
    yield Field("ref", values["refcnt"], f"\n\tref {values['refcnt']} ")
    yield Field("bind", values["bindcnt"], f"bind {values['bindcnt']} ")
    if view.display.statistics:
        yield from time_fields(values.get("TM", b""))
    yield Field("", text="\n")


def _wrong(name: str) -> str:
    return f'Error: argument "{{}}" is wrong: {name}'


def _twice(name: str) -> str:
    return f'Error: duplicate "{name}": "{{value}}" is the second value.'


_BURST_TWICE, _MTU_TWICE = _twice("buffer/burst"), _twice("mtu/minburst")
_GOTO = Form(read=lambda cursor: {"action": take_chain(cursor, InvalidOptionsError)})

KIND = action(
    "police",
    Declared(
        (
            Option("index", "index", Form("INDEX", unsigned(U32, 10)), twice=None),
            Option("burst", "burst", LONG_BURST, "what may pass at once", wrong=_wrong("buffer"), twice=_BURST_TWICE),
            Option("buffer", "burst", LONG_BURST, exact=True, twice=_BURST_TWICE),
            Option("maxburst", "burst", LONG_BURST, exact=True, wrong=_wrong("buffer"), twice=_BURST_TWICE),
            Option(
                "mtu",
                "mtu",
                BURST,
                "larger packets exceed the rate, whatever it is {2047}",
                exact=True,
                twice=_MTU_TWICE,
            ),
            Option("minburst", "mtu", BURST, exact=True, wrong=_wrong("mtu"), twice=_MTU_TWICE),
            Option("mpu", "mpu", SIZE, "the least that a packet counts for {0}", exact=True),
            Option("rate", "rate", _RATE, "how much may pass", exact=True),
            Option(
                "avrate",
                "AVRATE",
                Form("RATE", _narrow_rate),
                "how much may pass, of a rate that an estimator measures",
                omit=0,
                exact=True,
            ),
            Option("peakrate", "peakrate", _RATE, "how fast a burst may pass, packet after packet of the mtu"),
            *(Option(word, "controls", Form(value={"action": simple_control(word)}), many=True) for word in _CONTROLS),
            Option("goto", "controls", _GOTO, many=True),
            Option(
                "conform-exceed",
                "controls",
                Form("CONTROL[/CONTROL]", read=_take_conform_exceed),
                "what is done with packets above the rate {reclassify}, and with the others {pass}",
                exact=True,
                many=True,
            ),
            Option(
                "overhead",
                "overhead",
                Form("BYTES", unsigned(U16, 10)),
                "what each packet counts for besides its size {0}",
                twice=None,
            ),
            Option("linklayer", "linklayer", LINK_LAYER, "how packets are cut on their way {ethernet}", twice=None),
            Option("pkts_rate", "PKTRATE64", Form("NUMBER", _PACKETS), "how many packets a second may pass", omit=0),
            Option("pkts_burst", "pkts_burst", Form("PACKETS", _PACKETS), "how many may pass at once"),
        ),
        "TBF RATE RATE64 PEAKRATE PEAKRATE64 AVRATE RESULT PKTRATE64 PKTBURST64",
        (_show_rates, _show_controls, _show_rest),
        check=_check_values,
        complete=_complete,
        exact=False,
        wrong=_wrong("{word}"),
        twice=_twice("{word}"),
        forms=(
            "police [ rate RATE burst BYTES[/CELL] [ mpu BYTES ] [ peakrate RATE mtu BYTES[/CELL] ] ] [ mtu BYTES ]\n"
            "                  [ pkts_rate NUMBER pkts_burst PACKETS ] [ avrate RATE ] [ overhead BYTES ]\n"
            "                  [ linklayer { ethernet | atm | adsl } ] [ conform-exceed CONTROL[/CONTROL] ]",
        ),
        notes="A CONTROL that stands alone is for packets above the rate.",
    ),
    prefix="TCA_POLICE",
    attributes=(
        ("TBF", _POLICE),
        ("RATE", "cdata"),
        ("PEAKRATE", "cdata"),
        ("AVRATE", "uint32"),
        ("RESULT", "int32"),
        ("TM", "cdata"),
        ("PAD", "cdata"),
        ("RATE64", "uint64"),
        ("PEAKRATE64", "uint64"),
        ("PKTRATE64", "uint64"),
        ("PKTBURST64", "uint64"),
    ),
    check=_check,
    needs=("TBF",),
    lacking="tbf",
    heading=(Field("kind", "police"),),
)
