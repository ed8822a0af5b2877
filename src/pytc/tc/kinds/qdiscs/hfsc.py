"""The ``hfsc`` qdisc and its classes (tc-hfsc(8); include/uapi/linux/pkt_sched.h, net/sched/sch_hfsc.c)."""

from __future__ import annotations

import math

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field, Group
from pytc.tc.kinds.declaration import U16, U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.ratespec import bytes_per_second, parse_narrow_rate
from pytc.tc.rates import format_rate, format_time, parse_size, parse_time
from pytc.typing import NamedTuple
from pytc.words.engine import matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.render.documents import Display, Document, Part
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.tc.kinds.shared.ratespec import Rate
    from pytc.words.engine import Converter, Cursor

_MICROSECONDS = 1_000_000
_UNKNOWN = 'HFSC: What is "{}" ?'
#: struct tc_hfsc_qopt.
_QDISC = Layout("H", "default")
#: struct tc_service_curve: slopes in bytes per second, and how many microseconds the first one lasts.
_CURVE = Layout("3I", "m1 d m2")
#: struct tc_hfsc_stats.
_CLASS_STATISTICS = Layout("2Q2I", "work rtwork period level")
#: The words of a curve, in their order: the last one has to be there.
_SLOPES = (("m1", parse_narrow_rate), ("d", parse_time), ("m2", parse_narrow_rate))
_BURST = (("umax", parse_size), ("dmax", parse_time), ("rate", parse_narrow_rate))


class Curve(NamedTuple):
    """A service curve as words give it.

    It has two slopes, ``start`` for ``time`` and ``rate`` behind it; or, with ``bursts``, ``start`` is what may be sent
    within ``time``, in bytes. ``position`` is that behind its words.
    """

    position: int
    bursts: bool
    start: Rate
    time: int
    rate: Rate


def _illegal(name: str, word: str) -> InvalidOptionsError:
    return InvalidOptionsError(f'HFSC: Illegal "{name}"', hints=(f'the value is "{word}"',))


def _convert(name: str, convert: Converter, word: str) -> Any:
    try:
        return convert(word)
    except ValueError:
        raise _illegal(name, word) from None


def _default(word: str) -> int:
    return int(_convert("default", unsigned(U16, 16), word))


def _curve(name: str) -> Form:
    """Return the form of a curve, which is read in the one way, and then in the other, as in tc."""

    def read(cursor: Cursor) -> Curve:
        position = cursor.position
        for bursts, words in ((False, _SLOPES), (True, _BURST)):
            values = [0, 0, 0]
            for number, (word, convert) in enumerate(words):
                if matches(cursor.peek() if not cursor.done else cursor.take(), word):
                    cursor.take()
                    values[number] = _convert(word, convert, cursor.take())
                elif number == len(words) - 1:
                    cursor.go_back(position)
                    break
            else:
                return _checked(Curve(cursor.position, bursts, *values))
        raise InvalidOptionsError(
            f'HFSC: Illegal "{name}"', hints=('a curve ends in "m2 RATE" or "rate RATE", with the others before it',)
        )

    return Form("SC", read=read, pack=_pack)


def _checked(curve: Curve) -> Curve:
    if not curve.bursts and not curve.start and not curve.rate:
        raise InvalidOptionsError("HFSC: Service Curve has two zero slopes")
    if curve.bursts and curve.start and not curve.time:
        raise InvalidOptionsError("HFSC: umax given but dmax is zero.")
    if curve.bursts and not curve.start and not curve.rate:
        raise _illegal("rate", "0")  # tc divides by it, and dies
    return curve


def _pack(curve: Curve, env: QdiscEnv) -> bytes:
    """Return struct tc_service_curve."""
    start, rate = (bytes_per_second(speed, env) for speed in (curve.start, curve.rate))
    if max(start, rate) > U32:
        raise InvalidOptionsError("HFSC: the rate takes more than 32 bits")
    if not curve.bursts:
        return _CURVE.pack({"m1": start, "d": curve.time, "m2": rate})
    slope = math.ceil(float(start) * _MICROSECONDS / curve.time) if curve.time else 0
    if slope > rate:
        return _CURVE.pack({"m1": slope & U32, "d": curve.time, "m2": rate})
    # The product has 32 bits in tc, too, so that the curve is another one for more than 4294 bytes.
    delay = curve.time - (start * _MICROSECONDS & U32) // rate
    return _CURVE.pack({"m1": 0, "d": delay & U32, "m2": rate})


