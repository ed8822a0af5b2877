"""``tcx``: attach, replace, detach."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pytc.bpf.analyse.returns import only_returns
from pytc.bpf.sys.attach_points import (
    FIRST,
    LAST,
    NETKIT_PEER,
    NETKIT_PRIMARY,
    TCX_EGRESS,
    TCX_INGRESS,
    Attached,
    Attachments,
    AttachPoint,
    Position,
    query,
)
from pytc.bpf.sys.constants import ProgramType
from pytc.bpf.sys.info import translated_instructions
from pytc.commands.shared.attach_values import AttachTcx, DetachTcx, Order, ReplaceTcx
from pytc.commands.shared.attached_programs import find, open_wanted
from pytc.commands.shared.attaching import (
    attach_one,
    detach_one,
    export_or_take_back,
    refusal,
    replace_one,
    unpin_named,
)
from pytc.commands.shared.context import Context
from pytc.commands.shared.opened_programs import Wanted
from pytc.commands.shared.pins import check_pin_place
from pytc.errors import AttachError, BpfError, BpfSyscallError, UnsupportedError, UsageError
from pytc.handles import EGRESS, INGRESS
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.interface import OpenedProgram

TYPES = {"ingress": TCX_INGRESS, "egress": TCX_EGRESS, "primary": NETKIT_PRIMARY, "peer": NETKIT_PEER}
PARENTS = {"ingress": INGRESS, "egress": EGRESS}
SECTIONS = {
    "ingress": ("tcx/ingress", "tc/ingress", "classifier", "tc"),
    "primary": ("netkit/primary", "classifier", "tc"),
    "egress": ("tcx/egress", "tc/egress", "classifier", "tc"),
    "peer": ("netkit/peer", "classifier", "tc"),
}
#: TCX_NEXT: on with the next program, and behind the last with the filters of clsact.
NEXT = -1
_NO_NETKIT = (errno.ENXIO, errno.EACCES)
_MOST = 64


def attach_tcx(context: Context, command: AttachTcx) -> None:
    """Attaches a program, by a pinned link or plainly; raises AttachError, PinError, BpfError and its kin."""
    point = point_of(context, command.device, command.hook)
    there = hook(command.device, command.hook, point)
    position = _position(context, command, there)
    if command.link:
        check_pin_place(context, "link", command.link)
    with open_wanted(context, Wanted(command.source, ProgramType.SCHED_CLS, SECTIONS[command.hook])) as found:
        program, programs = found
        with _explained(command.device, command.hook, point, command.revision):
            attach_one(context, point, program, link=command.link, position=position, revision=command.revision)
        export_or_take_back(context, programs, point, program, command.link)
        _warn(context, command.device, command.hook, program)


def replace_tcx(context: Context, command: ReplaceTcx) -> None:
    """Puts a program into the place of another in one step, whether that has a link or not; raises AttachError,
    BpfError and its kin."""
    point = point_of(context, command.device, command.hook)
    there = hook(command.device, command.hook, point)
    where = f"{command.device} {command.hook}"
    old = find(context, command.old, there.programs, where) if command.old is not None else _only(there, where)
    if old.link and command.revision:
        raise UsageError('"revision" does not go with a link: its program is replaced whatever the order is')
    with open_wanted(context, Wanted(command.source, ProgramType.SCHED_CLS, SECTIONS[command.hook])) as found:
        program, programs = found
        with _explained(command.device, command.hook, point, command.revision):
            replace_one(point, old, program, revision=command.revision)
        failure = programs.export_or(None)
        _warn(context, command.device, command.hook, program)
    if failure is not None:
        raise failure


def _only(there: Attachments, where: str) -> Attached:
    if len(there.programs) != 1:
        raise AttachError(
            f"{where} has {len(there.programs) or 'no'} programs; say which is replaced: old id NUMBER, "
            "old name NAME, old pinned PATH or old link { NUMBER | PATH }"
        )
    return there.programs[0]


def detach_tcx(context: Context, command: DetachTcx) -> None:
    """Detaches one program, or all; a link named by its pin loses that too. Raises AttachError."""
    point = point_of(context, command.device, command.hook)
    there = hook(command.device, command.hook, point)
    if command.which is None:
        chosen = there.programs
    else:
        chosen = (find(context, command.which, there.programs, f"{command.device} {command.hook}"),)
    if command.revision and any(one.link for one in chosen):
        raise UsageError('"revision" does not go with a link')
    revision = command.revision
    with _explained(command.device, command.hook, point, revision):
        for one in chosen:
            detach_one(point, one, revision)
            revision += bool(revision)
    unpin_named(context, command.which, chosen)


def point_of(context: Context, device: str, hook: str) -> AttachPoint:
    """Raises DeviceNotFoundError."""
    return AttachPoint(context.device_index(device), TYPES[hook])


def hook(device: str, name: str, point: AttachPoint) -> Attachments:
    """What is attached there; raises AttachError, and UnsupportedError where the kernel has no such hook."""
    with _explained(device, name, point, 0):
        return query(point, links=True)


def _position(context: Context, command: AttachTcx, there: Attachments) -> Position:
    order: Order = command.order
    if order.reference is None:
        return FIRST if order.where == "first" else LAST
    one = find(context, order.reference, there.programs, f"{command.device} {command.hook}")
    return Position(
        before=order.where == "before",
        after=order.where == "after",
        relative=one.link or one.program,
        link=bool(one.link),
    )


def _warn(context: Context, device: str, name: str, program: OpenedProgram) -> None:
    """Where classic filters wait behind tcx, and the program may keep packets from them."""
    count = filters_behind(context, device, name)
    if not count or lets_all_go_on(program.fd):
        return
    context.notes.append(
        f"Warning: {device} has {count} filter{'s' if count > 1 else ''} of clsact at {name}, which packets meet only "
        f"after tcx: what this program passes, drops or redirects does not reach them, only what it returns TCX_NEXT "
        f'({NEXT}) for. "pytc hooks dev {device}" shows the order.'
    )


def filters_behind(context: Context, device: str, name: str) -> int:
    """How many classic filters clsact has there."""
    if name not in PARENTS:
        return 0
    from pytc.tc.filters.records import filter_records

    selector = FilterSelector(device, PARENTS[name])
    records = filter_records(context.session, selector, context.device_index(device))
    return sum(1 for record in records if record.handle)


def lets_all_go_on(program: int) -> bool:
    """Whether a program (its descriptor) hides nothing from what is behind it, as far as that can be seen."""
    try:
        return only_returns(translated_instructions(program), NEXT)
    except BpfError:
        return False


@contextmanager
def _explained(device: str, name: str, point: AttachPoint, revision: int) -> Iterator[None]:
    try:
        yield
    except BpfSyscallError as error:
        raise _explanation(error, device, name, point, revision) from error


def _explanation(error: BpfSyscallError, device: str, name: str, point: AttachPoint, revision: int) -> AttachError:
    number = error.errno or 0
    if number == errno.EINVAL and not _is_known(point):
        return _unsupported(device, name)
    if name in ("primary", "peer") and number in _NO_NETKIT:
        what = (
            "is no netkit device"
            if number == errno.ENXIO
            else "is the peer of a netkit device; programs are attached by way of the primary one"
        )
        return AttachError(f"{device} {what}", errno=number)
    if number == errno.ESTALE:
        try:
            now = str(query(point, links=True).revision)
        except BpfSyscallError:
            now = "another one"
        return AttachError(
            f"{device} {name} has changed meanwhile: its revision is {now}, not {revision}", errno=number
        )
    return refusal(
        error,
        f"{device} {name}",
        {
            errno.ENOENT: "a program that was there a moment ago is gone; try again",
            errno.ERANGE: f"there is no room: a hook takes {_MOST} programs",
        },
    )


def _is_known(point: AttachPoint) -> bool:
    """Whether the kernel knows the type of the hook."""
    try:
        query(point, links=True)
    except BpfSyscallError as error:
        return error.errno not in (errno.EINVAL, errno.E2BIG)
    return True


def _unsupported(device: str, name: str) -> UnsupportedError:
    if name in ("primary", "peer"):
        return UnsupportedError("netkit", "6.7")
    return UnsupportedError(
        "tcx",
        "6.6",
        hints=(
            f'a filter of clsact does here: "pytc qdisc add dev {device} clsact" and "pytc filter add dev {device} '
            f'{name} bpf da obj FILE"; its order is that of its pref',
        ),
    )
