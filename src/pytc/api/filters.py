"""Attach programs as ``bpf`` filters of traffic control."""

import errno
from collections.abc import Iterator

from pytc.api.attachments import Attachment, Change, describe
from pytc.api.calls import log, open_context
from pytc.bpf.loader.program import Program
from pytc.bpf.sys.descriptions import ProgramDescription
from pytc.commands.filter.changes import send_filter
from pytc.commands.filter.clsact import ensure_clsact
from pytc.commands.shared.clsact_place import check_egress
from pytc.commands.shared.context import Context
from pytc.errors import ArgumentError, DeviceNotFoundError, NetlinkError, UsageError
from pytc.handles import EGRESS, INGRESS, UNSPEC, Handle, parse_classid
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.protocols import ALL
from pytc.tc.filters.records import FilterRecord, decode_filters, filter_records
from pytc.tc.filters.requests import POINTS, FilterChange, filter_message
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import KIND, BpfOptions, BpfRecord
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.filter_parts import SKIP_HW, SKIP_SW

_HOOKS = {"ingress": INGRESS, "egress": EGRESS}


class FilterAttachment(Attachment):
    """A program that a ``bpf`` filter runs.

    ``parent`` is ``ingress``, ``egress``, or a qdisc or class like ``1:``; a filter of a shared ``block`` has neither
    device nor parent. ``pref``, ``handle``, ``chain`` and
    ``protocol`` (an EtherType) are the filter's, as the kernel has them.
    """

    kind = "filter"

    def __init__(
        self,
        selector: FilterSelector,
        ifindex: int,
        options: BpfOptions,
        program_id: int,
        change: Change = "attached",
    ) -> None:
        super().__init__(program_id, change)
        self.device, self.block = selector.device, selector.block
        self.parent = "" if selector.block else parent_name(selector.parent)
        self.pref, self.chain, self.protocol = selector.pref, selector.chain or 0, selector.protocol
        self.handle = int(selector.handle, 0)
        self.ifindex = ifindex
        self._selector, self._options = selector, options

    @property
    def place(self) -> str:
        chain = f" chain {self.chain}" if self.chain else ""
        where = f"block {self.block}" if self.block else f"{self.device} {self.parent}"
        return f"{where}{chain} pref {self.pref} handle {self.handle:#x}"

    def is_attached(self) -> bool:
        with open_context() as context:
            return self._asked(context) == self.program_id

    def _asked(self, context: Context) -> int:
        """Return the id of the program that the filter runs now, 0 where there is no such filter."""
        question = filter_message(FilterChange("delete", self._selector, KIND.name), self.ifindex)
        try:
            answers = context.session.request(question._replace(type=c.GETTFILTER, flags=0))
        except NetlinkError as error:
            if error.means_absent:
                return 0
            raise
        records = [record.options for record in decode_filters(answers)]
        return next((options.program_id for options in records if isinstance(options, BpfRecord)), 0)

    def _replace(self, program: OpenedProgram) -> None:
        with open_context() as context:
            send_filter(context, FilterChange("replace", self._selector, KIND.name, self._options), program)

    def _detach(self) -> None:
        with open_context() as context:
            context.session.request(filter_message(FilterChange("delete", self._selector, KIND.name), self.ifindex))


def add_filter(
    device: str,
    parent: str,
    program: Program,
    options: BpfOptions,
    *,
    pref: int = 0,
    handle: int = 0,
    chain: int | None = None,
    protocol: int = ALL,
    name: str = "",
    replace: bool = False,
    create_clsact: bool = False,
) -> FilterAttachment:
    """Attach a program as a filter; see :meth:`pytc.Program.attach_filter`."""
    about = describe(program)
    selector = FilterSelector(device, parse_parent(parent), pref, protocol, chain, str(handle) if handle else "")
    change = FilterChange("replace" if replace else "add", selector, KIND.name, options)
    with open_context() as context:
        answer = _send(context, change, OpenedProgram(program.fd, name or program.name), create_clsact)
        exact = selector.replace(
            pref=answer.info >> 16, handle=str(answer.handle), chain=answer.attributes.get("TCA_CHAIN", 0) or None
        )
        made = FilterAttachment(exact, context.device_index(device), options, about.id)
    log.debug("attached program %d (%s) at %s", about.id, about.name, made.place)
    return made


