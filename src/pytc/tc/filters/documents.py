"""Filters and chains as tc prints them."""

from __future__ import annotations

from pytc.handles import CLSACT, UNSPEC
from pytc.netlink import constants as c
from pytc.netlink.session import interface_name
from pytc.protocols import format_protocol
from pytc.render.documents import DEVICE, ArrayField, Common, Field, Group
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
_MOST_FRAMES = 64
_POINTS = {parent: Field(point, True, f"{point} ") for parent, point in POINTS.items()}


def document(record: FilterRecord, display: Display, selector: FilterSelector = _EVERYTHING) -> Document:
    """Return a filter or chain as tc prints it, field by field, which leaves out what the selector implies."""
    parts = FilterDocuments(display, selector).document(record)
    return [one for part in parts for one in (part.fields if isinstance(part, Group) and not part.key else [part])]


class FilterDocuments:
    """Filters and chains as tc prints them, which leaves out what the selector implies.

    In a long list, most differ in their preference and their options alone: what is around these is described once.
    """

    def __init__(self, display: Display, selector: FilterSelector = _EVERYTHING) -> None:
        self._display = display
        self._selector = selector
        self._frames: dict[object, tuple[Part, Part]] = {}
        self._last: tuple[FilterRecord, Group] | None = None

    def document(self, record: FilterRecord) -> Document:
        """Return a filter or chain."""
        ifindex, parent, protocol, pref, kind, chain, *_ = record
        key = ifindex, parent, protocol, kind, chain, record.block, record.is_chain, record.event
        before, behind = self._frames.get(key) or self._frame(record, key)
        fields: list[Part] = [before]
        display = self._display
        if pref and pref != self._selector.pref and not record.is_chain:
            fields.append(Field("pref", pref, f"pref {pref} "))
        fields.append(behind)
        if record.raw or record.options is not None:
            fields.append(self._options(record))
        fields.append(_END)
        if display.statistics and record.statistics is not None:
            from pytc.tc.statistics import filter_statistics

            fields += filter_statistics(record.statistics, iec=display.iec)
        return fields

    def _options(self, record: FilterRecord) -> Group:
        """Return the options, those of the record before where they are the same."""
        if self._last is not None:
            other, group = self._last
            if (
                record.options is not None
                and record.options is other.options
                and record.actions is other.actions
                and record.police is other.police
                and (record.kind, record.handle, record.protocol) == (other.kind, other.handle, other.protocol)
            ):
                if not isinstance(group, Common):
                    group = Common.of("options", group.fields)
                    self._last = other, group
                return group
        group = Group("options", _options(record, self._display))
        self._last = record, group
        return group

    def _frame(self, record: FilterRecord, key: object) -> tuple[Part, Part]:
        """Return the fields in front of the preference, and those between it and the options."""
        selector, display = self._selector, self._display
        before = [Field(record.event, True, f"{record.event} ")] if record.event else []
        before.append(_CHAIN if record.is_chain else _FILTER)
        before += _place(record, selector, display)
        if record.protocol and record.protocol != selector.protocol and not record.is_chain:
            name = format_protocol(record.protocol, numeric=display.numeric)
            before.append(Field("protocol", name, f"protocol {name} "))
        behind = [Field("kind", record.kind, f"{record.kind} ")] if record.kind else []
        if record.chain is not None and record.chain != selector.chain:
            behind.append(Field("chain", record.chain, f"chain {record.chain} "))
        if len(self._frames) >= _MOST_FRAMES:
            self._frames.clear()
        frame = self._frames[key] = Common.of("", before), Common.of("", behind)
        return frame


def _place(record: FilterRecord, selector: FilterSelector, display: Display) -> list[Field]:
    if record.ifindex == c.BLOCK:
        same = record.block == selector.block
        return [] if same else [Field("block", record.block, f"block {record.block} ")]
    fields: list[Field] = []
    if not selector.device:
        name = interface_name(record.ifindex)
        fields += [Field("", text="dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if selector.parent in (UNSPEC, CLSACT) or selector.parent != record.parent:
        fields.append(_POINTS.get(record.parent) or _parent(display.class_name(record.parent)))
    return fields


def _parent(spelled: str) -> Field:
    return Field("parent", spelled, f"parent {spelled} ")


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
