"""``pytc tcx detach``: detaches one program of a hook, or all."""

from __future__ import annotations

from pytc.commands.shared.attach_words import REFERENCE, REVISION, take_reference_or_all
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.device_hooks import device_hook
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.tcx.words import HOOK, HOOK_WORDS, check_hook
from pytc.errors import UsageError
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.device_hooks import HookName
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc tcx detach dev NAME HOOK {{ all | REF }} [ revision NUMBER ]

{HOOK}{REFERENCE}
A link that is named by its pin loses the pin, too. Another pin keeps a link that has no place any more: "pytc link
show" shows it as defunct, "pytc link unpin" removes it.
"""

WORDS = (*HOOK_WORDS, REVISION)


class DetachTcx(Attaching):
    """Programs to detach from a hook; ``which`` is None for all, ``revision`` 0 for any."""

    device: str
    hook: HookName
    which: Reference | None
    revision: int = 0


def parse(cursor: Cursor) -> DetachTcx:
    """Return the command; raises UsageError, HelpRequested."""
    topic = "tcx detach"
    fields = fill(cursor, WORDS, {}, topic=topic)
    check_hook(fields)
    which = take_reference_or_all(cursor)
    fill(cursor, (REVISION,), fields, topic=topic)
    refuse_more(cursor, topic)
    return DetachTcx(which=which, **fields)


def run(context: Context, command: DetachTcx) -> None:
    """Detach the programs; raises AttachError, and UsageError for a link with a revision."""
    hook = device_hook(context, command.device, command.hook)
    attacher = make_attacher(context)
    which = attacher.choose(hook, command.which)
    if command.revision and any(attachment.link for attachment in which.attachments or ()):
        raise UsageError('"revision" does not go with a link')
    attacher.detach(hook, which, revision=command.revision)
