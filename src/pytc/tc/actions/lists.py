"""Lists of actions as netlink attributes, and back to what is shown (include/uapi/linux/pkt_cls.h, TCA_ACT_*)."""

import struct
from collections.abc import Sequence

from pytc.commands.shared.context import Context
from pytc.commands.shared.program_descriptions import described
from pytc.netlink.schema import Attributes, join_attributes, nested, split_attributes
from pytc.netlink.session import interface_name
from pytc.render.documents import Document, Field, Group, Part
from pytc.tc.actions.action import Action
from pytc.tc.clock import read_clock
from pytc.tc.kinds import actions as kinds
from pytc.tc.kinds.interface import EncodeEnv, OpenedProgram, RenderEnv
from pytc.tc.kinds.shared.action_parts import Generic, reference_fields
from pytc.tc.records import ActionRecord
from pytc.tc.statistics import statistics_fields, unpack_statistics

_KIND, _OPTIONS, _INDEX, _STATS, _COOKIE, _FLAGS, _HW_STATS, _USED_HW_STATS, _IN_HW_COUNT = 1, 2, 3, 4, 6, 7, 8, 9, 10
#: struct nla_bitfield32: value, selector.
_BITS = struct.Struct("=II")
_NUMBER = struct.Struct("=I")
_HW_STATS_NAMES = ((1, "immediate"), (2, "delayed"))
_FLAG_NAMES = ((1, "no_percpu"), (2, "skip_hw"), (4, "skip_sw"))
_SKIP_HW, _OF_HARDWARE = 2, 6
#: Which attribute of a kind begins with struct tc_gen, or like it with the index; 2 for the others.
_PARAMETERS = {"connmark": 1, "csum": 1, "nat": 1, "ife": 1, "ct": 1, "ctinfo": 3, "gate": 3, "police": 1}
#: Which tc does not name in brief text.
_NAMELESS = ("police",)


def encode_actions(context: Context, actions: Sequence[Action], programs: Sequence[OpenedProgram | None]) -> bytes:
    """The attributes of a list; ``programs`` has the open program of each action, None for one without."""
    return join_attributes(
        (nested(order), _encode(context, action, program))
        for order, (action, program) in enumerate(zip(actions, programs, strict=True), 1)
    )


def encode_options_of(context: Context, name: str, options: object, program: OpenedProgram | None = None) -> bytes:
    """The options of an action of a kind that pytc knows."""
    kind = kinds.find(name)
    assert kind is not None
    given = EncodeEnv(program, context.device_index, read_clock)
    return kind.schema.encode(kind.encode(options, given))


def _encode(context: Context, action: Action, program: OpenedProgram | None) -> bytes:
    attributes = [
        (_KIND, action.kind.encode() + b"\0"),
        (nested(_OPTIONS), encode_options_of(context, action.kind, action.options, program)),
    ]
    if action.cookie:
        attributes.append((_COOKIE, action.cookie))
    if action.flags:
        attributes.append((_FLAGS, _BITS.pack(action.flags, action.flags)))
    if action.hw_stats is not None:
        attributes.append((_HW_STATS, _BITS.pack(action.hw_stats, action.hw_stats)))
    return join_attributes(attributes)


def decode_actions(raw: bytes) -> tuple[ActionRecord, ...]:
    """The actions of a list; raises NetlinkProtocolError."""
    return tuple(_decode(order, part) for order, part in split_attributes(raw))


def _decode(order: int, raw: bytes) -> ActionRecord:
    parts = dict(split_attributes(raw))
    name = parts.get(_KIND, b"").partition(b"\0")[0].decode("ascii", "replace")
    kind, options = kinds.find(name), parts.get(_OPTIONS, b"")
    return ActionRecord(
        order,
        name,
        kind.schema.decode(options) if kind is not None and options else None,
        options,
        _number(parts, _INDEX) or 0,
        unpack_statistics(parts[_STATS]) if _STATS in parts else None,
        parts.get(_COOKIE, b""),
        _bits(parts, _FLAGS) or (0, 0),
        _number(parts, _IN_HW_COUNT),
        (_bits(parts, _HW_STATS) or (None,))[0],
        (_bits(parts, _USED_HW_STATS) or (None,))[0],
    )


def index_of(record: ActionRecord) -> int:
    """The index of an action, from what every kind begins its parameters with; 0 where they are not there."""
    generic = Generic.unpack(dict(split_attributes(record.options)).get(_PARAMETERS.get(record.kind, 2), b""))
    return generic.number if generic is not None else record.number


def in_brief(record: ActionRecord) -> ActionRecord:
    """What the kernel says of an action in a brief dump."""
    return record._replace(attributes=None, options=b"", number=index_of(record), flags=(0, 0), in_hardware=None)


def decode_options_of(name: str, raw: bytes) -> Attributes:
    """The options of an action of a kind that pytc knows; raises NetlinkProtocolError."""
    kind = kinds.find(name)
    assert kind is not None
    return kind.schema.decode(raw)


def _bits(parts: dict[int, bytes], number: int) -> tuple[int, int] | None:
    raw = parts.get(number, b"")
    return _BITS.unpack_from(raw) if len(raw) >= _BITS.size else None


def _number(parts: dict[int, bytes], number: int) -> int | None:
    raw = parts.get(number, b"")
    return int(_NUMBER.unpack_from(raw)[0]) if len(raw) >= _NUMBER.size else None


def documents(context: Context, records: Sequence[ActionRecord], *, bound: bool) -> list[Document]:
    """As tc prints them: of those that are ``bound`` to a filter without what the filter says of hardware."""
    return [_document(context, record, bound=bound) for record in records]


def document_of(context: Context, name: str, attributes: Attributes) -> Document:
    """The options of an action, as the kind prints them."""
    kind = kinds.find(name)
    assert kind is not None
    return kind.document(attributes, _seen(context))


def _seen(context: Context) -> RenderEnv:
    return RenderEnv(context.shown, described, interface_name, read_clock)


def _document(context: Context, record: ActionRecord, *, bound: bool) -> Document:
    fields: list[Part] = [Field("order", record.order, f"\n\taction order {record.order}: ")]
    if record.attributes is not None:
        fields += document_of(context, record.kind, record.attributes)
    elif record.options:
        fields += _unknown(record)
    else:
        name = "" if record.kind in _NAMELESS else f"{record.kind} "
        fields += [Field("kind", record.kind, name), Field("index", record.number, f"\t index {record.number}\n")]
    if context.shown.statistics and record.statistics is not None:
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
    """Of a kind that pytc does not know: what all have, and the rest as it is."""
    fields: list[Part] = [Field("kind", record.kind, f"{record.kind} ")]
    raw = dict(split_attributes(record.options)).get(_PARAMETERS.get(record.kind, 2), b"")
    generic = Generic.unpack(raw)
    text = record.options.hex()
    fields.append(Field("options", text, f"[Unknown action, options {text}]\n"))
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
