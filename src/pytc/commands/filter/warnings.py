"""``--warn``: circumstances that are easily overlooked when a filter is added or replaced.

They follow from the kernel's echo of the request, which names the place of the new filter. A question that fails (a
kernel without tcx, a user without rights) is no error: then there is no warning.
"""

from __future__ import annotations

import sys

from pytc.bpf.analyse.returns import only_returns
from pytc.bpf.sys.attach_points import TCX_EGRESS, TCX_INGRESS, AttachPoint, query
from pytc.bpf.sys.info import program_by_id, translated_instructions
from pytc.commands.filter.duplicate_programs import (
    DuplicatePrograms,
    FilterProgram,
    Hook,
    decode_program,
    filter_key,
    program_name,
)
from pytc.commands.shared.device_hooks import TCX_NEXT
from pytc.contexts import suppress
from pytc.errors import BpfError, PytcError
from pytc.handles import EGRESS, INGRESS, ROOT, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import split_attributes
from pytc.netlink.session import interface_name
from pytc.tc.filters.requests import POINTS
from pytc.tc.qdiscs.records import qdisc_at
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytc.commands.filter.duplicate_programs import (
        DuplicateFilter,
        FilterKey,
    )
    from pytc.commands.shared.context import Context, Plan

#: The number of TCA_BPF_FD.
_FD = 6
#: An ingress qdisc, by its handle.
_INGRESS_QDISC = Handle(0xFFFF, 0)
_TCX_NEXT = -1  # on with the next program, and behind the last with the filters of clsact
_HOOKS = {INGRESS.number: TCX_INGRESS, EGRESS.number: TCX_EGRESS}


class _Added(NamedTuple):
    """A filter that exists now, or would; ``program`` is None where nobody can tell its tag."""

    hook: Hook
    key: FilterKey
    program: FilterProgram | None
    name: str | None


class FilterWarnings:
    """Warns of the filters of a run; of a whole qdisc or hook, once."""

    def __init__(self) -> None:
        self._warned: set[tuple[int, int]] = set()
        self._users: dict[int, list[tuple[int, int]]] = {}
        self._harmless: dict[AttachPoint, int] = {}
        self._equal = DuplicatePrograms()

    def observe(self, context: Context, request: TcMessage, answers: Sequence[TcMessage]) -> None:
        """Warn after a request about a filter, given the kernel's echo of it."""
        if request.type != c.NEWTFILTER or not request.flags & c.CREATE:
            return
        if not request.parent:
            with suppress(PytcError):
                self._at_root(context, request.ifindex)
        with suppress(PytcError):
            plan = context.connection.plan
            for added in _plan_added(context, plan, request) if plan is not None else map(_decode_added, answers):
                with suppress(PytcError):
                    self._behind_tcx(context, added.hook)
                self._beside_equal(context, added)

    def _at_root(self, context: Context, ifindex: int) -> None:
        root = qdisc_at(context.session, ifindex, ROOT.number)
        if root is None or not self._is_new(ifindex, root.handle):
            return
        kind, handle = root.attributes["TCA_KIND"], f" {Handle.from_number(root.handle)}" if root.handle else ""
        use = "takes none" if kind == "noqueue" else "asks it about packets that leave"
        context.warn(
            "without ingress, egress or parent, a filter goes to the root qdisc of "
            f"{interface_name(ifindex)}, {kind}{handle}, which {use}. For the hooks of clsact, there are the words "
            "ingress and egress.",
        )

    def _at_clsact(self, context: Context, hook: Hook) -> list[tuple[int, int]]:
        """Return (index of the device, parent) of the hooks of clsact at which packets meet the filters."""
        if hook.ifindex != c.BLOCK:
            return [(hook.ifindex, hook.parent)] if hook.parent in _HOOKS else []
        if hook.parent not in self._users:
            self._users[hook.parent] = _program_users(context, hook.parent)
        return self._users[hook.parent]

    def _behind_tcx(self, context: Context, hook: Hook) -> None:
        for ifindex, parent in self._at_clsact(context, hook):
            count = 0 if (ifindex, parent) in self._warned else self._hiding(AttachPoint(ifindex, _HOOKS[parent]))
            if not count:
                continue
            self._warned.add((ifindex, parent))
            device, name = interface_name(ifindex), POINTS[Handle.from_number(parent)]
            context.warn(
                f"{device} has {count} program{'s' if count > 1 else ''} of tcx at {name}, which packets "
                "meet before the filters of clsact: what tcx passes, drops or redirects does not reach the filter, "
                f'only what it returns TCX_NEXT ({TCX_NEXT}) for. "pytc hooks dev {device}" shows the order.',
            )

    def _hiding(self, point: AttachPoint) -> int:
        """Return how many programs of tcx are there, 0 where they hide nothing.

        A list that has not changed is not looked at again.
        """
        attachments = query(point, links=True)
        if self._harmless.get(point) == attachments.revision:
            return 0
        if all(_lets_all_go_on(program.program) for program in attachments.programs):
            self._harmless[point] = attachments.revision
            return 0
        return len(attachments.programs)

    def _beside_equal(self, context: Context, added: _Added) -> None:
        if added.program is None or added.name is None:
            return
        duplicate = self._equal.find(context, added.hook, added.key, added.name, added.program.tag)
        if context.connection.plan is None:
            self._equal.added(context, added.hook, added.key, added.program)
        if duplicate is not None:
            context.warn(_name_neighbour(context, added, duplicate))

    def _is_new(self, ifindex: int, parent: int) -> bool:
        if (ifindex, parent) in self._warned:
            return False
        self._warned.add((ifindex, parent))
        return True


