"""The ``prio`` qdisc: classes by priority (tc-prio(8); include/uapi/linux/pkt_sched.h, net/sched/sch_prio.c)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import HEADER, Schema
from pytc.render.documents import Field
from pytc.tc.kinds.interface import QdiscKind, Restoration
from pytc.typing import NamedTuple
from pytc.words.engine import illegal_value, matches, signed, unknown_option, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Display, Document
    from pytc.tc.clock import Clock
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.words.engine import Cursor

_TOPIC = "qdisc prio"
_PRIORITIES = 16
_U32 = 0xFFFFFFFF
#: struct tc_prio_qopt: bands s32, priomap u8[16].
OPTIONS = struct.Struct(f"=i{_PRIORITIES}B")
#: A nested attribute TCA_OPTIONS, empty or with an empty TCA_PRIO_MQ: kernels since v2.6.27 pass over it.
_NESTED, _NESTED_MULTIQUEUE = struct.pack("=HH", 4, 2), struct.pack("=4H", 8, 2, 4, 1)
_USAGE = """\
Usage: ... prio [ bands NUMBER ] [ priomap BAND ... ] [ multiqueue ]

bands    how many classes there are; the first is served first {3}
priomap  the band of each of the 16 priorities of packets {1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1}

Packets that a filter classifies go to its class, MAJOR:1 to MAJOR:BANDS.
"""


class PrioOptions(NamedTuple):
    """The words of a ``prio`` qdisc: the number of bands, and the band of each priority."""

    bands: int = 3
    priomap: tuple[int, ...] = (1, 2, 2, 2, 1, 2, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1)
    multiqueue: bool = False


def parse(cursor: Cursor) -> PrioOptions:
    """Parse the words after ``prio``; after ``priomap``, those that are no option are bands.

    Raises InvalidOptionsError, UsageError, HelpRequested.
    """
    bands, multiqueue = PrioOptions().bands, False
    chosen: list[int] | None = None
    while not cursor.done:
        word = cursor.take()
        if word == "bands":
            bands = _bands(cursor.take())
        elif word == "multiqueue":
            multiqueue = True
        elif word == "priomap":
            if chosen is not None:
                raise InvalidOptionsError("Error: duplicate priomap")
            chosen = []
        elif chosen is None:
            _not_known(word)
        else:
            chosen.append(_band(word, bands, len(chosen)))
    chosen = chosen or []
    return PrioOptions(bands, (*chosen, *PrioOptions().priomap[len(chosen) :]), multiqueue)


def _bands(word: str) -> int:
    try:
        number: int = signed(0x7FFFFFFF, 10)(word)
    except ValueError:
        raise illegal_value("bands", word) from None
    return number


def _not_known(word: str) -> None:
    if matches(word, "help"):
        from pytc.errors import HelpRequested

        raise HelpRequested(_TOPIC)
    raise unknown_option(f'What is "{word}"?', _TOPIC)


def _band(word: str, bands: int, index: int) -> int:
    if word == "help":
        _not_known(word)
    try:
        band: int = unsigned(_U32, 10)(word)
    except ValueError:
        raise InvalidOptionsError('Illegal "priomap" element', hints=(f'the element is "{word}"',)) from None
    if band >= bands & _U32:
        raise InvalidOptionsError('"priomap" element is out of bands', hints=(f"the element is {band}",))
    if index >= _PRIORITIES:
        raise InvalidOptionsError(f'"priomap" index > TC_PRIO_MAX={_PRIORITIES - 1}')
    return band


def encode(options: PrioOptions, env: QdiscEnv) -> list[tuple[str, Any]]:
    """Return struct tc_prio_qopt, and the attribute that tc sends after it."""
    fixed = OPTIONS.pack(options.bands, *(band & 0xFF for band in options.priomap))
    return [(HEADER, fixed + (_NESTED_MULTIQUEUE if options.multiqueue else _NESTED))]


def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return the document that tc prints, of pfifo_fast too."""
    raw = attributes[HEADER]
    if len(raw) < OPTIONS.size:
        return ()
    bands, *priomap = OPTIONS.unpack_from(raw)
    bands &= _U32
    return (
        Field("bands", bands, f"bands {bands} "),
        Field("priomap", list(priomap), "priomap " + " ".join(map(str, priomap))),
        Field("multiqueue", False),
    )


def _refuse_bands(present: Attributes, requested: Attributes | None) -> str:
    """Return why the number of bands has to stay: qdiscs below a band go with it."""
    requested = requested or {}
    if requested.get(HEADER, b"")[:4] == present[HEADER][:4]:
        return ""
    return "what is below its bands could not be restored"


KIND: QdiscKind[PrioOptions, None] = QdiscKind(
    "prio",
    Schema(),
    parse,
    encode,
    document,
    lambda: _USAGE,
    header=OPTIONS.size,
    restoration=Restoration(refuse=_refuse_bands),
)
