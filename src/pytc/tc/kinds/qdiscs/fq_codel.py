"""The ``fq_codel`` qdisc: flows in turn, with CoDel for each (tc-fq_codel(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_fq_codel.c)."""

import struct
from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv, QdiscKind
from pytc.tc.kinds.shared.fields import counter, flag, number, size, time
from pytc.tc.rates import format_time, parse_size, parse_time
from pytc.words.engine import Cursor, Word, read_options, unsigned

_U32, _U8 = 0xFFFFFFFF, 0xFF
#: struct tc_fq_codel_xstats: a type, then one of two structures.
_TYPE, _QDISC, _CLASS = struct.Struct("=I"), struct.Struct("=9I"), struct.Struct("=i4Ii")
_OF_QDISC, _OF_CLASS = 0, 1
_USAGE = """\
Usage: ... fq_codel [ limit PACKETS ] [ flows NUMBER ] [ memory_limit BYTES ] [ target TIME ] [ interval TIME ]
                    [ quantum BYTES ] [ ecn | noecn ] [ ce_threshold TIME ] [ ce_threshold_selector VALUE/MASK ]
                    [ drop_batch PACKETS ]

limit                  how many packets may wait {10240}
flows                  the size of the table of flows {1024}
memory_limit           how many bytes the packets that wait may take {32MB}
target                 how long packets may wait for a while {5ms}
interval               how long that while is {100ms}
quantum                how much a flow may send in a turn {the MTU of the device}
ecn, noecn             mark packets where it is possible, in place of dropping them {ecn}
ce_threshold           mark packets that waited longer {never}
ce_threshold_selector  only packets whose DS field is VALUE after MASK
drop_batch             how many packets are dropped at once when there are too many {64}
"""

_SCHEMA = Schema(
    ("TCA_FQ_CODEL_UNSPEC", "none"),
    *(
        (f"TCA_FQ_CODEL_{name}", "uint32")
        for name in (
            "TARGET",
            "LIMIT",
            "INTERVAL",
            "ECN",
            "FLOWS",
            "QUANTUM",
            "CE_THRESHOLD",
            "DROP_BATCH_SIZE",
            "MEMORY_LIMIT",
        )
    ),
    ("TCA_FQ_CODEL_CE_THRESHOLD_SELECTOR", "uint8"),
    ("TCA_FQ_CODEL_CE_THRESHOLD_MASK", "uint8"),
)


class FqCodelOptions(NamedTuple):
    """0 and None are left to the kernel. Times are in microseconds; ``selector`` is (value, mask)."""

    limit: int = 0
    flows: int = 0
    quantum: int = 0
    interval: int = 0
    target: int = 0
    ecn: bool | None = None
    ce_threshold: int | None = None
    selector: tuple[int, int] | None = None
    memory_limit: int | None = None
    drop_batch: int = 0


def _selector(word: str) -> tuple[int, int]:
    value, slash, mask = word.partition("/")
    if not slash:
        raise InvalidOptionsError('Missing mask for "ce_threshold_selector"', hints=(f'"{word}" has no /',))
    read = unsigned(_U8)
    try:
        number = read(mask)
    except ValueError:
        raise InvalidOptionsError(
            'Illegal mask for "ce_threshold_selector"', hints=(f'the mask is "{mask}"',)
        ) from None
    return read(value), number


_NUMBER = unsigned(_U32)
_WORDS = (
    Word("limit", "limit", _NUMBER, exact=True, repeat=True),
    Word("flows", "flows", _NUMBER, exact=True, repeat=True),
    Word("quantum", "quantum", _NUMBER, exact=True, repeat=True),
    Word("drop_batch", "drop_batch", _NUMBER, exact=True, repeat=True),
    Word("target", "target", parse_time, exact=True, repeat=True),
    Word("ce_threshold", "ce_threshold", parse_time, exact=True, repeat=True),
    Word("ce_threshold_selector", "selector", _selector, exact=True, repeat=True),
    Word("memory_limit", "memory_limit", parse_size, exact=True, repeat=True),
    Word("interval", "interval", parse_time, exact=True, repeat=True),
    Word("ecn", "ecn", exact=True, repeat=True),
    Word("noecn", "ecn", value=False, exact=True, repeat=True),
)
#: Option, attribute, what means that it was not given.
_SENT = (
    ("limit", "LIMIT", 0),
    ("flows", "FLOWS", 0),
    ("quantum", "QUANTUM", 0),
    ("interval", "INTERVAL", 0),
    ("target", "TARGET", 0),
    ("ecn", "ECN", None),
    ("ce_threshold", "CE_THRESHOLD", None),
)


