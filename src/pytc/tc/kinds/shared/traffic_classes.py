"""Traffic classes over a device's transmit queues: words and structure that mqprio and taprio share
(include/uapi/linux/pkt_sched.h: struct tc_mqprio_qopt)."""

from __future__ import annotations

import struct

from pytc.netlink.schema import join_attributes, split_attributes
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U8, U16, Form, Option
from pytc.tc.kinds.layout import Layout
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Converter, Cursor

#: TC_QOPT_MAX_QUEUE.
MOST = 16
MQPRIO_QOPT = Layout("B16BB16H16H", "num_tc map[16] hw count[16] offset[16]")
_U32 = struct.Struct("=I")
#: TC_FP_*: frames that others preempt, and those that preempt them (IEEE 802.1Q frame preemption).
_PREEMPTION = {"E": 1, "P": 2}


def take_while(convert: Converter) -> Callable[[Cursor], tuple[Any, ...]]:
    """Return what reads up to 16 values, as long as words convert."""

    def read(cursor: Cursor) -> tuple[Any, ...]:
        values: list[Any] = []
        while len(values) < MOST and not cursor.done:
            try:
                values.append(convert(cursor.peek()))
            except ValueError:
                break
            cursor.take()
        return tuple(values)

    return read


_number = unsigned(U16, 10)


def _queues(word: str) -> tuple[int, int]:
    """Return ``COUNT@OFFSET``; raises ValueError."""
    count, offset = [part for part in word.split("@") if part][:2]
    return _number(count), _number(offset)


def _preemption(word: str) -> int:
    for letter, number in _PREEMPTION.items():
        if word == letter:
            return number
    raise ValueError(word)


NUMBER_OF_CLASSES = Option("num_tc", "num_tc", Form("NUMBER", unsigned(U8, 10)), "how many traffic classes there are")
MAP = Option(
    "map",
    "map",
    Form("CLASS ...", read=take_while(unsigned(U8, 10))),
    "the traffic class of each of the 16 priorities of packets",
)
QUEUES = Option(
    "queues",
    "queues",
    Form("COUNT@OFFSET ...", read=take_while(_queues)),
    "the transmit queues of each traffic class: how many, from which one on",
)
PREEMPTION = Option(
    "fp",
    "fp",
    Form("{ E | P } ...", read=take_while(_preemption)),
    "whether frames of each traffic class are express or can be preempted {E}",
)


def fill_in(values: Values) -> None:
    """Add the members of struct tc_mqprio_qopt for ``map`` and ``queues``."""
    if "map" in values:
        values["map"] = (*values["map"], *(0,) * (MOST - len(values["map"])))
    if "queues" in values:
        rest = (0,) * (MOST - len(values["queues"]))
        values["count"] = (*(count for count, _ in values["queues"]), *rest)
        values["offset"] = (*(offset for _, offset in values["queues"]), *rest)


def class_entries(entries: Sequence[tuple[int, Sequence[int]]]) -> list[bytes]:
    """Return attributes about each traffic class: its index (1), and values of other numbers, as far as there are."""
    length = max((len(values) for _, values in entries), default=0)
    return [
        join_attributes(
            [
                (1, _U32.pack(index)),
                *((number, _U32.pack(values[index])) for number, values in entries if index < len(values)),
            ]
        )
        for index in range(length)
    ]


def class_values(entries: Sequence[bytes], number: int) -> list[int]:
    """Return a value of each traffic class, of those up to the last one that has it; 0 for those without."""
    found: dict[int, int] = {}
    for entry in entries:
        parts = {
            key: _U32.unpack_from(payload)[0] for key, payload in split_attributes(entry) if len(payload) >= _U32.size
        }
        if number in parts and parts.get(1, MOST) < MOST:
            found[parts[1]] = parts[number]
    return [found.get(index, 0) for index in range(max(found, default=-1) + 1)]


def preemption_field(values: Sequence[int], text: str) -> Field:
    """Return the field for the preemption of each traffic class."""
    letters = {number: letter for letter, number in _PREEMPTION.items()}
    shown = [letters.get(value, "?") for value in values]
    return Field("fp", [*shown], text + "".join(f" {letter}" for letter in shown))
