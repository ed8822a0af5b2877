"""The ``fq_codel`` qdisc: flows in turn, with CoDel for each (tc-fq_codel(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_fq_codel.c)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import NUMBER, OFF, ON, PACKETS, SIZE, TIME, U8, Declared, Form, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared import codel
from pytc.tc.kinds.shared.fields import counter, signed_time, statistics_lines
from pytc.tc.rates import format_time
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View


def _selector(word: str) -> tuple[int, int]:
    value, slash, mask = word.partition("/")
    if not slash:
        raise InvalidOptionsError('Missing mask for "ce_threshold_selector"', hints=(f'"{word}" has no /',))
    read = unsigned(U8)
    try:
        number = read(mask)
    except ValueError:
        raise InvalidOptionsError(
            'Illegal mask for "ce_threshold_selector"', hints=(f'the mask is "{mask}"',)
        ) from None
    return read(value), number


def _show_selector(values: Values, view: View) -> list[Field]:
    selector, mask = values.get("CE_THRESHOLD_SELECTOR", 0), values.get("CE_THRESHOLD_MASK", 0)
    if not selector and not mask:
        return []
    return [
        Field("ce_threshold_selector", selector, f"ce_threshold_selector {_hex(selector)}"),
        Field("ce_threshold_mask", mask, f"/{_hex(mask)} "),
    ]


def _hex(number: int) -> str:
    """Return a number as C's ``%#x`` prints it."""
    return f"{number:#x}" if number else "0"


#: struct tc_fq_codel_xstats: a type, then one of two structures; older kernels send less.
_TYPE = Layout("I", "type")
_CLASS = Layout("i4Ii", "deficit ldelay count lastcount dropping drop_next")
_qdisc_statistics = statistics_lines(
    Layout(
        "9I",
        "maxpacket drop_overlimit ecn_mark new_flow_count new_flows_len old_flows_len "
        "ce_mark memory_used drop_overmemory",
    ),
    "maxpacket drop_overlimit new_flow_count ecn_mark ?ce_mark ?memory_used ?drop_overmemory",
    "new_flows_len old_flows_len",
)


def _statistics(raw: bytes, display: Display) -> Document:
    of, rest = _TYPE.unpack(raw)["type"], raw[_TYPE.size :]
    if of:
        return _class_statistics(**_CLASS.unpack(rest)) if of == 1 else ()
    return _qdisc_statistics(rest, display)


def _class_statistics(deficit: int, ldelay: int, count: int, lastcount: int, dropping: int, drop_next: int) -> Document:
    fields = [
        counter("deficit", deficit, "  "),
        counter("count", count),
        counter("lastcount", lastcount),
        Field("ldelay", ldelay, f" ldelay {format_time(ldelay)}"),
    ]
    if dropping:
        fields += [Field("dropping", True, " dropping"), signed_time("drop_next", drop_next)]
    return fields


KIND = qdisc(
    "fq_codel",
    Declared(
        options=(
            Option("limit", "LIMIT", PACKETS, "how many packets may wait {10240}", omit=0),
            Option("flows", "FLOWS", NUMBER, "the size of the table of flows {1024}", omit=0),
            Option("quantum", "QUANTUM", NUMBER, "how much a flow may send in a turn {the MTU of the device}", omit=0),
            Option(
                "drop_batch",
                "DROP_BATCH_SIZE",
                NUMBER,
                "how many packets are dropped at once when there are too many {64}",
                omit=0,
                hide=(0,),
            ),
            Option("target", "TARGET", TIME, "how long packets may wait for a while {5ms}", omit=0),
            Option("ce_threshold", "CE_THRESHOLD", TIME, "mark packets that waited longer {never}"),
            Option(
                "ce_threshold_selector",
                "CE_THRESHOLD_SELECTOR CE_THRESHOLD_MASK",
                Form("VALUE/MASK", _selector),
                "only packets whose DS field is VALUE after MASK",
            ),
            Option("memory_limit", "MEMORY_LIMIT", SIZE, "how many bytes the packets that wait may take {32MB}"),
            Option("interval", "INTERVAL", TIME, "how long that while is {100ms}", omit=0),
            Option("ecn", "ECN", ON, "mark packets where it is possible, in place of dropping them {ecn}"),
            Option("noecn", "ECN", OFF),
        ),
        sent="LIMIT FLOWS QUANTUM INTERVAL TARGET ECN CE_THRESHOLD CE_THRESHOLD_MASK CE_THRESHOLD_SELECTOR "
        "MEMORY_LIMIT DROP_BATCH_SIZE",
        shown=("limit flows quantum target ce_threshold", _show_selector, "interval memory_limit ecn drop_batch"),
    ),
    prefix="TCA_FQ_CODEL",
    attributes=(
        *rows("uint32", "TARGET LIMIT INTERVAL ECN FLOWS QUANTUM CE_THRESHOLD DROP_BATCH_SIZE MEMORY_LIMIT"),
        *rows("uint8", "CE_THRESHOLD_SELECTOR CE_THRESHOLD_MASK"),
    ),
    statistics=_statistics,
    class_statistics=_statistics,
    restoration=Restoration(
        unset={"TCA_FQ_CODEL_CE_THRESHOLD": codel.NEVER},
        described=("TCA_FQ_CODEL_FLOWS",),
        resent=dict.fromkeys(
            ("TCA_FQ_CODEL_TARGET", "TCA_FQ_CODEL_INTERVAL", "TCA_FQ_CODEL_CE_THRESHOLD"), codel.restored_time
        ),
    ),
)
