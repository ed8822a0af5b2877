"""``pytc tcx show``: programs of tcx and netkit in run order, and the filters of clsact behind them."""

from __future__ import annotations

from pytc.commands.shared.attachments import link_pins
from pytc.commands.shared.command import Query
from pytc.commands.shared.device_hooks import PARENTS, TYPES, hook_documents
from pytc.commands.tcx.words import HOOK_WORDS
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.device_hooks import HookName
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc tcx show [ dev NAME ] [ HOOK ]

Programs in the order in which they run, then the filters of clsact that follow them. pytc -d also says where links are
pinned; run_cnt and run_time are shown once kernel.bpf_stats_enabled is 1.
"""

WORDS = HOOK_WORDS


class ShowTcx(Query):
    """An empty device stands for all devices, no hook for all hooks."""

    device: str = ""
    hook: HookName | None = None


def parse(cursor: Cursor) -> ShowTcx:
    """Return the command; raises UsageError, HelpRequested."""
    topic = "tcx show"
    fields = fill(cursor, WORDS, {}, topic=topic)
    refuse_more(cursor, topic)
    return ShowTcx(**fields)


def run(context: Context, command: ShowTcx) -> list[Document]:
    """Describe the hooks; raises AttachError, UnsupportedError where the kernel has no tcx.

    A device without netkit's hooks is an error only where both device and hook are named.
    """
    pins = link_pins(context)
    documents: list[Document] = []
    for device in [command.device] if command.device else _devices():
        for name in (command.hook,) if command.hook else TYPES:
            must_exist = bool(command.device and command.hook) or name in PARENTS
            documents += hook_documents(context, device, name, pins, must_exist=must_exist)
    return documents


def _devices() -> list[str]:
    import socket

    return [name for _, name in socket.if_nameindex()]
