"""The ``mqprio`` qdisc: traffic classes over transmit queues (tc-mqprio(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_mqprio.c)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError, UsageError
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U8, Declared, Form, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import numbers
from pytc.tc.kinds.shared.traffic_classes import (
    MAP,
    MOST,
    NUMBER_OF_CLASSES,
    PREEMPTION,
    QUEUES,
    class_entries,
    class_values,
    fill_in,
    preemption_field,
    take_while,
)
from pytc.tc.rates import format_rate, parse_rate
from pytc.words.engine import choose, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.words.engine import Cursor

#: struct tc_mqprio_qopt, padded: attributes follow.
_QOPT = Layout("B16BB16H16H2x", "num_tc=8 map[16] hw=1 count[16] offset[16]")
_MAP = (0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 1, 1, 3, 3, 3, 3)
_RATE = struct.Struct("=Q")
#: TC_MQPRIO_MODE_*, TC_MQPRIO_SHAPER_*.
_MODES, _SHAPERS = ("dcb", "channel"), ("dcb", "bw_rlimit")
_BANDWIDTH = 1
#: TCA_MQPRIO_MIN_RATE64 and _MAX_RATE64, in which each rate has the same number again; TCA_MQPRIO_TC_ENTRY_FP.
_RATES = {"MIN_RATE64": 3, "MAX_RATE64": 4}
_FP = 2
_LINE = "\n             "


def _mode(word: str) -> int:
    return _MODES.index(choose(word, _MODES))


def _shaper(cursor: Cursor) -> int:
    word = cursor.take()
    name = choose(word, _SHAPERS)
    if not name:
        raise InvalidOptionsError(f"Illegal shaper ({word})", hints=(f"it is {' or '.join(_SHAPERS)}",))
    if name == "bw_rlimit" and cursor.done:
        raise InvalidOptionsError("Incomplete shaper arguments", hints=("min_rate or max_rate is missing",))
    return _SHAPERS.index(name)


def _rates(cursor: Cursor) -> tuple[tuple[int, ...], bool]:
    """Return the rates, and whether the words end with them."""
    return take_while(parse_rate)(cursor), cursor.done


def _check(values: Values) -> None:
    hw, shaper = 1, 0
    for into, value in values.items():
        hw, shaper = (value if into == "hw" else hw), (value if into == "SHAPER" else shaper)
        if into in ("MODE", "SHAPER") and not hw:
            raise _unknown(into.lower(), "it is for hw 1 alone")
        if into in _RATES and shaper != _BANDWIDTH:
            raise _unknown(_word(into), "shaper bw_rlimit goes before it")
    classes = values.get("num_tc", 8)
    for into in _RATES.keys() & values.keys():
        rates, ends = values[into]
        if len(rates) < classes and ends:
            raise InvalidOptionsError(
                f"Incomplete arguments, {_word(into)} values expected", hints=(f"one for each of num_tc {classes}",)
            )
        values[into] = rates
    pairs = len(values.get("queues", ()))
    if pairs > classes:
        raise InvalidOptionsError(
            f"queues count/offset pair count {pairs} can not be higher than given num_tc {classes}"
        )
    values.setdefault("map", _MAP)
    fill_in(values)
    if "fp" in values:
        values["TC_ENTRY"] = class_entries([(_FP, values["fp"])])


def _word(into: str) -> str:
    return into.lower().removesuffix("64")


def _unknown(word: str, hint: str) -> UsageError:
    return UsageError(f'Error: argument "{word}" is wrong: unknown argument', hints=(hint,))


def _pack_rates(number: int) -> Form:
    def pack(rates: tuple[int, ...], env: QdiscEnv) -> bytes:
        return join_attributes((number, _RATE.pack(rate)) for rate in (*rates, *(0,) * (MOST - len(rates))))

    return Form("RATE ...", read=_rates, pack=pack)


def _show(values: Values, view: View) -> Iterator[Field]:
    if "num_tc" not in values:
        return
    classes, counts, offsets = values["num_tc"], values["count"], values["offset"]
    yield Field("tc", classes, f"tc {classes} ")
    yield numbers("map", values["map"], "map ")
    spans = [(offset, offset + count - 1) for offset, count in zip(offsets, counts, strict=True)][:classes]
    yield Field(
        "queues",
        [[first, last] for first, last in spans],
        f"{_LINE}queues:" + "".join(f"({first}:{last}) " for first, last in spans),
    )
    if values.keys() <= {"num_tc", "map", "hw", "count", "offset"}:
        return  # for kernels before 6.3 without hardware
    for into, names in (("MODE", _MODES), ("SHAPER", _SHAPERS)):
        number = values.get(into, 0)
        if into not in values or number == 1:
            yield Field(into.lower(), names[number], f"{_LINE}{into.lower()}:{names[number]}")
    for into in _RATES:
        if into in values:
            rates = [_RATE.unpack(rate)[0] for _, rate in split_attributes(values[into]) if len(rate) == _RATE.size]
            shown = [*rates, *(0,) * MOST][:classes]
            text = "".join(f"{format_rate(rate, iec=view.display.iec)} " for rate in shown)
            yield Field(_word(into), [*shown], f"\t{_word(into)}:{text}")
    if preemption := class_values(values.get("TC_ENTRY", ()), _FP):
        yield preemption_field(preemption, f"{_LINE}fp:")
        yield Field("", text="\n")


KIND = qdisc(
    "mqprio",
    Declared(
        options=(
            NUMBER_OF_CLASSES._replace(help="how many traffic classes there are, up to 16 {8}"),
            MAP._replace(
                help="the traffic class of each of the 16 priorities of packets {0 1 2 3 4 5 6 7 0 1 1 1 3 3 3 3}"
            ),
            QUEUES,
            PREEMPTION,
            Option(
                "hw", "hw", Form("{ 0 | 1 }", unsigned(U8, 10)), "whether the device's hardware has the classes {1}"
            ),
            Option(
                "mode",
                "MODE",
                Form("{ dcb | channel }", _mode),
                "channel: the hardware is given all that follows, too {dcb}",
                omit=0,
                wrong="Illegal mode ({})",
            ),
            Option(
                "shaper",
                "SHAPER",
                Form("{ dcb | bw_rlimit }", read=_shaper),
                "bw_rlimit: the hardware limits rates {dcb}",
                omit=0,
            ),
            Option("min_rate", "MIN_RATE64", _pack_rates(_RATES["MIN_RATE64"]), "the least rate of each traffic class"),
            Option("max_rate", "MAX_RATE64", _pack_rates(_RATES["MAX_RATE64"]), "the most of it"),
        ),
        sent="HEADER MODE SHAPER TC_ENTRY MIN_RATE64 MAX_RATE64",
        shown=(_show,),
        check=_check,
        unknown='Error: argument "{}" is wrong: unknown argument',
    ),
    prefix="TCA_MQPRIO",
    attributes=(
        ("MODE", "uint16"),
        ("SHAPER", "uint16"),
        ("MIN_RATE64", "nested"),
        ("MAX_RATE64", "nested"),
        ("TC_ENTRY", "several"),
    ),
    header=_QOPT,
)
