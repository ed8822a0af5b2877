"""``pytc netns show``: the programs of the network namespace."""

from __future__ import annotations

from pytc.bpf.sys.constants import attach_type_name
from pytc.commands.netns.hooks import TYPES, NetnsHook
from pytc.commands.shared.attachments import link_parts, link_pins, program_parts
from pytc.commands.shared.command import Query
from pytc.errors import AttachError
from pytc.render.documents import Field
from pytc.words.engine import refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc netns show

Programs of the network namespace in which pytc works ("pytc -n NAME netns show"), of sk_lookup in run order; pytc -d
also says where links are pinned.
"""


class ShowNetns(Query):
    """A request for the programs of the namespace."""


def parse(cursor: Cursor) -> ShowNetns:
    """Return the command; raises UsageError."""
    refuse_more(cursor, "netns show")
    return ShowNetns()


def run(context: Context, command: ShowNetns) -> list[Document]:
    """Describe the programs; raises AttachError where the kernel has none of the types."""
    pins = link_pins(context)
    shown: list[Document] = []
    failures: list[AttachError] = []
    for type in TYPES.values():
        hook = NetnsHook(type)
        try:
            for attached in hook.attached():
                shown.append(
                    [
                        Field("", text=f"{type.word} "),
                        Field("attach_type", attach_type_name(type.number)),
                        *link_parts(attached.link, pins),
                        *program_parts(context, attached.program),
                        Field("", text="\n"),
                    ]
                )
        except AttachError as error:
            failures.append(error)
        finally:
            hook.close()
    if len(failures) == len(TYPES):
        raise failures[0]
    return shown
