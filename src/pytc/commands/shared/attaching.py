"""What attaching, replacing and detaching with bpf(2) have in common: tcx, netkit and cgroups."""

import errno
from collections.abc import Sequence

from pytc.bpf.sys.attach_points import LAST, Attached, AttachPoint, Position, attach, detach
from pytc.bpf.sys.info import program_by_id
from pytc.bpf.sys.links import Link
from pytc.commands.shared.attach_values import Reference
from pytc.commands.shared.context import Context
from pytc.commands.shared.opened_programs import OpenedPrograms
from pytc.commands.shared.pins import make_pin, remove_pin
from pytc.errors import AttachError, BpfSyscallError
from pytc.tc.kinds.interface import OpenedProgram

_SENTENCES = {
    errno.EEXIST: "this program is attached there already",
    errno.ENOLINK: "the link has lost its place",
}


def attach_one(
    context: Context,
    point: AttachPoint,
    program: OpenedProgram,
    *,
    link: str = "",
    flags: int = 0,
    position: Position = LAST,
    revision: int = 0,
) -> None:
    """Attaches a program, by a link that is pinned at ``link`` or plainly, with ``flags``; raises BpfSyscallError,
    PinError, and then nothing is attached."""
    if not link:
        attach(point, program.fd, flags=flags, position=position, revision=revision)
        return
    with Link.create(point, program.fd, position=position, revision=revision) as made:
        make_pin(context, "link", link, made.pin)  # without it, the link ends with its descriptor


def export_or_take_back(
    context: Context, programs: OpenedPrograms, point: AttachPoint, program: OpenedProgram, link: str
) -> None:
    """Exports the maps of what was attached just now; when that fails, it is detached. Raises TransferError."""

    def take_back() -> None:
        if link:
            unpin(context, link)
        else:
            detach(point, program.fd)

    programs.export_or(take_back)


def replace_one(
    point: AttachPoint, old: Attached, program: OpenedProgram, *, flags: int = 0, revision: int = 0
) -> None:
    """Puts a program into the place of another in one step; a link stays, and goes on with the new program. Raises
    BpfSyscallError."""
    with program_by_id(old.program) as former:
        if old.link:
            with Link.from_id(old.link) as link:
                link.update(program.fd, old=former.fd)
        else:
            attach(point, program.fd, flags=flags, revision=revision, replacing=former.fd)


def detach_one(point: AttachPoint, one: Attached, revision: int = 0) -> None:
    """Raises BpfSyscallError."""
    if one.link:
        with Link.from_id(one.link) as link:
            link.detach()
    else:
        with program_by_id(one.program) as program:
            detach(point, program.fd, revision=revision)


def unpin_named(context: Context, which: Reference | None, detached: Sequence[Attached]) -> None:
    """A link that was named by its pin loses that, too; raises PinError."""
    if which is not None and which.kind in ("link", "pinned") and detached[0].link and not which.text.isdigit():
        unpin(context, which.text)


def unpin(context: Context, path: str) -> None:
    """Removes the pin of a link; raises PinError."""
    remove_pin(context, "link", path, lambda place: Link.from_pin(place).close())


def refusal(error: BpfSyscallError, where: str, sentences: dict[int, str], hints: tuple[str, ...] = ()) -> AttachError:
    """What the kernel's refusal means at a place, with the sentences of its kind; ``hints`` are for EPERM that
    has no other cause."""
    number = error.errno or 0
    sentence = {**_SENTENCES, **sentences}.get(number, str(error))
    if number != errno.EPERM:
        return AttachError(f"{where}: {sentence}", errno=number)
    from pytc.bpf.loader.explain import permission_causes

    return AttachError(f"{where}: {sentence}", errno=number, hints=permission_causes() or hints)
