"""``pytc exec bpf import``: takes maps from another process, and becomes a command that inherits them."""

from __future__ import annotations

import time

from pytc.bpf.sys.descriptor import raise_descriptor_limit, restore_descriptor_limit
from pytc.commands.exec.socket_rights import RIGHTS, SocketRights
from pytc.commands.shared.command import Command
from pytc.contexts import ExitStack
from pytc.errors import HelpRequested, TransferError
from pytc.render.terminal import printable
from pytc.words.engine import Word, choose, fill, refuse_more, text, unsigned
from pytc.words.values import seconds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from pytc.commands.shared.context import Context
    from pytc.exec_proxy.received import ReceivedObject
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc exec bpf import PATH [ timeout TIME ] [ count NUMBER ] [ mode MODE ] [ user USER ] [ ro ]
                            [ run COMMAND [ WORDS ] ]
       pytc exec bpf import agent PATH [ object NAME ] [ ro ] [ run COMMAND [ WORDS ] ]

Makes a Unix socket at PATH, waits for "export PATH" of a filter or action, and becomes COMMAND {/bin/sh}, which
inherits the maps. Its environment has BPF_NUM_MAPS, the number of maps; BPF_MAP<id>, the descriptor of the map with
that id; and BPF_MAP_<NAME>, that of the map with that name. The second form takes them from an agent at once.

timeout  gives up after this TIME := NUMBER[ ms | s | m ] {waits for ever}
count    waits for that many exports {1}
mode     permissions of the socket, octal {600}
user     a user, number or name, who may export besides root and the one who imports; the socket is given to them
ro       COMMAND can read the maps and not write them
object   only those of the object with that name, or number in the agent's list {all}
run      the last word; all that follows is the command
"""

_SHELL = ("/bin/sh",)


class ImportMaps(Command):
    """Waits for ``exports`` exports at ``path``, ``timeout`` seconds (None: for ever), and becomes ``words``."""

    path: str
    words: tuple[str, ...] = ()
    read_only: bool = False
    timeout: float | None = None
    exports: int = 1
    rights: SocketRights = SocketRights()


class FetchMaps(Command):
    """Asks the agent at ``path`` for the maps of ``object`` (all for an empty one), and becomes ``words``."""

    path: str
    words: tuple[str, ...] = ()
    read_only: bool = False
    object: str = ""


def _count(word: str) -> int:
    """Convert a number of exports, 1 to 1024; raises ValueError."""
    number: int = unsigned(1024)(word)
    if not number:
        raise ValueError(word)
    return number


_COMMAND = (
    Word("run", "words", read=lambda cursor: (cursor.take(), *cursor.rest())),
    Word("ro", "read_only", exact=True),
)
WORDS = (
    *_COMMAND,
    Word("timeout", "timeout", seconds, exact=True, wrong="a number of seconds"),
    Word("count", "exports", _count, exact=True, wrong="the number of objects to wait for, 1 to 1024"),
    *RIGHTS,
)
#: Words behind ``agent PATH``.
AGENT_WORDS = (*_COMMAND, Word("object", "object", text, exact=True))


def parse(cursor: Cursor) -> ImportMaps | FetchMaps:
    """Return the command; raises UsageError, HelpRequested."""
    path = cursor.take()
    # A socket that is called "agent" has to be written ./agent where anything but its own words follows.
    if path == "agent" and not cursor.done and choose(cursor.peek(), [row.name for row in WORDS]) == "":
        return _parse_agent(cursor)
    fields = fill(cursor, WORDS, {}, topic="exec bpf import")
    refuse_more(cursor, "exec bpf import")
    rights = SocketRights(**{name: fields.pop(name) for name in ("mode", "user") if name in fields})
    return ImportMaps(path, rights=rights, **fields)


def _parse_agent(cursor: Cursor) -> FetchMaps:
    path = cursor.take()
    if path == "help":
        raise HelpRequested("exec bpf import")
    fields = fill(cursor, AGENT_WORDS, {}, topic="exec bpf import")
    refuse_more(cursor, "exec bpf import")
    return FetchMaps(path, **fields)


def run(context: Context, command: ImportMaps | FetchMaps) -> NoReturn:
    """Collect maps, then become the command; raises TransferError."""
    limits = raise_descriptor_limit()  # each map is one
    with ExitStack() as owned:
        objects = _await_exports(context, command, owned) if isinstance(command, ImportMaps) else _fetch(command, owned)
        if command.read_only:
            for received in objects:
                received.make_read_only()
        restore_descriptor_limit(limits)
        _become(context, command.words or _SHELL, objects)


def _await_exports(context: Context, command: ImportMaps, owned: ExitStack) -> list[ReceivedObject]:
    from pytc.exec_proxy.map_transfer import Importer
    from pytc.exec_proxy.remarks import FewRemarks
    from pytc.signal_blocks import unwind_on_signals

    objects: list[ReceivedObject] = []
    rights = command.rights
    with (
        unwind_on_signals(),
        Importer(
            command.path,
            mode=rights.mode,
            owner=rights.owner(),
            users=rights.users(),
            refused=FewRemarks(context.say),
        ) as importer,
    ):
        if context.display.is_terminal:
            context.say(f'Waiting at "{printable(command.path)}" for a filter or action that exports its maps there')
        end = None if command.timeout is None else time.monotonic() + command.timeout
        while len(objects) < command.exports:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            objects.append(owned.enter_context(importer.receive(left)))
            if context.display.is_terminal:
                context.say(_received(objects[-1]))
    return objects


def _received(received: ReceivedObject) -> str:
    """Return what to say of an export that has arrived."""
    names = ", ".join(printable(map.name) or f"id {map.id}" for map in received.named())
    return f"Received {len(received.maps)} map{'s' * (len(received.maps) != 1)}: {names}"


def _fetch(command: FetchMaps, owned: ExitStack) -> list[ReceivedObject]:
    from pytc.exec_proxy.agent_client import fetch

    objects = [owned.enter_context(fetched.received) for fetched in fetch(command.path, command.object)]
    if not objects:
        what = f'no object "{command.object}"' if command.object else "no maps"
        raise TransferError(f'the agent at "{command.path}" keeps {what}')
    return objects


def _become(context: Context, words: Sequence[str], objects: Sequence[ReceivedObject]) -> NoReturn:
    from pytc.exec_proxy.become import become
    from pytc.exec_proxy.environment import with_maps

    named = [map for received in objects for map in received.named()]
    become(words, with_maps(context.environment, named), [map.fd for map in named])
