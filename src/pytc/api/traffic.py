"""List what traffic control has: filters, qdiscs, classes, chains, actions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pytc.api.calls import open_context, public
from pytc.api.filters import FilterAttachment, filter_attachment, parent_name, parse_parent
from pytc.bpf.sys.descriptions import ProgramDescription
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.commands.action.show import ShowActions
from pytc.commands.action.show import run as show_actions
from pytc.commands.shared.context import Context
from pytc.handles import CLSACT, UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.session import interface_name
from pytc.protocols import format_protocol
from pytc.render.documents import Display
from pytc.render.json import as_object
from pytc.tc.classes.documents import class_document, class_parts
from pytc.tc.classes.records import class_records
from pytc.tc.clock import read_clock
from pytc.tc.filters.documents import document
from pytc.tc.filters.records import FilterRecord, check_block, decode_filter, dump, filter_records
from pytc.tc.filters.requests import FilterChange, filter_message, selector_message
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import BpfRecord
from pytc.tc.qdiscs.documents import qdisc_document
from pytc.tc.qdiscs.records import qdisc_records
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Document

#: The members that ``tc -j -s`` prints.
Members = Mapping[str, Any]
_DISPLAY = Display(statistics=True)


class Filter(Value):
    """A filter of any kind, as the kernel has it.

    ``parent`` is ``ingress``, ``egress``, or a qdisc or class like ``1:``; a filter of a shared ``block`` has neither
    device nor parent. ``protocol`` is a word like ``all`` or ``ip``. ``options`` are the members that ``tc -j -s``
    prints of the kind, ``details`` all that it prints. ``program_id`` is that of a ``bpf`` filter's program, 0 for
    others.
    """

    device: str
    parent: str
    chain: int
    pref: int
    protocol: str
    handle: int
    kind: str
    block: int = 0
    program_id: int = 0
    details: Members = {}  # noqa: RUF012 (frozen values do not change it)

    @property
    def options(self) -> Members:
        """The members that ``tc -j`` prints of the kind."""
        options: Members = self.details.get("options", {})
        return options

    @property
    def program(self) -> ProgramDescription | None:
        """The program of a ``bpf`` filter; None for others, when it is gone, and without CAP_SYS_ADMIN."""
        return lookup_program(self.program_id) if self.program_id else None

    @public
    def delete(self) -> None:
        """Remove the filter; raises NetlinkError where it is gone."""
        selector = FilterSelector(
            self.device,
            parse_parent(self.parent) if self.parent else UNSPEC,
            self.pref,
            0,
            self.chain,
            block=self.block,
        )
        with open_context() as context:
            message = filter_message(
                FilterChange("delete", selector, self.kind), selector.ifindex(context.device_index)
            )
            context.session.request(message._replace(handle=self.handle))

    @public
    def attachment(self) -> FilterAttachment | None:
        """Return the attachment of the filter's program, which can be replaced and detached; None without an eBPF
        program, and where the filter is gone."""
        if not self.program_id:
            return None
        parent = parse_parent(self.parent) if self.parent else UNSPEC
        with open_context() as context:
            records = _records(context, self.device, parent, self.chain or None, self.block)
            attachments = list(attachments_of(records, self.device, parent))
        return next((one for one in attachments if (one.pref, one.handle) == (self.pref, self.handle)), None)


class Qdisc(Value):
    """A qdisc: ``handle`` and ``parent`` are like ``1:`` and ``root``; ``details`` are the members that ``tc -j -s``
    prints, with statistics."""

    device: str
    kind: str
    handle: str
    parent: str
    details: Members


class TrafficClass(Value):
    """A class of a qdisc: ``classid`` and ``parent`` are like ``1:10`` and ``1:``; ``details`` are the members that
    ``tc -j -s`` prints, with statistics."""

    device: str
    kind: str
    classid: str
    parent: str
    details: Members


class Chain(Value):
    """A chain of filters, by its number."""

    device: str
    parent: str
    chain: int
    block: int = 0


class Action(Value):
    """An action: ``index`` is its number among those of its kind; ``details`` are the members that ``tc -j -s``
    prints, with statistics."""

    kind: str
    index: int
    details: Members


@public
def filters(
    device: str = "", parent: str = "", *, chain: int | None = None, pref: int = 0, kind: str = "", block: int = 0
) -> list[Filter]:
    """Return the filters of a device, or of a shared block, in run order at each place, chain by chain.

    ``parent`` is ``ingress``, ``egress``, or a qdisc or class like ``1:``; without it, those of ingress and egress and
    of all classful qdiscs. ``chain``, ``pref`` and ``kind`` choose among them. Raises DeviceNotFoundError,
    BlockNotFoundError, NetlinkError.

    >>> [(one.pref, one.kind, one.program.name) for one in pytc.filters("em1", "ingress")]
    [(49152, 'bpf', 'firewall')]
    """
    with open_context() as context:
        found = [
            _filter(record, device, place)
            for place in _parents(context, device, parent, block)
            for record in sorted(_records(context, device, place, chain, block), key=lambda one: one.chain or 0)
            if record.handle
        ]
    return [one for one in found if pref in (0, one.pref) and kind in ("", one.kind)]


def _parents(context: Context, device: str, parent: str, block: int) -> Iterator[Handle]:
    if block or parent:
        yield UNSPEC if block else parse_parent(parent)
        return
    from pytc.commands.hooks.show import classful_parents
    from pytc.commands.shared.clsact_place import kind_at_clsact
    from pytc.handles import EGRESS, INGRESS

    at_clsact = kind_at_clsact(context, device)
    yield from (INGRESS, EGRESS) if at_clsact == "clsact" else (INGRESS,) if at_clsact else ()
    yield from classful_parents(context, context.device_index(device))


def _records(context: Context, device: str, parent: Handle, chain: int | None, block: int) -> Iterator[FilterRecord]:
    selector = FilterSelector(device, parent, chain=chain, block=block)
    return filter_records(context.session, selector, selector.ifindex(context.device_index))


def filter_of_message(message: TcMessage) -> Filter | None:
    """Return the filter of a message; None for one about something else."""
    record = decode_filter(message)
    return _filter(record, "", record.parent) if record is not None and not record.is_chain else None


def _filter(record: FilterRecord, device: str, parent: Handle) -> Filter:
    # what an ingress qdisc has is shown under the place that was asked for
    place = "" if record.block else parent_name(parent if parent != UNSPEC else record.parent)
    options = record.options
    return Filter(
        "" if record.block else device or interface_name(record.ifindex),
        place,
        record.chain or 0,
        record.pref,
        format_protocol(record.protocol),
        record.handle,
        record.kind,
        record.block,
        options.program_id if isinstance(options, BpfRecord) else 0,
        as_object(document(record, _DISPLAY)),
    )


@public
def qdiscs(device: str = "", *, kind: str = "", invisible: bool = False) -> list[Qdisc]:
    """Return the qdiscs of a device, or of all; ``invisible`` adds those that the kernel has made by itself.

    Raises DeviceNotFoundError, NetlinkError.
    """
    clock = read_clock()
    with open_context() as context:
        records = qdisc_records(context.session, context.device_index(device), invisible=invisible)
        return [
            Qdisc(
                interface_name(record.ifindex),
                record.kind,
                str(record.handle),
                "clsact" if record.parent == CLSACT else str(record.parent),
                as_object(qdisc_document(record, _DISPLAY, clock)),
            )
            for record in records
            if kind in ("", record.kind)
        ]


@public
def classes(device: str) -> list[TrafficClass]:
    """Return the classes of a device's qdiscs; raises DeviceNotFoundError, NetlinkError."""
    clock = read_clock()
    with open_context() as context:
        records = class_records(context.session, context.device_index(device))
        return [
            TrafficClass(
                device,
                record.kind,
                str(record.handle),
                str(record.parent),
                as_object(class_document(class_parts(record, _DISPLAY, clock, names_device=False, names_qdisc=True))),
            )
            for record in records
        ]


