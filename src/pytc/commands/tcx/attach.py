"""``pytc tcx attach``: attaches a program at a place in the run order, plainly or by a pinned link."""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.attach_words import (
    OWNER,
    PROGRAM,
    REFERENCE,
    REVISION,
    check_owner,
    take_program,
    take_reference,
)
from pytc.commands.shared.attachments import open_program
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.device_hooks import device_hook
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.shared.link_owners import owned_path
from pytc.commands.shared.loaded_programs import declared_name
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.commands.tcx.effects import warn_of_program
from pytc.commands.tcx.words import HOOK, HOOK_WORDS, check_hook
from pytc.cpython import partial
from pytc.errors import UsageError
from pytc.value import Value
from pytc.words.engine import Word, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.attacher import Order
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.desired import Programs, Wanted
    from pytc.commands.shared.device_hooks import HookName
    from pytc.tc.kinds.interface import OpenedProgram
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc tcx attach dev NAME HOOK [ first | last | {{ before | after }} REF ]
                       [ revision NUMBER ] [ link PATH | owner NAME ] PROGRAM

{HOOK}{REFERENCE}{PROGRAM}
first, last, before, after  where in the order {{last}}
revision  only while the hook has this revision, which "show" tells and each change counts up
link      by a link, pinned at PATH (m:NAME is below tc's directory); it ends when the pin is removed
owner     by a link, pinned below m:owners/NAME: "pytc link detach owner NAME" removes it
Without a section, that of the hook (tcx/ingress, tcx/egress, netkit/primary, netkit/peer), "classifier" or "tc" is
taken, or the only program of the object.
"""


class Position(Value):
    """A place in the run order; ``neighbour`` is the program for before and after."""

    order: Order = "last"
    neighbour: Reference | None = None


WORDS = (
    *HOOK_WORDS,
    Word("first", "position", value=Position("first"), exact=True),
    Word("last", "position", value=Position("last"), exact=True),
    Word("before", "position", read=lambda cursor: Position("before", take_reference(cursor)), exact=True),
    Word("after", "position", read=lambda cursor: Position("after", take_reference(cursor)), exact=True),
    REVISION,
    Word("link", "link", text, exact=True),
    OWNER,
)


class AttachTcx(Attaching):
    """A program to attach to a hook; ``link`` is the path of a pin for the link, empty for a plain attachment,
    ``revision`` 0 for any. With an ``owner``, the pin is among the owner's."""

    device: str
    hook: HookName
    source: BpfSource
    position: Position = Position()
    link: str = ""
    revision: int = 0
    owner: str = ""


def parse(cursor: Cursor) -> AttachTcx:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    fields: dict[str, Any] = {}
    source = take_program(cursor, WORDS, fields, "tcx attach")
    check_hook(fields)
    check_owner(fields)
    return AttachTcx(source=source, **fields)


def desire(context: Context, command: AttachTcx, programs: Programs) -> Wanted:
    """Return the program that the hook should have; its place in the order counts when it is attached. Raises
    UsageError, AttachError, BpfError and its kin."""
    from pytc.commands.shared.desired_attachments import WantedAttachment

    if command.revision:
        raise UsageError('"revision" is of a change: a desired state does not have one')
    hook = device_hook(context, command.device, command.hook)
    hook.check()
    request = ProgramRequest(command.source, ProgramType.SCHED_CLS, hook.sections)
    with open_program(context, request) as opened:
        attach, link = partial(run, command=command), _link(context, command, opened.single)
        return WantedAttachment(context, "tcx", hook, request, opened.single, programs, attach, link=link)


def run(context: Context, command: AttachTcx) -> None:
    """Load and attach the program, then export its maps; when that fails, detach it again. Raises AttachError,
    PinError, TransferError, BpfError and its kin."""
    hook = device_hook(context, command.device, command.hook)
    attacher = make_attacher(context)
    attacher.check(hook, command.link)
    order, neighbour = command.position.order, command.position.neighbour
    relative = attacher.choose(hook, neighbour) if neighbour is not None else None
    with open_program(context, ProgramRequest(command.source, ProgramType.SCHED_CLS, hook.sections)) as programs:
        link = _link(context, command, programs.single)
        detach = attacher.attach(
            hook, programs.single, order=order, relative=relative, revision=command.revision, link=link
        )
        failure = programs.export_or_undo(detach)
        warn_of_program(context, hook, programs.single)
    if failure is not None:
        raise failure


def _link(context: Context, command: AttachTcx, program: OpenedProgram) -> str:
    """Return the path of the link's pin, empty for no link."""
    if not command.owner:
        return command.link
    return owned_path(command.owner, command.device, command.hook, declared_name(context, command.source, program))