def _decode_added(answer: TcMessage) -> _Added:
    program = decode_program(answer)
    return _Added(_hook(answer), filter_key(answer), program, program_name(program.id) if program is not None else None)


def _plan_added(context: Context, plan: Plan, request: TcMessage) -> Iterator[_Added]:
    """Yield what a dry run knows of a filter: the tag of its program only where that is pinned."""
    if not request.parent:
        root = qdisc_at(context.session, request.ifindex, ROOT.number)
        if root is not None:
            request = request._replace(parent=root.handle)
    number = dict(split_attributes(request.attributes.get("TCA_OPTIONS", b""))).get(_FD, b"")
    about = plan.description(int.from_bytes(number, sys.byteorder))
    program = FilterProgram(about.id, bytes.fromhex(about.tag)) if about is not None else None
    yield _Added(_hook(request), filter_key(request), program, about.name if about is not None else None)


def _hook(message: TcMessage) -> Hook:
    parent = message.parent if message.parent != _INGRESS_QDISC.number else INGRESS.number
    return Hook(message.ifindex, parent, message.attributes.get("TCA_CHAIN", 0))


def _program_users(context: Context, block: int) -> list[tuple[int, int]]:
    """Return (index of the device, parent) of the hooks that use a block."""
    return [
        (qdisc.ifindex, parent.number)
        for qdisc in context.session.dump(TcMessage(c.GETQDISC))
        for name, parent in (("TCA_INGRESS_BLOCK", INGRESS), ("TCA_EGRESS_BLOCK", EGRESS))
        if qdisc.attributes.get(name) == block
    ]


def _lets_all_go_on(number: int) -> bool:
    try:
        with program_by_id(number) as descriptor:
            return only_returns(translated_instructions(descriptor.fd), _TCX_NEXT)
    except BpfError:
        return False


def _name_neighbour(context: Context, added: _Added, duplicate: DuplicateFilter) -> str:
    assert added.program is not None
    hook, key = added.hook, duplicate.key
    if hook.ifindex == c.BLOCK:
        where = f"block {hook.parent}"
    else:
        parent = Handle.from_number(hook.parent)
        where = f"{interface_name(hook.ifindex)} {POINTS.get(parent) or f'parent {parent}'}"
    where += f" chain {hook.chain}" if hook.chain else ""
    name = f'"{added.name}" ' if added.name else ""
    count = f" (and {duplicate.additional} more such)" if duplicate.additional else ""
    return (
        f"{where} has the program {name}with tag {added.program.tag.hex()} already: pref {key.pref} handle "
        f'{key.handle:#x}, program id {duplicate.program}{count}. It stays beside the new filter; "filter replace" '
        f"with that pref and handle takes its place."
    )
