"""The ``ets`` qdisc and its classes: strict bands, and bands that share the rest, IEEE 802.1Qaz (tc-ets(8);
include/uapi/linux/pkt_sched.h, net/sched/sch_ets.c)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import numbers
from pytc.words.engine import is_one_of, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.words.engine import Cursor

#: TCQ_ETS_MAX_BANDS.
_MOST = 16
_PRIORITIES = 16
_WORDS = ("bands", "strict", "quanta", "priomap", "help")
#: TCA_ETS_QUANTA_BAND, TCA_ETS_PRIOMAP_BAND: a number each in the list of the same name.
_QUANTUM, _BAND = 4, 6
#: How many there may be: tc leaves it to the kernel to refuse more quanta than bands, whose number is a byte.
_LONGEST = {_QUANTUM: 0xFF, _BAND: _PRIORITIES}
_FORMATS = {_QUANTUM: struct.Struct("=I"), _BAND: struct.Struct("=B")}
_number = unsigned(U32, 10)


def _count(name: str) -> Form:
    def convert(word: str) -> int:
        count: int = _number(word)
        if count > _MOST:
            raise InvalidOptionsError(f'The number of "{name}" must be <= {_MOST}', hints=(f"it is {count}",))
        return count

    return Form("NUMBER", convert)


def _quantum(word: str) -> int:
    try:
        quantum: int = _number(word)
    except ValueError:
        raise InvalidOptionsError('Illegal "quanta" element', hints=(f'the element is "{word}"',)) from None
    if not quantum:
        raise InvalidOptionsError('"quanta" must be > 0')
    return quantum


def _band(word: str) -> int:
    try:
        band: int = _number(word) & 0xFF
    except ValueError:
        raise InvalidOptionsError('Illegal "priomap" element', hints=(f'the element is "{word}"',)) from None
    return band


def _elements(convert: Callable[[str], int], number: int) -> Form:
    """Return the form of numbers up to the next option, the first of which is needed."""

    def read(cursor: Cursor) -> list[int]:
        elements = [convert(cursor.take())]
        while not cursor.done and not is_one_of(cursor.peek(), _WORDS):
            if len(elements) == _LONGEST[number]:
                _refuse_more(cursor.peek(), number)
            elements.append(convert(cursor.take()))
        return elements

    pack = _FORMATS[number].pack
    name = "QUANTUM ..." if number == _QUANTUM else "BAND ..."
    return Form(
        name, read=read, pack=lambda elements, env: join_attributes((number, pack(element)) for element in elements)
    )


def _refuse_more(word: str, number: int) -> None:
    if number == _BAND:
        raise InvalidOptionsError(
            f'"priomap" index cannot be higher than {_PRIORITIES - 1}', hints=(f'"{word}" is left',)
        )
    raise InvalidOptionsError(f'The number of "quanta" must be <= {_MOST}', hints=(f'"{word}" is one more than 255',))


def _check(values: Values) -> None:
    strict, quanta = values.get("NSTRICT", 0), len(values.get("QUANTA", ()))
    bands = values["NBANDS"] = values.get("NBANDS", 0) or strict + quanta
    if not bands:
        raise InvalidOptionsError('One of "bands", "quanta" or "strict" needs to be specified')
    if strict + quanta > bands:
        raise InvalidOptionsError(
            "Not enough total bands to cover all the strict bands and quanta",
            hints=(f"bands is {bands}, strict {strict}, and there are {quanta} quanta",),
        )
    for band in values.get("PRIOMAP", ()):
        if band >= bands:
            raise InvalidOptionsError(
                '"priomap" element is out of bounds', hints=(f"the element is {band}, of {bands} bands",)
            )


def _show_list(into: str, number: int) -> Callable[[Values, View], Sequence[Field]]:
    layout = _FORMATS[number]

    def show(values: Values, view: View) -> Sequence[Field]:
        if into not in values or not {"NBANDS", "PRIOMAP"} <= values.keys():
            return ()
        elements = [
            layout.unpack_from(payload)[0]
            for key, payload in split_attributes(values[into])
            if key == number and len(payload) >= layout.size
        ]
        return (numbers(into.lower(), elements, into.lower(), " {}"), Field("", text=" "))

    return show


def _show_counts(values: Values, view: View) -> list[Field]:
    if not {"NBANDS", "PRIOMAP"} <= values.keys():
        return []
    counts: dict[str, Any] = {"bands": values["NBANDS"], "strict": values.get("NSTRICT")}
    return [Field(name, count, f"{name} {count} ") for name, count in counts.items() if count is not None]


def _refuse_bands(present: Attributes, requested: Attributes | None) -> str:
    requested = requested or {}
    bands = "TCA_ETS_NBANDS"
    return "" if requested.get(bands) == present.get(bands) else "what is below its bands could not be restored"


KIND = qdisc(
    "ets",
    Declared(
        options=(
            Option("bands", "NBANDS", _count("bands"), "how many bands there are {strict and quanta together}"),
            Option("strict", "NSTRICT", _count("strict"), "how many of them are strict: served first {0}", omit=0),
            Option(
                "quanta", "QUANTA", _elements(_quantum, _QUANTUM), "bytes that each of the others sends in a turn {MTU}"
            ),
            Option("priomap", "PRIOMAP", _elements(_band, _BAND), "the band of each of the 16 priorities of packets"),
        ),
        sent="NBANDS NSTRICT QUANTA PRIOMAP",
        shown=(_show_counts, _show_list("QUANTA", _QUANTUM), _show_list("PRIOMAP", _BAND)),
        check=_check,
        twice='Duplicate "{word}"',
        notes='"bands", "strict" or "quanta" is needed.',
    ),
    classes=Declared(
        options=(
            Option(
                "quantum", "QUANTA_BAND", Form("BYTES", _quantum), "how much it sends in a turn {the MTU of the device}"
            ),
        ),
        sent="QUANTA_BAND",
        shown=("quantum",),
        twice='Duplicate "{word}"',
    ),
    prefix="TCA_ETS",
    attributes=(
        ("NBANDS", "uint8"),
        ("NSTRICT", "uint8"),
        ("QUANTA", "nested"),
        ("QUANTA_BAND", "uint32"),
        ("PRIOMAP", "nested"),
        ("PRIOMAP_BAND", "uint8"),
    ),
    nested=True,
    restoration=Restoration(replaces=True, refuse=_refuse_bands),
)
