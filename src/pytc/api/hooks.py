"""Attach programs to the ordered lists of bpf(2): tcx and netkit at devices, cgroups."""

from collections.abc import Callable
from typing import TypeVar

from pytc.api.attachments import Attachment, CgroupAttachment, DeviceAttachment, ListedAttachment, describe
from pytc.api.calls import log, open_context
from pytc.bpf.loader.program import Program
from pytc.bpf.sys.cgroups import ATTACH_TYPES
from pytc.bpf.sys.links import Link
from pytc.commands.cgroup.attach import attach_type_of
from pytc.commands.cgroup.cgroups import Cgroup, CgroupHook
from pytc.commands.cgroup.words import CgroupName
from pytc.commands.shared import attacher
from pytc.commands.shared.context import Context
from pytc.commands.shared.device_hooks import TYPES, device_hook
from pytc.commands.shared.kernel_attacher import KernelAttacher, explained, position_of
from pytc.errors import ArgumentError, AttachError
from pytc.tc.kinds.interface import OpenedProgram

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.device_hooks import HookName


#: A program that is attached already: the attachment, the program, or its id or name.
Neighbour = Attachment | Program | int | str
_Listed = TypeVar("_Listed", bound=ListedAttachment)


def attach_to_device(
    device: str,
    hook: "HookName",
    program: Program,
    *,
    first: bool = False,
    before: Neighbour | None = None,
    after: Neighbour | None = None,
    revision: int = 0,
    link: bool | str = False,
) -> DeviceAttachment:
    """Attach a program to a hook of tcx or netkit; see :meth:`pytc.Program.attach_tcx`."""
    about = describe(program)
    if hook not in TYPES:
        raise ArgumentError(f'"{hook}" is no hook: tcx has ingress and egress, netkit has primary and peer')
    with open_context() as context:
        place = device_hook(context, device, hook)
        order, neighbour = _order(first=first, before=before, after=after)
        relative = _choice(place, neighbour) if neighbour is not None else None
        held = _attach(context, place, program, link, order, relative, revision)
        made = DeviceAttachment(place, about.id)
    return _finish(made, held, link)


def attach_to_cgroup(
    path: str,
    program: Program,
    *,
    attach_type: str = "",
    sharing: "attacher.Sharing" = "multi",
    link: bool | str = False,
) -> CgroupAttachment:
    """Attach a program to a cgroup; see :meth:`pytc.Program.attach_cgroup`."""
    about = describe(program)
    if attach_type and attach_type not in ATTACH_TYPES:
        raise ArgumentError(f'"{attach_type}" is no attach type of cgroups: {", ".join(ATTACH_TYPES)}')
    if link and sharing != "multi":
        raise ArgumentError("a link to a cgroup is always shared as multi")
    spec = program.spec
    opened = OpenedProgram(
        program.fd,
        f"{program.name}:[{spec.section}]" if spec is not None else program.name,
        about.type,
        spec.expected_attach_type if spec is not None else None,
    )
    with open_context() as context, Cgroup(CgroupName(path)) as cgroup:
        hook = CgroupHook(cgroup, attach_type_of(attach_type, opened))
        held = _attach(context, hook, program, link, sharing=sharing)
        made = CgroupAttachment(path, hook.type.word, about.id, sharing=sharing)
    return _finish(made, held, link)


def _attach(
    context: Context,
    hook: attacher.Hook,
    program: Program,
    link: bool | str,
    order: "attacher.Order | None" = None,
    relative: attacher.Choice | None = None,
    revision: int = 0,
    sharing: "attacher.Sharing | None" = None,
) -> Link | None:
    """Attach a program; return its link where it is attached by one."""
    if not link:
        KernelAttacher(context).attach(
            hook,
            OpenedProgram(program.fd, program.name),
            sharing=sharing,
            order=order,
            relative=relative,
            revision=revision,
        )
        return None
    with explained(hook, program=program.fd, revision=revision):
        held = Link.create(hook.point, program.fd, position=position_of(order, relative), revision=revision)
    if isinstance(link, str):
        try:
            held.pin(link)
        except BaseException:
            held.close()
            raise
    return held


def _finish(made: _Listed, held: Link | None, link: bool | str) -> _Listed:
    if held is not None:
        made.link, made.link_id = held, held.description.id
        made.pinned = link if isinstance(link, str) else ""
    log.debug("attached program %d at %s", made.program_id, made.place)
    return made


def _order(
    *, first: bool, before: Neighbour | None, after: Neighbour | None
) -> "tuple[attacher.Order, Neighbour | None]":
    given = [one for one in (first or None, before, after) if one is not None]
    if len(given) > 1:
        raise ArgumentError("first, before and after exclude each other")
    if before is not None:
        return "before", before
    return ("after", after) if after is not None else ("first" if first else "last", None)


def _choice(hook: attacher.Hook, neighbour: Neighbour) -> attacher.Choice:
    """Return the attachment of a hook that a user names; raises AttachError."""
    wanted = _matcher(neighbour)
    attachments = [attached for attached in hook.attached() if wanted(attached)]
    if len(attachments) != 1:
        raise AttachError(f"{len(attachments) or 'no'} program at {hook.label} is {neighbour!r}")
    return attacher.Choice(None, tuple(attachments))


def _matcher(neighbour: Neighbour) -> Callable[[attacher.Attachment], bool]:
    if isinstance(neighbour, str):
        return lambda attached: _name(attached.program) == neighbour[:15]
    if isinstance(neighbour, ListedAttachment) and neighbour.link_id:
        link_id = neighbour.link_id
        return lambda attached: attached.link == link_id
    if isinstance(neighbour, Attachment):
        number = neighbour.program_id
    else:
        number = neighbour if isinstance(neighbour, int) else describe(neighbour).id
    return lambda attached: attached.program == number


def _name(number: int) -> str:
    from pytc.bpf.sys.program_lookup import lookup_program

    about = lookup_program(number)
    return about.name if about is not None else ""


def ensure_listed(existing: list[_Listed], program: Program, attach: Callable[[], _Listed]) -> _Listed:
    """Return the attachment of a program of the same name, with this program in its place unless the code is the same;
    without one, attach it."""
    about = describe(program)
    for attachment in existing:
        running = attachment.program
        if running is None or running.name != about.name:
            continue
        if running.tag == about.tag:
            attachment.change = "unchanged"
            log.debug("left as it is: %s", attachment)
        else:
            attachment.replace(program)
        return attachment
    return attach()


def device_attachments(device: str, hook: "HookName") -> list[DeviceAttachment]:
    """Return the programs of a hook of tcx or netkit in run order; raises AttachError, UnsupportedError."""
    with open_context() as context:
        place = device_hook(context, device, hook)
        return [DeviceAttachment(place, program, link, "found") for program, link in place.query().programs]