def parse(cursor: Cursor) -> FqCodelOptions:
    """Parse the words after ``fq_codel``; raises InvalidOptionsError, UsageError, HelpRequested."""
    return FqCodelOptions(**read_options(cursor, _WORDS, "qdisc fq_codel"))


def encode(options: FqCodelOptions, env: QdiscEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them."""
    values = options._asdict()
    sent = [(attribute, int(values[name])) for name, attribute, unset in _SENT if values[name] != unset]
    if options.selector is not None:
        value, mask = options.selector
        sent += [("CE_THRESHOLD_MASK", mask), ("CE_THRESHOLD_SELECTOR", value)]
    if options.memory_limit is not None:
        sent.append(("MEMORY_LIMIT", options.memory_limit))
    if options.drop_batch:
        sent.append(("DROP_BATCH_SIZE", options.drop_batch))
    return [(f"TCA_FQ_CODEL_{attribute}", value) for attribute, value in sent]


def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    """Return the document that tc prints."""
    values = {name.removeprefix("TCA_FQ_CODEL_"): value for name, value in attributes.items()}
    fields = [
        field(name, values[attribute])
        for attribute, name, field in (
            ("FLOWS", "flows", number),
            ("QUANTUM", "quantum", number),
            ("TARGET", "target", time),
            ("CE_THRESHOLD", "ce_threshold", time),
        )
        if attribute in values
    ]
    if "LIMIT" in values:
        fields.insert(0, number("limit", values["LIMIT"], "p"))
    selector, mask = values.get("CE_THRESHOLD_SELECTOR", 0), values.get("CE_THRESHOLD_MASK", 0)
    if selector or mask:
        fields += [
            Field("ce_threshold_selector", selector, f"ce_threshold_selector {_hex(selector)}"),
            Field("ce_threshold_mask", mask, f"/{_hex(mask)} "),
        ]
    if "INTERVAL" in values:
        fields.append(time("interval", values["INTERVAL"]))
    if "MEMORY_LIMIT" in values:
        fields.append(size("memory_limit", values["MEMORY_LIMIT"]))
    if values.get("ECN"):
        fields.append(flag("ecn"))
    if values.get("DROP_BATCH_SIZE"):
        fields.append(number("drop_batch", values["DROP_BATCH_SIZE"]))
    return fields


def _hex(number: int) -> str:
    """Return a number as C's ``%#x`` prints it."""
    return f"{number:#x}" if number else "0"


def _statistics(raw: bytes) -> Document:
    """Return struct tc_fq_codel_xstats as fields; older kernels send less of it."""
    raw = raw.ljust(_TYPE.size + _QDISC.size, b"\0")
    (of,) = _TYPE.unpack_from(raw)
    if of == _OF_CLASS:
        return _class_statistics(*_CLASS.unpack_from(raw, _TYPE.size))
    return _qdisc_statistics(*_QDISC.unpack_from(raw, _TYPE.size)) if of == _OF_QDISC else ()


def _qdisc_statistics(
    largest: int,
    over_limit: int,
    marked: int,
    new: int,
    new_length: int,
    old_length: int,
    threshold: int,
    memory: int,
    over_memory: int,
) -> Document:
    rare = (("ce_mark", threshold), ("memory_used", memory), ("drop_overmemory", over_memory))
    return [
        counter("maxpacket", largest, "  "),
        counter("drop_overlimit", over_limit),
        counter("new_flow_count", new),
        counter("ecn_mark", marked),
        *(counter(name, value) for name, value in rare if value),
        Field("", text="\n"),
        counter("new_flows_len", new_length, "  "),
        counter("old_flows_len", old_length),
    ]


def _class_statistics(deficit: int, delay: int, count: int, last: int, dropping: int, following: int) -> Document:
    fields = [
        counter("deficit", deficit, "  "),
        counter("count", count),
        counter("lastcount", last),
        Field("ldelay", delay, f" ldelay {format_time(delay)}"),
    ]
    if dropping:
        sign = "-" if following < 0 else ""
        fields += [
            Field("dropping", True, " dropping"),
            Field("drop_next", following, f" drop_next {sign}{format_time(abs(following))}"),
        ]
    return fields


KIND: QdiscKind[FqCodelOptions, None] = QdiscKind(
    "fq_codel", _SCHEMA, parse, encode, document, _USAGE, statistics=_statistics, class_statistics=_statistics
)
