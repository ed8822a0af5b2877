"""Find attached programs and links, open those to attach, and describe them in documents."""

from __future__ import annotations

import errno
import os

from pytc.bpf.sys.info import describe_program, object_kind, program_by_id, run_statistics
from pytc.bpf.sys.links import Link, describe_link
from pytc.bpf.sys.pins import open_pin
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.commands.shared.link_owners import owner_of, owners_directory
from pytc.commands.shared.pins import pin_path, remove_pin
from pytc.commands.shared.programs import open_programs, resolve_files
from pytc.contexts import contextmanager
from pytc.errors import AttachError, BpfError, BpfSyscallError, shortlist
from pytc.render.documents import Field
from pytc.tc.kinds.shared.programs import program_group

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.attacher import Attachment
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.opened_programs import OpenedPrograms, ProgramRequest
    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import OpenedProgram

    #: Paths of pins by the ids of links.
    LinkPins = Mapping[int, Sequence[str]]

_MAX_PINS = 10000
_SENTENCES = {
    errno.EEXIST: "this program is attached there already",
    errno.ENOLINK: "the link is no longer attached",
}


@contextmanager
def open_program(context: Context, request: ProgramRequest) -> Iterator[OpenedPrograms]:
    """Open the one program of a command, for as long as the block runs; its maps are the caller's to export.

    When the block raises, the pins that loading made are removed again. Raises BpfError and its kin.
    """
    assert request.source is not None
    with open_programs(context, [request._replace(source=resolve_files(request.source))]) as programs:
        yield programs


@contextmanager
def open_replacement(context: Context, request: ProgramRequest) -> Iterator[OpenedProgram]:
    """Open the program that takes the place of another within the block, and export its maps at the end.

    When the export fails, the program stays, since the other one is gone, and so do its pins. Raises TransferError,
    BpfError and its kin.
    """
    with open_program(context, request) as programs:
        yield programs.single
        failure = programs.export_or_undo(None)
    if failure is not None:
        raise failure


def find_attachment(
    context: Context, reference: Reference, attachments: Sequence[Attachment], where: str
) -> Attachment:
    """Return the attachment that a reference names; raises AttachError that lists them where it is not just one."""
    if reference.kind == "name":
        matching = [attachment for attachment in attachments if _name(attachment) == reference.text]
    elif reference.kind == "id":
        matching = [attachment for attachment in attachments if attachment.program == int(reference.text, 0)]
    elif reference.kind == "link" and reference.text.isdigit():
        matching = [attachment for attachment in attachments if attachment.link == int(reference.text)]
    else:
        program, link = _pinned_ids(context, reference.text)
        if reference.kind == "link" and not link:
            raise AttachError(f'"{reference.text}" is not the pin of a link')
        matching = [
            attachment
            for attachment in attachments
            if (attachment.link == link if link else attachment.program == program)
        ]
    if len(matching) == 1:
        return matching[0]
    if reference.kind in ("link", "pinned") and (dead := dead_link(context, reference.text)):
        raise AttachError(
            f"no program at {where} with {reference.kind} {reference.text}",
            hints=(dead_link_hint(dead, reference.text),),
        )
    which = shortlist([*map(_summary, attachments)], reference.text) or "none"
    raise AttachError(
        f"{len(matching) or 'no'} program{'s' if matching else ''} at {where} with {reference.kind} {reference.text}",
        hints=(f"there: {which}",),
    )


def _pinned_ids(context: Context, path: str) -> tuple[int, int]:
    """Return (id of the program, id of the link) for a pin, one of which is 0; raises AttachError."""
    try:
        with open_pin(pin_path(context, path)) as descriptor:
            if object_kind(descriptor.fd) == "link":
                return 0, describe_link(descriptor.fd).id
            return describe_program(descriptor.fd).id, 0
    except BpfSyscallError as error:
        raise AttachError(
            f'"{path}" is not the pin of a program or a link: {error}', errno=error.errno, hints=error.hints
        ) from error


def _name(attachment: Attachment) -> str:
    program = lookup_program(attachment.program)
    return program.name if program is not None else ""