def _send(context: Context, change: FilterChange, program: OpenedProgram, create_clsact: bool) -> TcMessage:
    if create_clsact and change.selector.parent in POINTS and change.selector.parent in _HOOKS.values():
        with ensure_clsact(context, change.selector):
            (answer,) = send_filter(context, change, program, echo=True)
    else:
        check_egress(context, change.selector)
        (answer,) = send_filter(context, change, program, echo=True)
    return answer


def ensure_filter(
    device: str,
    parent: str,
    program: Program,
    options: BpfOptions,
    *,
    pref: int = 0,
    handle: int = 0,
    chain: int = 0,
    create_clsact: bool = True,
) -> FilterAttachment:
    """Attach a program unless it is there; see :meth:`pytc.Program.ensure_filter`."""
    about = describe(program)
    existing = next(_existing(device, parent, about, chain, pref, handle), None)
    if existing is None:
        return add_filter(
            device,
            parent,
            program,
            options,
            pref=pref,
            handle=handle,
            chain=chain or None,
            create_clsact=create_clsact,
            replace=bool(pref and handle),
        )
    running = existing.program
    if running is not None and running.tag == about.tag and existing._options == options:
        existing.change = "unchanged"
        log.debug("left as it is: %s", existing)
        return existing
    existing._options = options
    existing.replace(program)
    return existing


def _existing(
    device: str, parent: str, about: ProgramDescription, chain: int, pref: int, handle: int
) -> Iterator[FilterAttachment]:
    """Yield the filters that an ensured program takes the place of: the one with pref and handle, else those whose
    program has its name."""
    try:
        filters = bpf_filters(device, parent, chain=chain)
    except (DeviceNotFoundError, NetlinkError) as error:
        if isinstance(error, DeviceNotFoundError) or not error.means_absent:
            raise
        return
    for attachment in filters:
        if (pref and attachment.pref != pref) or (handle and attachment.handle != handle):
            continue
        running = attachment.program
        if (pref and handle) or (running is not None and running.name == about.name):
            yield attachment


def bpf_filters(device: str, parent: str, *, chain: int | None = None) -> list[FilterAttachment]:
    """Return the attachments of eBPF programs at a parent, in run order; raises DeviceNotFoundError, NetlinkError."""
    selector = FilterSelector(device, parse_parent(parent), chain=chain)
    with open_context() as context:
        index = context.device_index(device)
        records = list(filter_records(context.session, selector, index))
    attachments = [filter_attachment(record, device, selector.parent) for record in records]
    return [attachment for attachment in attachments if attachment is not None]


def filter_attachment(record: FilterRecord, device: str, parent: Handle) -> FilterAttachment | None:
    """Return the attachment of a filter in a dump; None for one without an eBPF program."""
    shown = record.options
    if not isinstance(shown, BpfRecord) or not shown.program_id:
        return None
    flags = shown.flags or 0
    options = BpfOptions(
        classid=shown.classid,
        direct_action=shown.direct_action,
        skip_hw=bool(flags & SKIP_HW),
        skip_sw=bool(flags & SKIP_SW),
    )
    selector = FilterSelector(
        "" if record.block else device,
        UNSPEC if record.block else parent,
        record.pref,
        record.protocol,
        record.chain or None,
        str(record.handle),
        record.block,
    )
    return FilterAttachment(selector, record.ifindex, options, shown.program_id, "found")


def filter_options(*, direct_action: bool, classid: str, skip_hw: bool, skip_sw: bool) -> BpfOptions:
    """Return the options of a ``bpf`` filter; raises ArgumentError for a class that makes no sense."""
    try:
        number = parse_classid(classid) if classid else None
    except ValueError:
        raise ArgumentError(f'"{classid}" is not a class: MAJOR:MINOR in hex, like "1:10"') from None
    return BpfOptions(classid=number, direct_action=direct_action, skip_hw=skip_hw, skip_sw=skip_sw)


def parse_parent(word: str) -> Handle:
    """Return the place that a user names; raises ArgumentError."""
    try:
        return _HOOKS.get(word) or parse_classid(word)
    except (ValueError, AttributeError, UsageError):
        raise ArgumentError(
            f'"{word}" is no place for filters: ingress, egress, or a qdisc or class like "1:" or "1:10"',
            errno=errno.EINVAL,
        ) from None


def parent_name(parent: Handle) -> str:
    """Return ``ingress``, ``egress``, ``root``, or the handle in words."""
    return POINTS.get(parent) or str(parent)
