"""List what the kernel has loaded and attached: hooks in run order, programs, maps, links."""

import errno
import os
import socket
import stat
from collections.abc import Callable, Iterator
from typing import Literal, TypeVar

from pytc.api.attachments import Attachment, CgroupAttachment, DeviceAttachment, XdpAttachment, listed
from pytc.api.calls import log, open_context, public
from pytc.api.traffic import attachments_of
from pytc.bpf.analyse.program_info import ProgramInfo, program_info
from pytc.bpf.loader import program as loader
from pytc.bpf.object.names import kernel_map_names, kernel_name
from pytc.bpf.sys import cgroups
from pytc.bpf.sys.constants import Command, MapType, ProgramType
from pytc.bpf.sys.descriptions import MapDescription
from pytc.bpf.sys.info import describe_map, describe_program, ids, map_by_id, object_kind, program_by_id
from pytc.bpf.sys.links import LinkDescription, describe_link
from pytc.bpf.sys.links import links as all_links
from pytc.bpf.sys.pins import open_pin
from pytc.commands.hooks.show import classful_parents, xdp_link
from pytc.commands.shared.context import Context
from pytc.commands.shared.device_hooks import PARENTS, attached_filters, device_hook
from pytc.errors import (
    ArgumentError,
    AttachError,
    BpfSyscallError,
    DeviceNotFoundError,
    PinError,
    UnsupportedError,
)
from pytc.handles import Handle
from pytc.netlink.xdp import xdp_programs
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.device_hooks import HookName


_NOT_HERE = (errno.ENXIO, errno.EACCES)
_Described = TypeVar("_Described")


class Pin(Value):
    """A name in a bpffs: its ``path``, and the ``kind`` and ``id`` of the object that it keeps."""

    path: str
    kind: Literal["map", "program", "link"]
    id: int

    def unpin(self) -> None:
        """Remove the pin; the object lives on where it is used. Raises PinError."""
        try:
            os.unlink(self.path)
        except OSError as error:
            raise PinError(f'cannot unpin "{self.path}": {error.strerror}', errno=error.errno) from error


@public
def hooks(device: str) -> list[Attachment]:
    """Return what packets meet at a device, in order: XDP, tcx and filters of ingress; then tcx and filters of egress,
    the filters of classful qdiscs, and netkit.

    Filters without an eBPF program are left out; :func:`filters` has them. Raises DeviceNotFoundError, AttachError,
    NetlinkError.

    >>> for attachment in pytc.hooks("em1"):
    ...     print(attachment.kind, attachment.place, attachment.program.name)
    filter em1 ingress pref 49152 handle 0x1 firewall
    """
    with open_context() as context:
        return list(_hooks(context, device))


def _hooks(context: Context, device: str) -> Iterator[Attachment]:
    index = context.device_index(device)
    for attached in xdp_programs(context.session, index):
        yield XdpAttachment(device, attached.mode, attached.program, xdp_link(index, attached.program))
    for name in ("ingress", "egress"):
        yield from _of_hook(context, device, name)
        yield from _of_parent(context, device, PARENTS[name])
    for parent in classful_parents(context, index):
        yield from _of_parent(context, device, parent)
    for behind in ("primary", "peer"):
        yield from _of_hook(context, device, behind)


def _of_hook(context: Context, device: str, name: "HookName") -> Iterator[DeviceAttachment]:
    hook = device_hook(context, device, name)
    try:
        queried = hook.query()
    except AttachError as error:
        if isinstance(error, UnsupportedError) or error.errno in _NOT_HERE:
            return
        raise
    for program, link in queried.programs:
        yield DeviceAttachment(hook, program, link, "found")


def _of_parent(context: Context, device: str, parent: Handle) -> Iterator[Attachment]:
    return attachments_of(attached_filters(context, device, parent), device, parent)


@public
def cgroup_programs(path: str | os.PathLike[str]) -> list[CgroupAttachment]:
    """Return the programs that are attached to a cgroup, those of each attach type in run order.

    ``path`` is its directory. Raises AttachError for what is not a cgroup of version 2.
    """
    return listed(os.fspath(path))


@public
def attachments(program: loader.Program | int | str) -> list[Attachment]:
    """Find where a program is attached: at the devices of this network namespace, and at cgroups.

    ``program`` is a program, an id, or a name, which several programs may have. Raises AttachError, NetlinkError.
    """
    found = []
    for _, device in socket.if_nameindex():
        try:
            found += hooks(device)
        except DeviceNotFoundError:
            continue  # gone meanwhile
    for mount in cgroups.mounts()[:1]:
        for directory in cgroups.cgroup_tree(mount):
            try:
                found += listed(directory)
            except AttachError as error:
                if error.errno not in (errno.ENOENT, errno.ENODEV):
                    raise
    return [attachment for attachment in found if _runs(attachment, program)]


