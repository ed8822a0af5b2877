"""``pytc tcx attach``: attaches a program at a place in the run order, plainly or by a pinned link."""

from functools import partial
from typing import Any

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.attach_words import PROGRAM, REFERENCE, REVISION, Reference, take_program, take_reference
from pytc.commands.shared.attacher import Order
from pytc.commands.shared.attachments import open_program
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.context import Context
from pytc.commands.shared.desired import Programs, Wanted
from pytc.commands.shared.device_hooks import HookName, device_hook
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.commands.tcx.effects import warn_of_program
from pytc.commands.tcx.words import HOOK, HOOK_WORDS, check_hook
from pytc.errors import UsageError
from pytc.tc.kinds.shared.programs import BpfSource
from pytc.value import Value
from pytc.words.engine import Cursor, Word, text

HELP = f"""\
Usage: pytc tcx attach dev NAME HOOK [ first | last | {{ before | after }} REF ]
                       [ revision NUMBER ] [ link PATH ] PROGRAM

{HOOK}{REFERENCE}{PROGRAM}
first, last, before, after  where in the order {{last}}
revision  only while the hook has this revision, which "show" tells and each change counts up
link      by a link, pinned at PATH (m:NAME is below tc's directory); it ends when the pin is removed
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
)


class AttachTcx(Attaching):
    """A program to attach to a hook; ``link`` is the path of a pin for the link, empty for a plain attachment,
    ``revision`` 0 for any."""

    device: str
    hook: HookName
    source: BpfSource
    position: Position = Position()
    link: str = ""
    revision: int = 0


def parse(cursor: Cursor) -> AttachTcx:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    fields: dict[str, Any] = {}
    source = take_program(cursor, WORDS, fields, "tcx attach")
    check_hook(fields)
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
        attach = partial(run, command=command)
        return WantedAttachment(context, "tcx", hook, request, opened.single, programs, attach, link=command.link)


def run(context: Context, command: AttachTcx) -> None:
    """Load and attach the program, then export its maps; when that fails, detach it again. Raises AttachError,
    PinError, TransferError, BpfError and its kin."""
    hook = device_hook(context, command.device, command.hook)
    attacher = make_attacher(context)
    attacher.check(hook, command.link)
    order, neighbour = command.position.order, command.position.neighbour
    relative = attacher.choose(hook, neighbour) if neighbour is not None else None
    with open_program(context, ProgramRequest(command.source, ProgramType.SCHED_CLS, hook.sections)) as programs:
        detach = attacher.attach(
            hook, programs.single, order=order, relative=relative, revision=command.revision, link=command.link
        )
        failure = programs.export_or_undo(detach)
        warn_of_program(context, hook, programs.single)
    if failure is not None:
        raise failure