@public
def chains(device: str = "", parent: str = "ingress", *, block: int = 0) -> list[Chain]:
    """Return the chains of a place, or of a shared block; raises DeviceNotFoundError, BlockNotFoundError,
    NetlinkError."""
    selector = FilterSelector(device, UNSPEC if block else parse_parent(parent), block=block)
    with open_context() as context:
        check_block(context.session, selector)
        question = selector_message(c.GETCHAIN, selector, selector.ifindex(context.device_index))
        return [
            Chain("" if block else device, "" if block else parent, record.chain or 0, record.block)
            for record in dump(context.session, question)
        ]


@public
def actions(kind: str) -> list[Action]:
    """Return the actions of a kind, like ``bpf``, ``gact`` or ``police``; raises NetlinkError for a kind that the
    kernel lacks."""

    with open_context() as context:
        context.display = _DISPLAY
        documents: Sequence[Document] = show_actions(context, ShowActions(kind))
    shown = [action for described in documents for action in as_object(described).get("actions", ())]  # type: ignore[union-attr]
    return [Action(str(one.get("kind", kind)), _index(one), one) for one in shown if isinstance(one, dict)]


def _index(shown: Mapping[str, Any]) -> int:
    nested = (value["index"] for value in shown.values() if isinstance(value, dict) and "index" in value)
    return int(shown["index"] if "index" in shown else next(nested, 0))


def attachments_of(records: Iterator[FilterRecord], device: str, parent: Handle) -> Iterator[FilterAttachment]:
    """Yield the attachments of the filters in a dump."""
    for record in records:
        attachment = filter_attachment(record, device, parent)
        if attachment is not None:
            yield attachment
