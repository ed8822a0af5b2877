"""``pytc tcx replace``: puts a program into the place of another in one step, whether that has a link or not."""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.shared.attach_words import PROGRAM, REFERENCE, REVISION, take_program, take_reference
from pytc.commands.shared.attachments import open_replacement
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.device_hooks import device_hook
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.commands.tcx.effects import warn_of_program
from pytc.commands.tcx.words import HOOK, HOOK_WORDS, check_hook
from pytc.errors import AttachError, UsageError
from pytc.words.engine import Word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.attacher import Attachment
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.device_hooks import DeviceHook, HookName
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc tcx replace dev NAME HOOK [ old REF ] [ revision NUMBER ] PROGRAM

{HOOK}{REFERENCE}{PROGRAM}
Puts PROGRAM into the place of another, in one step: each packet meets the one or the other. Where the old one has a
link, the link stays and goes on with PROGRAM.

old       which program; needed where the hook has more than one
revision  only while the hook has this revision; not for links
"""

WORDS = (*HOOK_WORDS, Word("old", "old", read=take_reference, exact=True), REVISION)


class ReplaceTcx(Attaching):
    """A program that replaces another of a hook; ``old`` is None for the only one, ``revision`` 0 for any."""

    device: str
    hook: HookName
    source: BpfSource
    old: Reference | None = None
    revision: int = 0


def parse(cursor: Cursor) -> ReplaceTcx:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    fields: dict[str, Any] = {}
    source = take_program(cursor, WORDS, fields, "tcx replace")
    check_hook(fields)
    return ReplaceTcx(source=source, **fields)


def run(context: Context, command: ReplaceTcx) -> None:
    """Load the program, replace the other one, and export the maps; raises AttachError, TransferError, BpfError and
    its kin."""
    hook = device_hook(context, command.device, command.hook)
    attacher = make_attacher(context)
    old = attacher.choose(hook, command.old)
    if old.attachments is not None:
        _check(hook, old.attachments, command.revision)
    with open_replacement(context, ProgramRequest(command.source, ProgramType.SCHED_CLS, hook.sections)) as program:
        attacher.replace(hook, old, program, revision=command.revision)
        warn_of_program(context, hook, program)


def _check(hook: DeviceHook, old: Sequence[Attachment], revision: int) -> None:
    if len(old) != 1:
        raise AttachError(
            f"{hook.label} has {len(old) or 'no'} programs; say which is replaced: old id NUMBER, "
            "old name NAME, old pinned PATH or old link { NUMBER | PATH }"
        )
    if old[0].link and revision:
        raise UsageError('"revision" does not go with a link: its program is replaced whatever the order is')
