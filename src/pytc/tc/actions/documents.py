"""Actions as tc prints them."""

from __future__ import annotations

from pytc.bpf.sys.program_lookup import lookup_program
from pytc.netlink import constants as c
from pytc.netlink.session import interface_name
from pytc.render.documents import ArrayField, Field, Group
from pytc.tc.actions.records import decode_actions, generic_parameters, strip_to_brief
from pytc.tc.kinds import actions as kinds
from pytc.tc.kinds.interface import RenderEnv
from pytc.tc.kinds.shared.action_parts import kernel_clock, reference_fields
from pytc.tc.statistics import statistics_fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.netlink.messages import TcMessage
    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Display, Document, Part
    from pytc.tc.actions.records import ActionRecord

_HW_STATS_NAMES = ((1, "immediate"), (2, "delayed"))
_FLAG_NAMES = ((1, "no_percpu"), (2, "skip_hw"), (4, "skip_sw"))
_SKIP_HW, _OF_HARDWARE = 2, 6


def answer_documents(answer: TcMessage, display: Display, *, shortened: bool = False) -> list[Document]:
    """Return the two documents that tc prints for each message: how many actions there are, and the actions.

    With ``shortened``, the actions have nothing but what a brief dump has.
    """
    actions = decode_actions(answer.attributes.get("TCA_ROOT_TAB", b""))
    if shortened:
        actions = tuple(strip_to_brief(action) for action in actions)
    total = answer.attributes.get("TCA_ROOT_COUNT", 0)
    return [total_document(total), [ArrayField("actions", documents(actions, display, bound=False))]]


def total_document(count: int) -> Document:
    """Return how many actions there are."""
    return [Field("total acts", count, f"total acts {count}\n")]


def action_event(message: TcMessage, display: Display) -> Document:
    """Return the document of a notification: which actions were added or deleted."""
    event = "Deleted" if message.type == c.DELACTION else "Added"
    total, actions = answer_documents(message, display)
    return [*total, Field("event", event.lower(), f"{event} action "), *actions]


def documents(records: Sequence[ActionRecord], display: Display, *, bound: bool) -> list[Document]:
    """Return actions as tc prints them: those ``bound`` to a filter without what the filter says of hardware."""
    return [_document(record, display, bound=bound) for record in records]


def options_document(name: str, attributes: Attributes, display: Display) -> Document:
    """Return the options of an action, as its kind prints them."""
    kind = kinds.find(name)
    assert kind is not None
    return kind.document(attributes, RenderEnv(display, lookup_program, interface_name, kernel_clock))


def _document(record: ActionRecord, display: Display, *, bound: bool) -> Document:
    fields: list[Part] = [Field("order", record.order, f"\n\taction order {record.order}: ")]
    if record.attributes is not None:
        fields += options_document(record.kind, record.attributes, display)
    elif record.options:
        fields += _unknown(record)
    else:
        kind = kinds.find(record.kind)
        heading = kind.heading if kind is not None else None
        fields += (Field("kind", record.kind, f"{record.kind} "),) if heading is None else heading
        if record.number is not None:
            fields.append(Field("index", record.number, f"\t index {record.number}\n"))
    if display.statistics and record.statistics is not None:
        fields += [Field("", text="\tAction statistics:\n"), Group("stats", statistics_fields(record.statistics, "\t"))]
    if record.cookie:
        fields.append(Field("cookie", record.cookie.hex(), f"\tcookie {record.cookie.hex()}\n"))
    return [
        *fields,
        *_flags(record, bound=bound),
        *_hardware_statistics("hw_stats", record.hw_stats),
        *_hardware_statistics("used_hw_stats", record.used_hw_stats),
    ]


def _unknown(record: ActionRecord) -> list[Part]:
    """Return an action of a kind that pytc does not know: what all have, and the rest in hex."""
    generic, text = generic_parameters(record), record.options.hex()
    fields: list[Part] = [
        Field("kind", record.kind, f"{record.kind} "),
        Field("options", text, f"[Unknown action, options {text}]\n"),
    ]
    return [*fields, *reference_fields(generic), Field("", text="\n")] if generic is not None else fields


def _flags(record: ActionRecord, *, bound: bool) -> list[Part]:
    value, selector = record.flags
    fields: list[Part] = [
        Field(name, bool(value & bit), f"\t{name}")
        for bit, name in _FLAG_NAMES
        if selector & bit and not (bound and bit & _OF_HARDWARE)
    ]
    count = record.in_hardware
    if count is not None and not bound and not value & selector & _SKIP_HW:
        fields += (
            [Field("in_hw", True, "\tin_hw"), Field("in_hw_count", count, f" in_hw_count {count}")]
            if count
            else [Field("not_in_hw", True, "\tnot_in_hw")]
        )
    return [*fields, Field("", text="\n")] if fields else []


def _hardware_statistics(key: str, bits: int | None) -> list[Part]:
    if bits is None:
        return []
    names = [name for bit, name in _HW_STATS_NAMES if bits & bit] or ["disabled"]
    return [Field(key, [*names], f"\t{key} {' '.join(names)}\n")]
