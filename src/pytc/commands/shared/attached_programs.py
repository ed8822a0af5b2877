"""Programs that are attached with bpf(2): which one is meant, what is said of them, and how new ones are opened."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytc.bpf.maps.map import open_pin
from pytc.bpf.sys.attach_points import Attached
from pytc.bpf.sys.info import object_kind, program_by_id, run_statistics
from pytc.bpf.sys.program_lookup import lookup_program
from pytc.commands.shared.attach_values import Reference
from pytc.commands.shared.context import Context
from pytc.commands.shared.opened_programs import OpenedPrograms, Wanted
from pytc.commands.shared.pins import pin_path
from pytc.commands.shared.programs import opened, resolved
from pytc.errors import AttachError, BpfError, BpfSyscallError
from pytc.render.documents import Field, Part
from pytc.tc.kinds.interface import OpenedProgram
from pytc.tc.kinds.shared.programs import program_group

if TYPE_CHECKING:
    from pytc.bpf.sys.links import Link

_ENTRIES = 10000


@contextmanager
def open_wanted(context: Context, wanted: Wanted) -> Iterator[tuple[OpenedProgram, OpenedPrograms]]:
    """The program of a command, and the list that exports its maps."""
    assert wanted.source is not None
    wanted = wanted._replace(source=resolved(wanted.source))
    with opened(context, [wanted]) as programs:
        program = programs[0]
        assert program is not None
        yield program, programs


def find(context: Context, reference: Reference, there: Sequence[Attached], where: str) -> Attached:
    """The one among those that are there that is meant; raises AttachError that says which there are."""
    if reference.kind == "name":
        found = [one for one in there if _name(one) == reference.text]
    elif reference.kind == "id":
        found = [one for one in there if one.program == int(reference.text, 0)]
    elif reference.kind == "link" and reference.text.isdigit():
        found = [one for one in there if one.link == int(reference.text)]
    else:
        program, link = pinned_ids(context, reference.text)
        if reference.kind == "link" and not link:
            raise AttachError(f'"{reference.text}" is not the pin of a link')
        found = [one for one in there if (one.link == link if link else one.program == program)]
    if len(found) == 1:
        return found[0]
    what = f"{reference.kind} {reference.text}"
    which = ", ".join(_told(one) for one in there) or "none"
    raise AttachError(
        f"{len(found) or 'no'} program{'s' if found else ''} at {where} with {what}", hints=(f"there: {which}",)
    )


def pinned_ids(context: Context, path: str) -> tuple[int, int]:
    """(id of the program, id of the link) that is pinned at a path, one of which is 0; raises AttachError."""
    from pytc.bpf.sys.info import describe_program
    from pytc.bpf.sys.links import describe_link

    try:
        with open_pin(pin_path(context, path)) as descriptor:
            if object_kind(descriptor.fd) == "link":
                return 0, describe_link(descriptor.fd).id
            return describe_program(descriptor.fd).id, 0
    except BpfSyscallError as error:
        raise AttachError(f'"{path}" is not the pin of a program or a link: {error}', errno=error.errno) from error


def open_link(context: Context, text: str) -> "Link":
    """The link with an id, or at a pin; raises AttachError."""
    from pytc.bpf.sys.links import Link

    try:
        return Link.from_id(int(text)) if text.isdigit() else Link.from_pin(pin_path(context, text))
    except BpfSyscallError as error:
        said = "is no link that can be had" if error.errno in (errno.EPERM, errno.EACCES) else "is no link"
        raise AttachError(f"{text} {said}: {os.strerror(error.errno or 0)}", errno=error.errno) from error


def _name(one: Attached) -> str:
    program = lookup_program(one.program)
    return program.name if program is not None else ""


def _told(one: Attached) -> str:
    name = _name(one)
    return f"id {one.program}{f' name {name}' if name else ''}{f' link {one.link}' if one.link else ''}"


def program_parts(context: Context, number: int) -> list[Part]:
    """A program as filters show theirs, and how often it ran where that is counted."""
    return [program_group(number, lookup_program(number), context.shown), *run_parts(context, number)]


def run_parts(context: Context, number: int) -> list[Part]:
    """How often a program ran, where that is or was counted, and for how long, in nanoseconds."""
    try:
        with program_by_id(number) as descriptor:
            ran = run_statistics(descriptor.fd)
    except BpfError:
        return []
    if not ran.runs and not context.shown.statistics:
        return []
    return [
        Field("run_cnt", ran.runs, f"run_cnt {ran.runs} "),
        Field("run_time_ns", ran.nanoseconds, f"run_time {ran.nanoseconds}ns "),
    ]


def link_parts(link: int, pins: dict[int, list[str]]) -> list[Part]:
    """Its id and where it is pinned."""
    if not link:
        return []
    return [Field("link", link, f"link {link} "), *pin_parts(pins.get(link, []))]


def pin_parts(pins: list[str]) -> list[Part]:
    return [Field("pinned", list(pins), "".join(f"pinned {path} " for path in pins))] if pins else []


def link_pins(context: Context) -> dict[int, list[str]]:
    """The paths at which links are pinned in the bpffs, by their ids; looked for with -details only."""
    if not context.shown.details:
        return {}
    from pytc.bpf.maps.pinning import find_mount

    found: dict[int, list[str]] = {}
    count = 0
    for directory, _, names in os.walk(find_mount(context.bpf_mount) or os.devnull):
        for name in sorted(names):
            count += 1
            if count > _ENTRIES:
                return found
            path = os.path.join(directory, name)
            if link := _link_at(path):
                found.setdefault(link, []).append(path)
    return found


def _link_at(path: str) -> int:
    from pytc.bpf.sys.links import describe_link

    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):  # of a symbolic link, the pin itself is found elsewhere
            return 0
        with open_pin(path) as descriptor:
            return describe_link(descriptor.fd).id if object_kind(descriptor.fd) == "link" else 0
    except (OSError, BpfSyscallError):
        return 0
