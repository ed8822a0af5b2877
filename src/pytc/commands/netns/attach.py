"""``pytc netns attach``: attaches a program to the network namespace."""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.netns.hooks import NETNS, TYPE_WORDS, TYPES, hook_of
from pytc.commands.shared.attach_words import OWNER, PROGRAM, check_owner, take_program
from pytc.commands.shared.attachments import open_program
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.shared.link_owners import owned_path
from pytc.commands.shared.loaded_programs import declared_name
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.errors import UsageError
from pytc.words.engine import Word, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc netns attach [ TYPE ] {{ link PATH | owner NAME }} PROGRAM

{NETNS}{PROGRAM}
TYPE is known from the sections sk_lookup and flow_dissector.
link   by a link, pinned at PATH (m:NAME is below tc's directory); it ends when the pin is removed
owner  by a link, pinned below m:owners/NAME: "pytc link detach owner NAME" removes it
"""

WORDS = (*TYPE_WORDS, Word("link", "link", text, exact=True), OWNER)


class AttachNetns(Attaching):
    """A program to attach; ``attach`` is the word of an attach type, empty for that of the program. ``link`` and
    ``owner`` are as with tcx."""

    source: BpfSource
    attach: str = ""
    link: str = ""
    owner: str = ""


def parse(cursor: Cursor) -> AttachNetns:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    fields: dict[str, Any] = {}
    source = take_program(cursor, WORDS, fields, "netns attach")
    check_owner(fields)
    if not fields.keys() & {"link", "owner"}:
        raise UsageError('a link attaches the program: "link PATH" or "owner NAME" says where it is pinned')
    return AttachNetns(source, **fields)


def run(context: Context, command: AttachNetns) -> None:
    """Load and attach the program, then export its maps; when that fails, detach it again. Raises AttachError,
    PinError, TransferError, BpfError and its kin."""
    attacher = make_attacher(context)
    type = TYPES[command.attach].program if command.attach else ProgramType.UNSPEC
    with open_program(context, ProgramRequest(command.source, type, command.attach or tuple(TYPES))) as programs:
        hook = hook_of(command.attach, programs.single)
        link = command.link
        if command.owner:
            link = owned_path(command.owner, hook.type.word, declared_name(context, command.source, programs.single))
        try:
            attacher.check(hook, link)
            failure = programs.export_or_undo(attacher.attach(hook, programs.single, link=link))
        finally:
            hook.close()
    if failure is not None:
        raise failure
