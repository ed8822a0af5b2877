"""``pytc map detach``: detaches a program from a map of sockets."""

from __future__ import annotations

from pytc.commands.map.attach import take_map
from pytc.commands.map.socket_hooks import SOCKET_TYPES, TYPE_WORDS, TYPES, SocketHook, open_sockets
from pytc.commands.shared.attacher import Choice
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.errors import AttachError, UsageError
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc map detach MAP {{ TYPE | all }}

{SOCKET_TYPES}"""


WORDS = TYPE_WORDS


class DetachFromMap(Attaching):
    """Programs to detach from a map of sockets; ``attach`` is the word of an attach type, empty for all."""

    target: Target
    attach: str = ""


def parse(cursor: Cursor) -> DetachFromMap:
    """Return the command; raises UsageError, HelpRequested."""
    target = take_map(cursor, "map detach")
    if cursor.peek() == "all":
        cursor.take()
        refuse_more(cursor, "map detach")
        return DetachFromMap(target)
    fields = fill(cursor, WORDS, {}, topic="map detach")
    refuse_more(cursor, "map detach")
    if not fields:
        raise UsageError(f"which program? all, {', '.join(TYPES)}")
    return DetachFromMap(target, **fields)


def run(context: Context, command: DetachFromMap) -> None:
    """Detach the programs; raises AttachError, also where there is none."""
    map = open_sockets(context, command.target)
    hooks = [SocketHook(map, type) for type in TYPES.values() if command.attach in ("", type.word)]
    attached = tuple(attachment for hook in hooks for attachment in hook.attached())
    if not attached:
        raise AttachError(f'map "{map.name}" has no program{f" of {command.attach}" if command.attach else ""}')
    make_attacher(context).detach(hooks[0], Choice(None, attached))
