"""Qdiscs with one queue (include/uapi/linux/pkt_sched.h: struct tc_fifo_qopt; net/sched/sch_fifo.c)."""

import struct
from collections.abc import Callable
from typing import Any

from pytc.netlink.schema import HEADER, Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind
from pytc.tc.rates import parse_size
from pytc.words.engine import Cursor, Word, read_options

_LIMIT = struct.Struct("=I")


def fifo(name: str, what: str, field: Callable[[int], Field]) -> QdiscKind[int | None, None]:
    """Return a kind whose option ``limit`` is in packets or bytes."""
    words = (
        Word("limit", "limit", parse_size, exact=True, repeat=True, wrong=f'{name}: Illegal value for "limit": "{{}}"'),
    )
    usage = f"Usage: ... {name} [ limit NUMBER ]\n\n{what}\n"

    def parse(cursor: Cursor) -> int | None:
        fields = read_options(cursor, words, f"qdisc {name}", unknown=f'{name}: unknown parameter "{{}}"')
        limit: int | None = fields.get("limit")
        return limit

    def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
        raw = attributes[HEADER]
        return (field(*_LIMIT.unpack(raw)),) if len(raw) == _LIMIT.size else ()

    return QdiscKind(name, Schema(), parse, _encode, document, usage, header=_LIMIT.size)


def _encode(limit: int | None, env: QdiscEnv) -> list[tuple[str, Any]] | None:
    return [(HEADER, _LIMIT.pack(limit))] if limit is not None else None