def _runs(attachment: Attachment, program: loader.Program | int | str) -> bool:
    if isinstance(program, str):
        about = attachment.program
        return about is not None and about.name == kernel_name(program)
    return attachment.program_id == (program if isinstance(program, int) else program.description.id)


@public
def programs(*, name: str = "", tag: str = "", type: str = "") -> list[ProgramInfo]:
    """Return the programs of this machine, all or those with a name, tag or type like ``sched_cls``.

    ``Program.from_id(info.id)`` opens one. Raises BpfSyscallError; needs CAP_SYS_ADMIN.

    >>> firewall.program.id in [info.id for info in pytc.programs(name="firewall")]
    True
    """
    number = _number(ProgramType, type, "programs")
    return [
        info
        for info in _all(Command.PROG_GET_NEXT_ID, _program_info)
        if name in ("", info.name) or info.name == kernel_name(name)
        if tag in ("", info.tag) and number in (None, info.type)
    ]


def _program_info(number: int) -> ProgramInfo:
    with program_by_id(number) as descriptor:
        return program_info(descriptor.fd)


@public
def maps(*, name: str = "", type: str = "") -> list[MapDescription]:
    """Return the maps of this machine, all or those with a name or a type like ``lru_hash``.

    ``Map.from_id(info.id)`` opens one. Raises BpfSyscallError; needs CAP_SYS_ADMIN.
    """
    number, names = _number(MapType, type, "maps"), kernel_map_names(name) if name else set()
    return [
        info
        for info in _all(Command.MAP_GET_NEXT_ID, _map_info)
        if (not names or info.name in names) and number in (None, info.type)
    ]


def _map_info(number: int) -> MapDescription:
    with map_by_id(number) as descriptor:
        return describe_map(descriptor.fd)


def _all(command: Command, describe: Callable[[int], _Described]) -> Iterator[_Described]:
    for number in ids(command):
        try:
            yield describe(number)
        except BpfSyscallError as error:
            if error.errno != errno.ENOENT:  # gone meanwhile
                raise


def _number(types: type[MapType] | type[ProgramType], word: str, what: str) -> int | None:
    if not word:
        return None
    try:
        return types[word.upper()].value
    except KeyError:
        raise ArgumentError(f'"{word}" is no type of {what}: {", ".join(one.name.lower() for one in types)}') from None


@public
def links(*, type: str = "") -> list[LinkDescription]:
    """Return the links of this machine, all or those of a type like ``tcx`` or ``cgroup``; raises BpfSyscallError,
    needs CAP_SYS_ADMIN."""
    return [link for link in all_links() if type in ("", link.type)]


@public
def pins(path: str | os.PathLike[str] = "") -> list[Pin]:
    """Return the pins in a directory of a bpffs and below, in the order of their names.

    Without a path, those of the whole bpffs: /sys/fs/bpf, or the first one that is mounted; none where there is none.
    Directories below it that may not be read are left out. Raises PinError where the directory itself cannot be read.

    >>> {pin.kind for pin in pytc.pins()} <= {"map", "program", "link"}
    True
    """
    from pytc.bpf.maps.pinning import find_mount

    root, found = os.fspath(path) or find_mount(), []

    def refuse(error: OSError) -> None:
        if error.filename == root:
            raise PinError(f'cannot read "{root}": {error.strerror}', errno=error.errno) from error
        log.warning("cannot read %s: %s", error.filename, error.strerror)

    for directory, names, files in os.walk(root, onerror=refuse) if root else ():
        names.sort()
        found += [pin for name in sorted(files) if (pin := _pin(os.path.join(directory, name))) is not None]
    return found


def _pin(path: str) -> Pin | None:
    """Return the pin at a path; None for a symbolic link, and for what is no pin or gone."""
    try:
        if not stat.S_ISREG(os.lstat(path).st_mode):
            return None
        with open_pin(path) as descriptor:
            kind = object_kind(descriptor.fd)
            if kind is None:
                return None
            if kind == "map":
                return Pin(path, "map", describe_map(descriptor.fd).id)
            if kind == "prog":
                return Pin(path, "program", describe_program(descriptor.fd).id)
            return Pin(path, "link", describe_link(descriptor.fd).id)
    except (OSError, BpfSyscallError):
        return None
