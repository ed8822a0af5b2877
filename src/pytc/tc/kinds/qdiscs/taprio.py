"""The ``taprio`` qdisc: traffic classes by time, IEEE 802.1Q-2018, 8.6.9 (tc-taprio(8);
include/uapi/linux/pkt_sched.h, net/sched/sch_taprio.c)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Schema, join_attributes, split_attributes
from pytc.render.documents import ArrayField, Field, Group
from pytc.tc.kinds.declaration import NUMBER, U32, Declared, Form, Option, Wire
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.clock_ids import clock_field, clock_form
from pytc.tc.kinds.shared.fields import numbers
from pytc.tc.kinds.shared.traffic_classes import (
    MAP,
    MQPRIO_QOPT,
    NUMBER_OF_CLASSES,
    PREEMPTION,
    QUEUES,
    class_entries,
    class_values,
    fill_in,
    preemption_field,
    take_while,
)
from pytc.words.engine import signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.words.engine import Cursor

#: TCA_TAPRIO_TC_ENTRY_MAX_SDU and _FP.
_MAX_SDU, _FP = 2, 3
#: TC_TAPRIO_CMD_SET_GATES, the only command of schedules.
_SET_GATES = 0
#: The number of an entry in a schedule, TCA_TAPRIO_SCHED_ENTRY.
_ENTRY = 1
_SCHEDULE_ENTRY = Schema(
    ("INDEX_UNSPEC", "none"), ("INDEX", "uint32"), ("CMD", "uint8"), ("GATE_MASK", "uint32"), ("INTERVAL", "uint32")
)
_TIME = Form("NANOSECONDS", signed(2**63 - 1, 10))
_TWICE = 'taprio: duplicate "{word}" specification'


def _entry(cursor: Cursor) -> tuple[int, int]:
    """Return the gates and the nanoseconds of ``S GATES NANOSECONDS``."""
    words = cursor.take(), cursor.take(), cursor.take()
    try:
        if words[0] != "S":
            raise ValueError(words[0])
        return unsigned(U32, 16)(words[1]), unsigned(U32)(words[2])
    except ValueError:
        raise InvalidOptionsError(
            f'Illegal "sched-entry": {" ".join(words)}',
            hints=("it is S, a mask of traffic classes in hex, and nanoseconds: sched-entry S 3 500000",),
        ) from None


def _check(values: Values) -> None:
    fill_in(values)
    if values.get("num_tc"):
        values["PRIOMAP"] = MQPRIO_QOPT.pack(values)
    if values.keys() & {"max-sdu", "fp"}:
        values["TC_ENTRY"] = class_entries([(_MAX_SDU, values.get("max-sdu", ())), (_FP, values.get("fp", ()))])
    values["SCHED_ENTRY_LIST"] = join_attributes(
        (
            _ENTRY,
            _SCHEDULE_ENTRY.encode([("CMD", _SET_GATES), ("GATE_MASK", gates), ("INTERVAL", interval)]),
        )
        for gates, interval in values.get("entries", ())
    )


def _show(values: Values, view: View) -> Iterator[Part]:
    if len(values.get("PRIOMAP", b"")) < MQPRIO_QOPT.size:
        return
    classes = MQPRIO_QOPT.unpack(values["PRIOMAP"])
    count = classes["num_tc"]
    yield Field("tc", count, f"tc {count} ")
    yield numbers("map", classes["map"], "map", " {}")
    yield Field("", text="\nqueues")
    queues = [*zip(classes["offset"], classes["count"], strict=True)][:count]
    yield ArrayField(
        "queues",
        [
            (Field("offset", offset, f" offset {offset}"), Field("count", queues, f" count {queues}"))
            for offset, queues in queues
        ],
    )
    yield Field("", text="\n")
    if "SCHED_CLOCKID" in values:
        yield clock_field(values["SCHED_CLOCKID"])
    if "FLAGS" in values:
        flags = _hex(values["FLAGS"])
        yield Field("flags", flags, f" flags {flags}")
    if "TXTIME_DELAY" in values:
        yield Field("txtime_delay", values["TXTIME_DELAY"], f" txtime delay {values['TXTIME_DELAY']}")
    if "SCHED_ENTRY_LIST" in values:
        yield from _schedule(values)
    if "ADMIN_SCHED" in values:
        yield Group("admin", [*_schedule(_WIRE.decode(_WIRE.schema.decode(values["ADMIN_SCHED"])))])
    entries = values.get("TC_ENTRY", ())
    if sizes := class_values(entries, _MAX_SDU):
        yield numbers("max-sdu", sizes, "max-sdu", " {}")
        yield Field("", text="\n")
    if preemption := class_values(entries, _FP):
        yield preemption_field(preemption, "fp")
        yield Field("", text="\n")


def _schedule(values: Mapping[str, Any]) -> Iterator[Part]:
    for key, into, word in (
        ("base_time", "SCHED_BASE_TIME", "\tbase-time"),
        ("cycle_time", "SCHED_CYCLE_TIME", " cycle-time"),
        ("cycle_time_extension", "SCHED_CYCLE_TIME_EXTENSION", " cycle-time-extension"),
    ):
        time = values.get(into, 0)
        yield Field(key, time, f"{word} {time}")
    yield Field("", text="\n")
    yield ArrayField(
        "schedule", [_schedule_entry(entry) for _, entry in split_attributes(values.get("SCHED_ENTRY_LIST", b""))]
    )


def _schedule_entry(raw: bytes) -> list[Field]:
    entry = _SCHEDULE_ENTRY.decode(raw)
    index, interval, gates = entry.get("INDEX", 0), entry.get("INTERVAL", 0), _hex(entry.get("GATE_MASK", 0))
    command = "Invalid" if entry.get("CMD", 0) else "S"
    return [
        Field("index", index, f"\tindex {index}"),
        Field("cmd", command, f" cmd {command}"),
        Field("gatemask", gates, f" gatemask {gates}"),
        Field("interval", interval, f" interval {interval}\n"),
    ]


def _hex(number: int) -> str:
    """Return a number as C's ``%#x`` prints it."""
    return f"{number:#x}" if number else "0"