def _summary(attachment: Attachment) -> str:
    name = _name(attachment)
    link = f" link {attachment.link}" if attachment.link else ""
    return f"id {attachment.program}{f' name {name}' if name else ''}{link}"


def refusal(error: BpfSyscallError, where: str, sentences: dict[int, str], hints: tuple[str, ...] = ()) -> AttachError:
    """Return the error for a refused change: ``sentences`` explain error numbers for this kind of hook.

    ``hints`` are for EPERM that no missing privilege explains.
    """
    number = error.errno or 0
    sentence = {**_SENTENCES, **sentences}.get(number, str(error))
    if number != errno.EPERM:
        return AttachError(f"{where}: {sentence}", errno=number)
    from pytc.bpf.kernel.permissions import permission_causes

    return AttachError(f"{where}: {sentence}", errno=number, hints=permission_causes(error.command) or hints)


def open_link(context: Context, text: str) -> Link:
    """Open the link with an id, or at a pin; raises AttachError."""
    try:
        return Link.from_id(int(text)) if text.isdigit() else Link.from_pin(pin_path(context, text))
    except BpfSyscallError as error:
        problem = "cannot be opened as a link" if error.errno in (errno.EPERM, errno.EACCES) else "is not a link"
        raise AttachError(
            f"{text} {problem}: {os.strerror(error.errno or 0)}", errno=error.errno, hints=error.hints
        ) from error


def dead_link(context: Context, path: str) -> int:
    """Return the id of the link that is pinned at a path and attached to nothing any more, 0 for anything else."""
    try:
        with Link.from_pin(pin_path(context, path)) as link:
            about = link.description
    except BpfSyscallError:
        return 0
    return about.id if about.is_defunct else 0


def dead_link_hint(number: int, path: str) -> str:
    """Return what is to be done with the pin of a link that is attached to nothing."""
    return f'link {number} is attached to nothing any more: "pytc link unpin {path}" removes its pin'


def unpin_link(context: Context, path: str) -> None:
    """Remove the pin of a link; raises PinError."""
    remove_pin(context, "link", path, lambda pin: Link.from_pin(pin).close())


def program_parts(context: Context, number: int) -> list[Part]:
    """Return the fields of a program as filters show theirs, with its run counters."""
    return [program_group(number, lookup_program(number), context.display), *run_parts(context, number)]


def run_parts(context: Context, number: int) -> list[Part]:
    """Return how often a program ran, and for how long in nanoseconds; nothing before the kernel counted a run, unless
    statistics are asked for."""
    try:
        with program_by_id(number) as descriptor:
            statistics = run_statistics(descriptor.fd)
    except BpfError:
        return []
    if not statistics.runs and not context.display.statistics:
        return []
    return [
        Field("run_cnt", statistics.runs, f"run_cnt {statistics.runs} "),
        Field("run_time_ns", statistics.nanoseconds, f"run_time {statistics.nanoseconds}ns "),
    ]


def link_parts(link: int, pins: LinkPins) -> list[Part]:
    """Return a link's id and its pins; nothing for id 0."""
    if not link:
        return []
    return [Field("link", link, f"link {link} "), *pin_parts(pins.get(link, ()))]


def pin_parts(paths: Sequence[str]) -> list[Part]:
    """Return the paths of pins, and whose they are."""
    if not paths:
        return []
    owner = owner_of(paths)
    parts: list[Part] = [Field("pinned", list(paths), "".join(f"pinned {path} " for path in paths))]
    return [*parts, Field("owner", owner, f"owner {owner} ")] if owner else parts


def link_pins(context: Context) -> LinkPins:
    """Return the pins of links in the bpffs; without -details only those of owners, as it means opening every pin."""
    if context.display.details:
        return all_link_pins(context)
    return all_link_pins(context, owners_directory(context), is_quiet=True)  # most users may not read the bpffs


def all_link_pins(context: Context, directory: str = "", *, is_quiet: bool = False) -> LinkPins:
    """Return the pins of links in the bpffs, or in a directory there; notes what may not be opened, unless it
    ``is_quiet``."""
    from pytc.commands.shared.references import read_pins

    pins = read_pins(context, directory, is_quiet=is_quiet)
    return {number: paths for (kind, number), paths in pins.items() if kind == "link"}
