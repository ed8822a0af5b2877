"""``pytc prog load``: loads a program of an object file, and pins it, attached to nothing."""

from __future__ import annotations

import os

from pytc.bpf.sys.constants import ProgramType, program_type_name
from pytc.bpf.sys.info import describe_program
from pytc.bpf.sys.pins import pin
from pytc.commands.shared.attach_words import OWNER
from pytc.commands.shared.attachments import open_program
from pytc.commands.shared.command import Command
from pytc.commands.shared.link_owners import owned_path
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.commands.shared.pins import make_pin, pin_path
from pytc.errors import SelectionError, UsageError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.tc.kinds.shared.programs import OBJECT, OBJECT_WORDS, BpfSource
from pytc.words.engine import Word, fill, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc prog load FILE [ pin { PATH | m:NAME } | owner NAME ] [ section NAME ] [ program NAME ] [ type TYPE ]
                           [ set VARIABLE=VALUE ] ... [ map NAME { max_entries NUMBER | pinned PATH } ] ...
                           [ export PATH [ entries BYTES ] ] [ verbose ]

Loads a program of the object FILE with its maps, and pins it: at PATH, for an owner as m:owners/NAME/PROGRAM, or else
as m:PROGRAM. It is attached later: "pytc filter add ... bpf da pinned PATH", or by id and name ("pytc filter add bpf
help" explains all words). Maps are pinned where FILE says so, the others live as long as the program.
"""

WORDS = (Word("pin", "pin", text, exact=True), OWNER, *OBJECT_WORDS)


class LoadProgram(Command):
    """A program to load; ``pin`` is the path of its pin, empty for ``m:`` and its name, among the pins of an
    ``owner``."""

    source: BpfSource
    pin: str = ""
    owner: str = ""


def parse(cursor: Cursor) -> LoadProgram:
    """Return the command; raises UsageError, HelpRequested."""
    path = cursor.take()
    fields: dict[str, Any] = fill(cursor, WORDS, {}, topic="prog load")
    refuse_more(cursor, "prog load")
    pin, owner = fields.pop("pin", ""), fields.pop("owner", "")
    if pin and owner:
        raise UsageError('"owner" says where the program is pinned, and does not go with "pin"')
    return LoadProgram(BpfSource(OBJECT, path, **fields), pin, owner)


def run(context: Context, command: LoadProgram) -> list[Document]:
    """Load and pin the program, then export its maps; returns what it is. Raises PytcError, and then nothing stays."""
    request = ProgramRequest(command.source, ProgramType.UNSPEC, "classifier")
    with open_program(context, request) as programs:
        program = programs.single
        if not program.type:
            raise SelectionError(
                f"{program.annotation} does not say what type of program it is",
                hints=('"type TYPE" says it, like cls',),
            )
        about = describe_program(program.fd)
        path = command.pin or (owned_path(command.owner, about.name) if command.owner else f"m:{about.name}")
        remove_directories = make_pin(context, f'program "{about.name}"', path, lambda path: pin(program.fd, path))

        def undo() -> None:
            os.unlink(pin_path(context, path))
            remove_directories()

        programs.export_or_undo(undo)
    return [
        [
            Field("id", about.id, f"id {about.id} "),
            Field("name", about.name, f"name {about.name} "),
            Field("type", program_type_name(about.type), f"type {program_type_name(about.type)} "),
            Field("tag", about.tag, f"tag {about.tag} "),
            Field("pinned", pin_path(context, path), f"pinned {printable(pin_path(context, path))}\n"),
        ]
    ]