def _check_class(values: Values) -> None:
    both: Curve | None = values.pop("sc", None)
    for name in ("RSC", "FSC"):
        if both is not None and (name not in values or values[name].position < both.position):
            values[name] = both
    if not values:
        raise InvalidOptionsError("HFSC: no parameters given", hints=('"rt", "ls" or "sc" is required',))
    if "USC" in values and "FSC" not in values:
        raise InvalidOptionsError("HFSC: Upper-limit Service Curve without Link-Share Service Curve")


def _show_default(key: str, value: int, _: object) -> Field:
    return Field(key, f"{value:#x}", f" {key} {value:#x} ")


def _show_class(values: Values, view: View) -> list[Part]:
    """Return curves, of which the first two are one where they are the same."""
    real_time, share, limit = (values.get(name) for name in ("RSC", "FSC", "USC"))
    curves = {"rt": real_time, "ls": share, "ul": limit}
    if real_time is not None and real_time == share:
        curves = {"sc": real_time, "ul": limit}
    fields: list[Part] = []
    for name, raw in curves.items():
        if raw is None or len(raw) < _CURVE.size:
            continue
        curve = _CURVE.unpack(raw)
        m1, m2 = (format_rate(curve[slope], iec=view.display.iec) for slope in ("m1", "m2"))
        fields += [
            Field("", text=f"{name} "),
            Group(
                name,
                [
                    Field("m1", curve["m1"], f"m1 {m1} "),
                    Field("d", curve["d"], f"d {format_time(curve['d'])} "),
                    Field("m2", curve["m2"], f"m2 {m2} "),
                ],
            ),
        ]
    return fields


def _class_statistics(raw: bytes, display: Display) -> Document:
    if len(raw) < _CLASS_STATISTICS.size:
        return ()
    values = _CLASS_STATISTICS.unpack(raw)
    fields = [Field("period", values["period"], f" period {values['period']} ")]
    for name in ("work", "rtwork"):
        if values[name]:
            fields.append(Field(name, values[name], f"{name} {values[name]} bytes "))
    return [*fields, Field("level", values["level"], f" level {values['level']} \n")]


KIND = qdisc(
    "hfsc",
    Declared(
        (
            Option(
                "default",
                "default",
                Form("MINOR", _default, _show_default, hidden=(0,)),
                "the class for packets that no filter classifies {0: they are dropped}",
                twice='HFSC: Double "default"',
            ),
        ),
        "HEADER",
        ("default",),
        exact=False,
        unknown=_UNKNOWN,
    ),
    classes=Declared(
        (
            Option("rt", "RSC", _curve("rt"), "what the class gets in any case, and how soon"),
            Option("ls", "FSC", _curve("ls"), "its share of what is left"),
            Option("sc", "sc", _curve("sc"), "both of these: rt, ls or sc is required"),
            Option("ul", "USC", _curve("ul"), "the most that it may get, with ls or sc"),
        ),
        "RSC FSC USC",
        (_show_class,),
        check=_check_class,
        exact=False,
        unknown=_UNKNOWN,
        notes="""
SC := [ m1 RATE ] [ d TIME ] m2 RATE: at rate m1 for a time, and then at m2
    | [ umax SIZE ] [ dmax TIME ] rate RATE: up to SIZE within TIME, and then at that rate
""",
    ),
    prefix="TCA_HFSC",
    attributes=(("RSC", "cdata"), ("FSC", "cdata"), ("USC", "cdata")),
    header=_QDISC,
    class_statistics=_class_statistics,
    restoration=Restoration(),
    class_restoration=Restoration(),
)
