"""The ``drr`` qdisc and its classes, served in turn (tc-drr(8); net/sched/sch_drr.c)."""

import struct
from typing import Any

from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind
from pytc.tc.kinds.shared.fields import size
from pytc.tc.kinds.shared.no_options import encode_nothing, no_document, nothing_to_parse
from pytc.tc.rates import format_size, parse_size
from pytc.words.engine import Cursor, Word, read_options

_WORDS = (Word("quantum", "quantum", parse_size, exact=True, repeat=True),)
#: struct tc_drr_stats: deficit u32.
_STATISTICS = struct.Struct("=I")
_SCHEMA = Schema(("TCA_DRR_UNSPEC", "none"), ("TCA_DRR_QUANTUM", "uint32"))
_USAGE = """\
Usage: ... qdisc add ... drr

Classes that are served in turn. It has no options. Packets that no filter classifies are dropped.
"""
_CLASS_USAGE = """\
Usage: ... class add ... drr [ quantum SIZE ]

quantum  how much the class may send in a turn {the MTU of the device}
"""


def _parse_class(cursor: Cursor) -> int | None:
    quantum: int | None = read_options(cursor, _WORDS, "class drr").get("quantum")
    return quantum


def _encode_class(quantum: int | None, env: QdiscEnv) -> list[tuple[str, Any]]:
    return [("TCA_DRR_QUANTUM", quantum)] if quantum is not None else []


def _document_class(attributes: Attributes, display: Display, clock: Clock) -> Document:
    return (size("quantum", attributes["TCA_DRR_QUANTUM"]),) if "TCA_DRR_QUANTUM" in attributes else ()


def _class_statistics(raw: bytes) -> Document:
    if len(raw) < _STATISTICS.size:
        return ()
    (deficit,) = _STATISTICS.unpack_from(raw)
    return (Field("deficit", deficit, f" deficit {format_size(deficit)} "),)


KIND = QdiscKind(
    "drr",
    _SCHEMA,
    nothing_to_parse("drr"),
    encode_nothing,
    no_document,
    _USAGE,
    parse_class=_parse_class,
    encode_class=_encode_class,
    document_class=_document_class,
    class_statistics=_class_statistics,
    class_usage=_CLASS_USAGE,
)
