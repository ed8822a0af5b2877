"""The ``gate`` action: packets pass at some times only (tc-gate(8), Linux 5.8;
include/uapi/linux/tc_act/tc_gate.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Schema, split_attributes
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U32, Declared, Form, Option
from pytc.tc.kinds.shared.clock_ids import clock_name, parse_clock
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.tc.rates import format_size, format_time64, parse_size, parse_time64
from pytc.typing import NamedTuple
from pytc.words.engine import signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytc.render.documents import Document, Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Converter, Cursor

_MAX_S32, _MAX_S64, _U64 = 2**31 - 1, 2**63 - 1, 2**64 - 1
#: Of an entry, a priority or a size that matches all; of an action, its priority, and no clock.
_ANY = -1
_STATES = {"open": True, "close": False}
_ONE_ENTRY = Schema(("", "none"), ("TCA_GATE_ONE_ENTRY", "nested"))
_ENTRY = Schema(
    ("TCA_GATE_ENTRY_UNSPEC", "none"),
    ("TCA_GATE_ENTRY_INDEX", "uint32"),
    ("TCA_GATE_ENTRY_GATE", "flag"),
    ("TCA_GATE_ENTRY_INTERVAL", "uint32"),
    ("TCA_GATE_ENTRY_IPV", "int32"),
    ("TCA_GATE_ENTRY_MAX_OCTETS", "int32"),
)


class Entry(NamedTuple):
    """A part of the cycle: for ``interval`` nanoseconds the gate is open or closed.

    ``priority`` is the internal one that packets get, ``octets`` are how many may pass.
    """

    is_open: bool
    interval: int
    priority: int = _ANY
    octets: int = _ANY

    def pack(self) -> bytes:
        """Return the attributes of the entry."""
        return _ENTRY.encode(
            [
                *([("TCA_GATE_ENTRY_GATE", True)] if self.is_open else []),
                ("TCA_GATE_ENTRY_INTERVAL", self.interval),
                ("TCA_GATE_ENTRY_IPV", self.priority),
                ("TCA_GATE_ENTRY_MAX_OCTETS", self.octets),
            ]
        )


def _take_entry(cursor: Cursor) -> Entry:
    state = cursor.take().lower() if not cursor.done else ""
    if state not in _STATES:
        raise _incomplete("open or close", state)
    word = cursor.take() if not cursor.done else ""
    interval = _first_of(word, unsigned(U32), parse_time64)
    if interval is None:
        raise _incomplete("nanoseconds or a time", word)
    if interval > U32:
        raise InvalidOptionsError('"interval" is too large', hints=(f"{U32} nanoseconds are the most",))
    priority = _first_of(cursor.peek(), signed(_MAX_S32))
    if priority is None:
        return Entry(_STATES[state], interval)
    cursor.take()
    octets = _first_of(cursor.peek(), signed(_MAX_S32), parse_size)
    if octets is not None:
        cursor.take()
        if octets > _MAX_S32:
            raise InvalidOptionsError('"maxoctets" is too large', hints=(f"{_MAX_S32} bytes are the most",))
    if not _STATES[state]:
        return Entry(False, interval)
    return Entry(True, interval, priority, _ANY if octets is None else octets)


def _incomplete(expected: str, word: str) -> InvalidOptionsError:
    found = f', not "{word}"' if word else ""
    return InvalidOptionsError('"sched-entry" is incomplete', hints=(f"{expected} expected{found}",))


def _first_of(word: str, *converters: Converter) -> int | None:
    """Return what the first of the converters that takes a word makes of it, None where none does."""
    for convert in converters:
        try:
            number: int = convert(word)
        except ValueError:
            continue
        return number
    return None


def _time(word: str) -> int:
    number = _first_of(word, signed(_MAX_S64, 10), parse_time64)
    if number is None:
        raise ValueError(word)
    return number


def _check_values(values: Values) -> None:
    if entries := values.pop("entries", ()):
        values["ENTRY_LIST"] = _ONE_ENTRY.encode([("TCA_GATE_ONE_ENTRY", entry.pack()) for entry in entries])


def _check(options: DeclaredActionOptions, first: str) -> None:
    if "ENTRY_LIST" not in options.values and not options.number:
        raise InvalidOptionsError(
            "gate: must add at least one entry",
            hints=(f'"{first}" is not followed by one: sched-entry STATE INTERVAL',),
        )


def _complete(values: Values, env: Any) -> None:
    values.setdefault("ENTRY_LIST", b"")


def _show_head(values: Values, view: Any) -> Iterable[Part]:
    priority, clock = values.get("PRIORITY", _ANY), clock_name(values.get("CLOCKID", _ANY))
    yield Field("priority", priority, f"\n\tpriority {'wildcard' if priority == _ANY else f'{priority:<8d}'}")
    yield Field("clockid", clock, f"\tclockid {clock}")
    if (flags := values.get("FLAGS")) is not None:
        yield Field("flags", hexadecimal(flags), f"\tflags {hexadecimal(flags)}")
    yield Field("", text="\n")
    for name, word in (("BASE_TIME", "base-time"), ("CYCLE_TIME", "cycle-time"), ("CYCLE_TIME_EXT", "cycle-time-ext")):
        time = values.get(name, 0)
        yield Field(name.lower(), time & _U64, f"\t{word} {format_time64(time)}")


def _show_entries(values: Values, view: Any) -> Iterable[Part]:
    if "ENTRY_LIST" in values:
        yield Field("", text="\n\tschedule:\n")
        yield ArrayField("schedule", [_show_entry(raw) for _, raw in split_attributes(values["ENTRY_LIST"])])


def _show_entry(raw: bytes) -> Document:
    parts = _ENTRY.decode(raw)
    state = "open" if "TCA_GATE_ENTRY_GATE" in parts else "close"
    number, interval = (parts.get(f"TCA_GATE_ENTRY_{name}", 0) for name in ("INDEX", "INTERVAL"))
    priority, octets = (parts.get(f"TCA_GATE_ENTRY_{name}", _ANY) for name in ("IPV", "MAX_OCTETS"))
    return (
        Field("number", number, f"\t number {number:4d}"),
        Field("gate_state", state, f"\tgate-state {state} "),
        Field("interval", interval, f"\tinterval {format_time64(interval)}"),
        Field("ipv", priority, f"\t ipv {'wildcard' if priority == _ANY else f'{priority & U32:<10d}'}"),
        Field("max_octets", octets, f"\t max-octets {'wildcard' if octets == _ANY else format_size(octets)}\n"),
    )


_TIME = Form("TIME", _time)

KIND = action(
    "gate",
    Declared(
        (
            Option("index", "index", Form("INDEX", unsigned(U32, 10))),
            Option(
                "priority",
                "PRIORITY",
                Form("NUMBER", signed(_MAX_S32)),
                "whose packets the gate is for {-1: all}",
                omit=_ANY,
            ),
            Option(
                "base-time",
                "BASE_TIME",
                _TIME,
                "when the cycle begins, by the clock, or a number of cycles later, where that is past {0}",
                omit=0,
            ),
            Option(
                "cycle-time",
                "CYCLE_TIME",
                _TIME,
                "the length of the cycle {the sum of its entries}",
                omit=0,
            ),
            Option(
                "cycle-time-ext",
                "CYCLE_TIME_EXT",
                _TIME,
                "how much longer the last cycle before a new schedule may be",
                omit=0,
            ),
            Option(
                "clockid",
                "CLOCKID",
                Form("CLOCK", parse_clock),
                "CLOCK_TAI, CLOCK_REALTIME, CLOCK_MONOTONIC or CLOCK_BOOTTIME {CLOCK_TAI}",
            ),
            Option("flags", "FLAGS", Form("NUMBER", unsigned(U32)), "for the device's driver {0}", omit=0),
            Option(
                "sched-entry",
                "entries",
                Form("{ open | close } INTERVAL [ PRIORITY [ BYTES ] ] ...", read=_take_entry),
                "opens or closes the gate for a time: the PRIORITY that packets get, how many BYTES may pass {-1 -1}",
                many=True,
            ),
        ),
        "PARMS PRIORITY FLAGS BASE_TIME CYCLE_TIME CYCLE_TIME_EXT CLOCKID ENTRY_LIST",
        (_show_head, _show_entries, show_control("\t"), show_closing()),
        check=_check_values,
        complete=_complete,
        exact=False,
        wrong='Error: argument "{}" is wrong: {word}',
        notes="TIME and INTERVAL are in nanoseconds, unless they have a unit. CONTROL is {pipe}.",
    ),
    prefix="TCA_GATE",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", parameters()),
        ("PAD", "cdata"),
        ("PRIORITY", "int32"),
        ("ENTRY_LIST", "nested"),
        ("BASE_TIME", "int64"),
        ("CYCLE_TIME", "int64"),
        ("CYCLE_TIME_EXT", "int64"),
        ("FLAGS", "uint32"),
        ("CLOCKID", "int32"),
    ),
    check=_check,
    heading=(),
)
