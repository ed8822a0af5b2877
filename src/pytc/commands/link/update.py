"""``pytc link update``: puts another program into the place of a link's, in one step."""

from __future__ import annotations

import errno

from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.bpf.sys.constants import ProgramType, attach_type_name
from pytc.bpf.sys.info import describe_program, program_by_id
from pytc.commands.link.words import LINK, take_link
from pytc.commands.shared.attach_words import PROGRAM, take_program
from pytc.commands.shared.attachments import dead_link_hint, open_link, open_replacement
from pytc.commands.shared.command import Command
from pytc.commands.shared.opened_programs import ProgramRequest
from pytc.errors import AttachError, BpfError, BpfSyscallError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.sys.links import LinkDescription
    from pytc.commands.shared.context import Context
    from pytc.tc.kinds.shared.programs import BpfSource
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc link update LINK PROGRAM

{LINK}{PROGRAM}
Puts PROGRAM, which must be of the same type, into the place of the link's program, in one step.
"""

_SECTIONS = ("classifier", "tc")


class UpdateLink(Command):
    """A program to put into a link, which is named as :func:`~pytc.commands.link.words.take_link` returns it."""

    link: str
    source: BpfSource


def parse(cursor: Cursor) -> UpdateLink:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    link = take_link(cursor)
    return UpdateLink(link, take_program(cursor, (), {}, "link update"))


def run(context: Context, command: UpdateLink) -> None:
    """Load the program, update the link, and export the maps; raises AttachError, TransferError, BpfError and its
    kin."""
    with open_link(context, command.link) as link:
        about = link.description
        type = _program_type(about.program)
        attach_type = about.attach_type if type != ProgramType.SCHED_CLS else None
        with open_replacement(
            context, ProgramRequest(command.source, type, _default_sections(about), attach_type)
        ) as program:
            try:
                link.update(program.fd)
            except BpfSyscallError as error:
                is_pin = about.is_defunct and not command.link.isdigit()
                hints = (dead_link_hint(about.id, command.link),) if is_pin else ()
                raise AttachError(_refusal(error, about), errno=error.errno, hints=hints) from error


def _program_type(number: int) -> ProgramType:
    """Return the type of the program with an id; raises AttachError."""
    try:
        with program_by_id(number) as descriptor:
            return ProgramType(describe_program(descriptor.fd).type)
    except (BpfError, ValueError) as error:
        raise AttachError(f"the link's program cannot be looked at: {error}") from error


def _default_sections(about: LinkDescription) -> tuple[str, ...]:
    """Return the sections of programs that go with a link unless another one is named, best first."""
    if about.type == "cgroup":
        return next((point.sections for point in ATTACH_TYPES.values() if point.number == about.attach_type), ())
    name = attach_type_name(about.attach_type or 0).replace("_", "/")
    return (name, *_SECTIONS) if about.type in ("tcx", "netkit") else ()


def _refusal(error: BpfSyscallError, about: LinkDescription) -> str:
    if error.errno == errno.ENOLINK or about.is_defunct:
        return (
            f"link {about.id} has lost its place: its {'cgroup' if about.type == 'cgroup' else 'device'} is gone, "
            "or it was detached"
        )
    if error.errno == errno.EINVAL:
        return f"links of type {about.type} cannot be updated, or not with a program of this kind"
    return str(error)
