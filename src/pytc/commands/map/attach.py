"""``pytc map attach``: attaches a program to what the sockets of a map send or receive."""

from __future__ import annotations

from pytc.bpf.sys.constants import ProgramType
from pytc.commands.map.socket_hooks import SOCKET_TYPES, TYPE_WORDS, TYPES, hook_of, open_sockets
from pytc.commands.map.words import TARGET, Target
from pytc.commands.shared.attach_words import PROGRAM, take_program
from pytc.commands.shared.attachments import open_program
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc map attach MAP [ TYPE ] PROGRAM

{SOCKET_TYPES}{PROGRAM}
MAP is a sockmap or sockhash. TYPE is known from the sections sk_msg, sk_skb/stream_parser, sk_skb/stream_verdict and
sk_skb/verdict. A program takes the place of one of its type. It stays as long as the map, or until "pytc map detach".
"""


WORDS = TYPE_WORDS


class AttachToMap(Attaching):
    """A program to attach to a map of sockets; ``attach`` is the word of an attach type, empty for that of the
    program's section."""

    target: Target
    source: BpfSource
    attach: str = ""


def take_map(cursor: Cursor, topic: str) -> Target:
    """Return the map that stands before all else; raises UsageError, HelpRequested."""
    from pytc.errors import HelpRequested
    from pytc.words.engine import find, matches

    if matches(cursor.peek(), "help"):
        raise HelpRequested(topic)
    row = find(cursor.take(), TARGET)
    if row is None or row.read is None:
        raise UsageError(f'Error: which map? fd, map, pinned, id or name is needed; try "pytc {topic} help".')
    target = row.read(cursor)
    assert isinstance(target, Target)
    return target


def parse(cursor: Cursor) -> AttachToMap:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    target = take_map(cursor, "map attach")
    fields: dict[str, Any] = {}
    source = take_program(cursor, WORDS, fields, "map attach")
    return AttachToMap(target, source, **fields)


def run(context: Context, command: AttachToMap) -> None:
    """Load and attach the program, then export its maps; when that fails, detach it again. Raises AttachError,
    TransferError, BpfError and its kin."""
    map = open_sockets(context, command.target)
    chosen = TYPES.get(command.attach)
    type = chosen.program if chosen is not None else ProgramType.UNSPEC
    sections = (chosen.section,) if chosen is not None else tuple(one.section for one in TYPES.values())
    with open_program(context, ProgramRequest(command.source, type, sections)) as programs:
        hook = hook_of(map, command.attach, programs.single)
        detach = make_attacher(context).attach(hook, programs.single)
        failure = programs.export_or_undo(detach)
    if failure is not None:
        raise failure
