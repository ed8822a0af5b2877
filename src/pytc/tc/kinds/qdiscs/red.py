"""The ``red`` qdisc: random early detection (tc-red(8); include/uapi/linux/pkt_sched.h, net/sched/sch_red.c)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.declaration import NUMBER, ON, SIZE, U32, Declared, Form, Option, rows
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared import red
from pytc.tc.kinds.shared.fields import number, size
from pytc.tc.kinds.shared.ratespec import NARROW_RATE, narrow_bytes_per_second
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document, Part
    from pytc.tc.kinds.interface import QdiscEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.words.engine import Cursor

#: struct tc_red_qopt.
_PARAMETERS = Layout("3I4B", "limit min max Wlog Plog Scell_log flags")
#: struct tc_red_xstats.
_STATISTICS = Layout("4I", "early pdrop other marked")
#: struct nla_bitfield32: values and selector.
_FLAGS = struct.Struct("=2I")
_FLAG_BITS = {"ecn": red.ECN, "harddrop": red.HARDDROP, "adaptive": red.ADAPTIVE, "nodrop": red.NODROP}
_QEVENTS = {"early_drop": "EARLY_DROP_BLOCK", "mark": "MARK_BLOCK"}


def _qevent(cursor: Cursor) -> tuple[str, int]:
    """Return the name of an event and the number of the block that is run for it."""
    name = cursor.take()
    if name not in [*_QEVENTS]:
        raise InvalidOptionsError(f"Unknown qevent `{name}'", hints=(f"there are {' and '.join(_QEVENTS)}",))
    if cursor.take() != "block":
        raise InvalidOptionsError("Unspecified qevent block index", hints=(f'"qevent {name} block INDEX"',))
    word = cursor.take()
    try:
        block: int = unsigned(U32)(word)
    except ValueError:
        block = 0
    if not block:
        raise InvalidOptionsError("Illegal qevent block index", hints=(f'the index is "{word}"',))
    return name, block


def _check(values: Values) -> None:
    limit, packet = values.get("limit", 0), values.get("avpkt", 0)
    if not limit or not packet:
        raise InvalidOptionsError("RED: Required parameter (limit, avpkt) is missing")
    low = values.get("min", 0)
    high = values.get("max") or 3 * low & U32 or limit // 4
    low = low or high // 3
    burst = values.get("burst") or (2 * low + high & U32) // (3 * packet & U32)
    values.update(min=low, max=high, burst=burst)
    red.logarithms("RED", values, packet)
    for name, block in values.pop("qevents", ()):
        if values.setdefault(_QEVENTS[name], block) != block:
            raise InvalidOptionsError("Duplicate qevent", hints=(f'the event is "{name}"',))


def _complete(values: Values, env: QdiscEnv) -> None:
    """Add the table that depends on the rate, and the flags."""
    rate = narrow_bytes_per_second(values.get("bandwidth", 0), env, "bandwidth") or red.DEFAULT_RATE
    red.idle_table(values, values["avpkt"], rate, env.clock)
    flags = sum(bit for name, bit in _FLAG_BITS.items() if values.get(name))
    values["FLAGS"] = _FLAGS.pack(flags, sum(_FLAG_BITS.values()))


def _show(values: Values, view: View) -> list[Part]:
    if "limit" not in values:
        return []
    fields: list[Part] = [size(name, values[name]) for name in ("limit", "min", "max")]
    chosen = values.get("FLAGS", b"")
    fields += red.flag_fields(_FLAGS.unpack(chosen)[0] if len(chosen) == _FLAGS.size else values["flags"])
    if view.display.details:
        fields += red.detail_fields(values, values.get("MAX_P") or None)
    events = [(name, values[block]) for name, block in _QEVENTS.items() if values.get(block)]
    if not events:
        return fields
    return [
        *fields,
        ArrayField(
            "qevents",
            [[Field("kind", name, f"qevent {name} "), number("block", block)] for name, block in events],
        ),
    ]


def _statistics(raw: bytes, display: Display) -> Document:
    if len(raw) < _STATISTICS.size:
        return ()
    values = _STATISTICS.unpack(raw)
    return [Field("", text="  "), *(number(name, values[name]) for name in ("marked", "early", "pdrop", "other"))]


KIND = qdisc(
    "red",
    Declared(
        options=(
            Option("limit", "limit", SIZE, "how many bytes may wait", required=True),
            Option("min", "min", SIZE, "the average length of the queue from which on packets are marked {max / 3}"),
            Option("max", "max", SIZE, "the average length at which most packets are marked {3 * min, or limit / 4}"),
            Option("burst", "burst", NUMBER._replace(name="PACKETS"), "how many packets may burst {computed}"),
            Option("avpkt", "avpkt", SIZE, "the size of an average packet", required=True),
            Option("probability", "probability", red.PROBABILITY, "of marking at max, 0 to 1 {0.02}"),
            Option("bandwidth", "bandwidth", NARROW_RATE, "of the device, for the average after idle times {10mbit}"),
            Option("ecn", "ecn", ON, "mark packets where it is possible, in place of dropping them"),
            Option("harddrop", "harddrop", ON, "drop what is above max, also with ecn"),
            Option("nodrop", "nodrop", ON, "with ecn, let packets pass that cannot be marked (Linux 5.7)"),
            Option("adaptive", "adaptive", ON, "let the kernel change the probability"),
            Option("adaptative", "adaptive", ON),
            Option(
                "qevent",
                "qevents",
                Form("{ early_drop | mark } block INDEX", read=_qevent),
                "run the filters of a block when packets are dropped or marked (Linux 5.9)",
                many=True,
            ),
        ),
        sent="PARMS STAB MAX_P FLAGS EARLY_DROP_BLOCK MARK_BLOCK",
        shown=(_show,),
        check=_check,
        complete=_complete,
    ),
    prefix="TCA_RED",
    attributes=(
        ("PARMS", _PARAMETERS),
        ("STAB", "cdata"),
        ("MAX_P", "uint32"),
        ("FLAGS", "cdata"),
        *rows("uint32", "EARLY_DROP_BLOCK MARK_BLOCK"),
    ),
    statistics=_statistics,
)
