"""Filters and chains as tc prints them."""

from __future__ import annotations

from pytc.cpython import lru_cache
from pytc.handles import CLSACT, UNSPEC
from pytc.netlink import constants as c
from pytc.netlink.session import interface_name
from pytc.protocols import format_protocol
from pytc.render.documents import DEVICE, ArrayField, Field, Group
from pytc.tc.filters.requests import POINTS
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds.interface import FilterView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document, Part
    from pytc.tc.filters.records import FilterRecord

_FILTER, _CHAIN, _END = Field("", text="filter "), Field("", text="chain "), Field("", text="\n")
_EVERYTHING = FilterSelector()
_POINTS = {parent: Field(point, True, f"{point} ") for parent, point in POINTS.items()}


def document(record: FilterRecord, display: Display, selector: FilterSelector = _EVERYTHING) -> Document:
    """Return a filter or chain as tc prints it, which leaves out what the selector implies."""
    fields: list[Part] = [Field(record.event, True, f"{record.event} ")] if record.event else []
    fields.append(_CHAIN if record.is_chain else _FILTER)
    fields += _place(record, selector, display)
    if not record.is_chain:
        if record.protocol and record.protocol != selector.protocol:
            fields.append(_numeric_protocol(record.protocol) if display.numeric else _protocol(record.protocol))
        if record.pref and record.pref != selector.pref:
            fields.append(Field("pref", record.pref, f"pref {record.pref} "))
    if record.kind:
        fields.append(_kind(record.kind))
    if record.chain is not None and record.chain != selector.chain:
        fields.append(_chain(record.chain))
    if record.raw or record.options is not None:
        fields.append(Group("options", _options(record, display)))
    fields.append(_END)
    if display.statistics and record.statistics is not None:
        from pytc.tc.statistics import filter_statistics

        fields += filter_statistics(record.statistics, iec=display.iec)
    return fields


def _place(record: FilterRecord, selector: FilterSelector, display: Display) -> list[Part]:
    if record.ifindex == c.BLOCK:
        same = record.block == selector.block
        return [] if same else [Field("block", record.block, f"block {record.block} ")]
    fields: list[Part] = []
    if not selector.device:
        name = interface_name(record.ifindex)
        fields += [Field("", text="dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if selector.parent in (UNSPEC, CLSACT) or selector.parent != record.parent:
        fields.append(_POINTS.get(record.parent) or _parent(display.class_name(record.parent)))
    return fields


def _parent(spelled: str) -> Field:
    return Field("parent", spelled, f"parent {spelled} ")


@lru_cache(maxsize=64)  # a list has few protocols, kinds and chains, thousands of times
def _protocol(number: int) -> Field:
    name = format_protocol(number)
    return Field("protocol", name, f"protocol {name} ")


def _numeric_protocol(number: int) -> Field:
    name = format_protocol(number, numeric=True)
    return Field("protocol", name, f"protocol {name} ")


@lru_cache(maxsize=64)
def _kind(name: str) -> Field:
    return Field("kind", name, f"{name} ")


@lru_cache(maxsize=64)
def _chain(number: int) -> Field:
    return Field("chain", number, f"chain {number} ")


def _options(record: FilterRecord, display: Display) -> Document:
    actions, police = _action_parts(record, display)
    kind = kinds.find(record.kind)
    if kind is not None:
        return kind.document(record.options, FilterView(record.handle, record.protocol, display, police, actions))
    from pytc.tc.kinds.shared.fields import unknown_options

    handle = f"{record.handle:08x}"
    return [Field("fh", handle, f"fh {handle} "), *unknown_options("filter", record.raw), *actions]


def _action_parts(record: FilterRecord, display: Display) -> tuple[list[Part], list[Part]]:
    """Return (actions, police)."""
    if not record.actions and record.police is None:
        return [], []
    from pytc.tc.actions.documents import documents, options_document

    police = options_document("police", record.police, display) if record.police is not None else ()
    return [ArrayField("actions", documents(record.actions, display, bound=True))] if record.actions else [], [*police]
