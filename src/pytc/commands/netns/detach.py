"""``pytc netns detach``: detaches one program of the network namespace, or all."""

from __future__ import annotations

from pytc.commands.netns.hooks import NETNS, TYPE_WORDS, TYPES, NetnsHook
from pytc.commands.shared.attach_words import REFERENCE, take_reference_or_all
from pytc.commands.shared.attacher import Choice
from pytc.commands.shared.attachments import find_attachment
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc netns detach [ TYPE ] {{ all | REF }}

{NETNS}{REFERENCE}
Without TYPE, a REF is looked for in all types. A link that is named by its pin loses the pin, too.
"""


class DetachNetns(Attaching):
    """Programs to detach; ``which`` is None for all, ``attach`` the word of an attach type, empty for all types."""

    which: Reference | None
    attach: str = ""


def parse(cursor: Cursor) -> DetachNetns:
    """Return the command; raises UsageError, HelpRequested."""
    topic = "netns detach"
    fields = fill(cursor, TYPE_WORDS, {}, topic=topic)
    which = take_reference_or_all(cursor)
    refuse_more(cursor, topic)
    return DetachNetns(which, **fields)


def run(context: Context, command: DetachNetns) -> None:
    """Detach the programs; raises AttachError."""
    hooks = [NetnsHook(type) for type in TYPES.values() if command.attach in ("", type.word)]
    try:
        attached = tuple(attachment for hook in hooks for attachment in hook.attached())
        if command.which is not None:
            attached = (find_attachment(context, command.which, attached, "network namespace"),)
        make_attacher(context).detach(hooks[0], Choice(command.which, attached))
    finally:
        for hook in hooks:
            hook.close()
