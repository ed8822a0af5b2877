"""``link``: show, detach, pin, unpin, update."""

import errno
import os

from pytc.bpf.sys.cgroups import word_of
from pytc.bpf.sys.constants import ProgramType, attach_type_name
from pytc.bpf.sys.info import describe_program, program_by_id
from pytc.bpf.sys.links import LinkDescription, links
from pytc.commands.shared.attach_values import DetachLink, PinLink, ShowLinks, UnpinLink, UpdateLink
from pytc.commands.shared.attached_programs import link_pins, open_link, open_wanted, pin_parts, program_parts
from pytc.commands.shared.attaching import unpin
from pytc.commands.shared.context import Context
from pytc.commands.shared.pins import make_pin
from pytc.commands.shared.programs import Wanted
from pytc.errors import AttachError, BpfError, BpfSyscallError
from pytc.render.documents import Document, Field, Part

_SECTIONS = ("classifier", "tc")


def show_links(context: Context, command: ShowLinks) -> list[Document]:
    """One link, or all that there are (needs CAP_SYS_ADMIN); raises AttachError."""
    if command.link:
        with open_link(context, command.link) as link:
            found = [link.description]
    else:
        try:
            found = list(links())
        except BpfSyscallError as error:
            raise AttachError(f"links: {error}", errno=error.errno) from error
    pins, cgroups = link_pins(context), _Cgroups()
    return [_document(context, one, pins, cgroups) for one in found]


class _Cgroups:
    """The paths of cgroups by their ids, looked for when the first is wanted."""

    def __init__(self) -> None:
        self._paths: dict[int, str] | None = None

    def path(self, number: int) -> str:
        from pytc.bpf.sys.cgroups import below, mounts

        if self._paths is None:
            self._paths = {}
            for mount in mounts()[:1]:
                for path in below(mount):
                    self._paths[_inode(path)] = path
        return self._paths.get(number, "")


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:  # gone meanwhile
        return 0


def _document(context: Context, link: LinkDescription, pins: dict[int, list[str]], cgroups: _Cgroups) -> Document:
    parts: list[Part] = [Field("id", link.id, f"link {link.id} "), Field("type", link.type, f"{link.type} ")]
    parts += _place(link, cgroups)
    if link.is_defunct:
        parts.append(Field("defunct", True, "defunct "))
    parts += pin_parts(pins.get(link.id, []))
    if link.program:
        parts += program_parts(context, link.program)
    return [*parts, Field("", text="\n")]


def _place(link: LinkDescription, cgroups: _Cgroups) -> list[Part]:
    parts: list[Part] = []
    if link.ifindex:
        from pytc.netlink.session import interface_name

        name = interface_name(link.ifindex)
        parts += [Field("ifindex", link.ifindex), Field("dev", name, f"dev {name} ")]
    if link.cgroup:
        path = cgroups.path(link.cgroup)
        parts += [
            Field("cgroup_id", link.cgroup, "" if path else f"cgroup_id {link.cgroup} "),
            Field("cgroup", path or None, f"cgroup {path} " if path else ""),
        ]
    if link.netns:
        parts.append(Field("netns_ino", link.netns, f"netns_ino {link.netns} "))
    if link.attach_type is not None:
        word = word_of(link.attach_type) if link.type == "cgroup" else _hook(link.attach_type)
        parts.append(Field("attach_type", attach_type_name(link.attach_type), f"{word} "))
    return parts


def _hook(attach_type: int) -> str:
    """``ingress`` of ``tcx_ingress``, which the type of the link has begun already."""
    name = attach_type_name(attach_type)
    return name.partition("_")[2] if name.startswith(("tcx_", "netkit_")) else name


def detach_link(context: Context, command: DetachLink) -> None:
    """Ends the attachment; the link stays while it is pinned. Raises AttachError."""
    with open_link(context, command.link) as link:
        try:
            link.detach()
        except BpfSyscallError as error:
            what = (
                f"link {command.link} is of type {link.description.type}, which ends with its last pin only"
                if error.errno == errno.EOPNOTSUPP
                else str(error)
            )
            raise AttachError(what, errno=error.errno) from error


def pin_link(context: Context, command: PinLink) -> None:
    """Raises AttachError, PinError."""
    with open_link(context, command.link) as link:
        make_pin(context, f"link {link.description.id}", command.path, link.pin)


def unpin_link(context: Context, command: UnpinLink) -> None:
    """Removes a pin, which must be that of a link; raises PinError."""
    unpin(context, command.path)


def update_link(context: Context, command: UpdateLink) -> None:
    """Puts another program in place of the link's, of the same type; raises AttachError, BpfError and its kin."""
    with open_link(context, command.link) as link:
        about = link.description
        type = _program_type(about.program)
        attach_type = about.attach_type if type != ProgramType.SCHED_CLS else None
        with open_wanted(context, Wanted(command.source, type, _default_sections(about), attach_type)) as found:
            program, programs = found
            try:
                link.update(program.fd)
            except BpfSyscallError as error:
                raise AttachError(_refusal(error, about), errno=error.errno) from error
            failure = programs.export_or(None)
    if failure is not None:
        raise failure


def _program_type(number: int) -> ProgramType:
    try:
        with program_by_id(number) as descriptor:
            return ProgramType(describe_program(descriptor.fd).type)
    except (BpfError, ValueError) as error:
        raise AttachError(f"the link's program cannot be looked at: {error}") from error


def _default_sections(about: LinkDescription) -> tuple[str, ...]:
    from pytc.bpf.sys.cgroups import ATTACH_TYPES

    if about.type == "cgroup":
        return next((one.sections for one in ATTACH_TYPES.values() if one.number == about.attach_type), ())
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
