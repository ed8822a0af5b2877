"""The ``dsmark`` qdisc and its classes, which mark the DS field of packets (include/uapi/linux/pkt_sched.h and
net/sched/sch_dsmark.c of Linux 6.2, the last that has it). tc has not had it since 6.3."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import ON, U8, U16, Declared, Form, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.qdisc import qdisc
from pytc.words.engine import signed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.render.documents import Display
    from pytc.tc.kinds.layout import Values

_number = signed(2**63 - 1)


def _low_bits(most: int) -> Callable[[str], int]:
    """Return what reads a number of which, as in tc, the low bits count."""
    return lambda word: _number(word) & most


def _hex(digits: int) -> Callable[[str, int, Display], Field]:
    return lambda key, value, display: Field(key, value, f"{key} 0x{value:0{digits}x} ")


_INDEX = Form("INDEX", _low_bits(U16), _hex(4))
_BYTE = Form("BYTE", _low_bits(U8), _hex(2))


def _check(values: Values) -> None:
    if not values.get("INDICES"):
        raise InvalidOptionsError('"indices" is missing, or 0', hints=("it is a power of two",))


KIND = qdisc(
    "dsmark",
    Declared(
        options=(
            Option(
                "indices", "INDICES", _INDEX._replace(name="NUMBER"), "how many classes, a power of two", required=True
            ),
            Option("default_index", "DEFAULT_INDEX", _INDEX, "the class of packets that no filter classifies {none}"),
            Option("default", "DEFAULT_INDEX", _INDEX),
            Option("set_tc_index", "SET_TC_INDEX", ON, "keep the DS field of packets for filters and other qdiscs"),
        ),
        sent="INDICES DEFAULT_INDEX SET_TC_INDEX",
        shown=("indices default_index set_tc_index",),
        check=_check,
    ),
    classes=Declared(
        options=(
            Option("mask", "MASK", _BYTE, "bits of the DS field that are kept {0xff}"),
            Option("value", "VALUE", _BYTE, "bits that are set then {0}"),
        ),
        sent="MASK VALUE",
        shown=("mask value",),
    ),
    prefix="TCA_DSMARK",
    attributes=(*rows("uint16", "INDICES DEFAULT_INDEX"), ("SET_TC_INDEX", "flag"), *rows("uint8", "MASK VALUE")),
    class_restoration=Restoration(),
)
