"""``pytc link detach``: ends an attachment; the link stays while it is pinned."""

from __future__ import annotations

import errno
import os

from pytc.bpf.object.names import kernel_name
from pytc.bpf.object.reader import read_object
from pytc.bpf.sys.links import links
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.commands.link.words import LINK, take_link
from pytc.commands.shared.attach_words import number
from pytc.commands.shared.attachments import all_link_pins, open_link, unpin_link
from pytc.commands.shared.command import Command
from pytc.commands.shared.link_owners import owner_directory
from pytc.commands.shared.pins import pin_path
from pytc.contexts import suppress
from pytc.errors import AttachError, BpfSyscallError
from pytc.tc.kinds.shared.ownership import owner_word
from pytc.words.engine import Table, Word, fill, refuse_more, text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.attachments import LinkPins
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc link detach LINK
       pytc link detach [ owner NAME ] [ name PROGRAM ] [ object FILE ] [ id NUMBER ]

{LINK}
Ends the attachment; a pin stays, and "pytc link unpin" removes it.

The second form detaches all links to which the words apply: owner to those that "tcx attach" or "cgroup attach" made
for NAME, whose pins it removes, too; name to those of a program; object to those of the programs of FILE, by their
names.
"""
_CRITERIA = Table(
    (
        Word("owner", "owner", owner_word, exact=True, wrong="invalid owner"),
        Word("name", "name", text, exact=True),
        Word("object", "object", text, exact=True),
        Word("id", "id", number, exact=True, wrong="invalid id"),
    )
)


class DetachLinks(Command):
    """Links to detach: those that all criteria apply to which are given."""

    owner: str = ""
    name: str = ""
    object: str = ""
    id: int = 0


class DetachLink(Command):
    """A link to detach, as :func:`~pytc.commands.link.words.take_link` returns it."""

    link: str


def parse(cursor: Cursor) -> DetachLink | DetachLinks:
    """Return the command; raises UsageError, HelpRequested."""
    fields = fill(cursor, _CRITERIA, {}, topic="link detach")
    if fields:
        refuse_more(cursor, "link")
        return DetachLink(str(fields["id"])) if [*fields] == ["id"] else DetachLinks(**fields)
    command = DetachLink(take_link(cursor))
    refuse_more(cursor, "link")
    return command


def run(context: Context, command: DetachLink | DetachLinks) -> None:
    """Detach the link or links; raises AttachError, also where there is none, and PinError."""
    if isinstance(command, DetachLink):
        _detach(context, command.link)
        return
    pins = all_link_pins(context, pin_path(context, owner_directory(command.owner)) if command.owner else "")
    chosen = [*_chosen(context, command, pins)]
    if not chosen:
        words = " ".join(f"{word} {value}" for word, value in command.__dict__.items() if value)
        raise AttachError(f"there is no link with {words}", errno=errno.ENOENT)
    for link in chosen:
        _detach(context, str(link))
        for path in pins[link] if command.owner else ():
            unpin_link(context, path)
            with suppress(OSError):  # others of the owner's are there
                os.rmdir(os.path.dirname(path))


def _chosen(context: Context, command: DetachLinks, pins: LinkPins) -> Iterator[int]:
    names = {kernel_name(command.name)} if command.name else set[str]()
    if command.object:
        declared = {kernel_name(one.name) for one in read_object(command.object, layout20=context.layout20).programs}
        names = names & declared if names else declared
    for link in links():
        program = lookup_program(link.program) if link.program else None
        is_named = not (command.name or command.object) or (program is not None and program.name in names)
        if is_named and command.id in (0, link.id) and (not command.owner or link.id in pins):
            yield link.id


def _detach(context: Context, name: str) -> None:
    with open_link(context, name) as link:
        try:
            link.detach()
        except BpfSyscallError as error:
            what = (
                f"link {name} is of type {link.description.type}, which ends with its last pin only"
                if error.errno == errno.EOPNOTSUPP
                else str(error)
            )
            raise AttachError(what, errno=error.errno) from error