_ATTRIBUTES: Any = (
    ("PRIOMAP", "cdata"),
    ("SCHED_ENTRY_LIST", "nested"),
    ("SCHED_BASE_TIME", "int64"),
    ("SCHED_SINGLE_ENTRY", "cdata"),
    ("SCHED_CLOCKID", "int32"),
    ("PAD", "cdata"),
    ("ADMIN_SCHED", "nested"),
    ("SCHED_CYCLE_TIME", "int64"),
    ("SCHED_CYCLE_TIME_EXTENSION", "int64"),
    ("FLAGS", "uint32"),
    ("TXTIME_DELAY", "uint32"),
    ("TC_ENTRY", "several"),
)
_WIRE = Wire("TCA_TAPRIO_ATTR", _ATTRIBUTES, None)

KIND = qdisc(
    "taprio",
    Declared(
        options=(
            NUMBER_OF_CLASSES,
            MAP,
            QUEUES,
            PREEMPTION,
            Option(
                "max-sdu",
                "max-sdu",
                Form("BYTES ...", read=take_while(unsigned(U32, 10))),
                "the largest payload of each traffic class {0: no limit}",
            ),
            Option(
                "sched-entry",
                "entries",
                Form("S GATES NANOSECONDS", read=_entry),
                "an entry of the schedule: a mask of traffic classes in hex, and for how long they may send",
                many=True,
            ),
            Option("base-time", "SCHED_BASE_TIME", _TIME, "when the schedule begins {0}", omit=0),
            Option("cycle-time", "SCHED_CYCLE_TIME", _TIME, "how long it takes {all entries}", omit=0, twice=_TWICE),
            Option(
                "cycle-time-extension",
                "SCHED_CYCLE_TIME_EXTENSION",
                _TIME,
                "how much longer its last cycle may take before another schedule begins {0}",
                omit=0,
                twice=_TWICE,
            ),
            Option(
                "clockid", "SCHED_CLOCKID", clock_form("taprio"), "the clock of the times: CLOCK_TAI ...", twice=_TWICE
            ),
            Option(
                "flags",
                "FLAGS",
                NUMBER,
                "1: the times of packets follow from the schedule; 2: the device's hardware has it {0}",
                omit=0,
                twice=_TWICE,
            ),
            Option(
                "txtime-delay",
                "TXTIME_DELAY",
                NUMBER._replace(name="NANOSECONDS"),
                "the least time that packets take to the device, with flags 1 {0}",
                omit=0,
                twice=_TWICE,
            ),
        ),
        sent="SCHED_CLOCKID FLAGS PRIOMAP TXTIME_DELAY SCHED_BASE_TIME SCHED_CYCLE_TIME SCHED_CYCLE_TIME_EXTENSION "
        "TC_ENTRY SCHED_ENTRY_LIST",
        shown=(_show,),
        check=_check,
        unknown='Unknown argument "{}"',
    ),
    prefix="TCA_TAPRIO_ATTR",
    attributes=_ATTRIBUTES,
)
