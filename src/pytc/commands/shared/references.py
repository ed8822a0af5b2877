"""What keeps maps and programs: pins in the bpffs, programs, and the places where these are attached."""

from __future__ import annotations

import os
import stat
from itertools import islice

from pytc.bpf.sys.attach_points import (
    NETKIT_PEER,
    NETKIT_PRIMARY,
    TCX_EGRESS,
    TCX_INGRESS,
    AttachPoint,
    query,
)
from pytc.bpf.sys.info import describe_map, describe_program, object_kind
from pytc.bpf.sys.links import describe_link, links
from pytc.bpf.sys.pins import open_pin
from pytc.commands.shared.pins import PinFiles
from pytc.errors import BpfSyscallError, PytcError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Literal

    from pytc.bpf.sys.attach_points import Attachment
    from pytc.bpf.sys.links import LinkDescription
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Json

#: A bpffs may hold any number of pins.
_MAX_PINS = 10000

if TYPE_CHECKING:
    Kind = Literal["map", "prog", "link"]


class _Described(Protocol):
    @property
    def id(self) -> int: ...


_DESCRIBE: Mapping[str, Callable[[int], _Described]] = {
    "map": describe_map,
    "prog": describe_program,
    "link": describe_link,
}
if TYPE_CHECKING:
    #: Paths of pins, by the kind and id of what is pinned there.
    Pins = Mapping[tuple[Kind, int], Sequence[str]]


def read_pins(context: Context, directory: str = "", *, is_quiet: bool = False) -> Pins:
    """Return the pins in the bpffs, or in a directory there; no bpffs is mounted for it.

    Those that may not be opened are left out, and noted unless it ``is_quiet``.
    """
    from pytc.bpf.maps.pinning import find_mount

    pins: dict[tuple[Kind, int], list[str]] = {}
    root = directory or find_mount(context.bpf_mount)
    if not root:
        return pins
    files = PinFiles(root)
    for path in islice(files, _MAX_PINS):
        try:
            pinned = _pinned_at(path)
        except (OSError, BpfSyscallError) as error:
            files.leave_out(path, error)
            continue
        if pinned is not None:
            pins.setdefault(pinned, []).append(path)
    if not is_quiet:
        files.note(context)
    return pins


def _pinned_at(path: str) -> tuple[Kind, int] | None:
    """Return the kind and id of what is pinned; None for other files. Raises OSError, BpfSyscallError."""
    if not stat.S_ISREG(os.lstat(path).st_mode):  # a symbolic link's target is visited at its own path
        return None
    with open_pin(path) as descriptor:
        kind = object_kind(descriptor.fd)
        return (kind, _DESCRIBE[kind](descriptor.fd).id) if kind is not None else None


def pin_fields(pins: Pins, kind: Kind, number: int) -> list[Field]:
    """Return the pins of an object, a line for each."""
    paths = list(pins.get((kind, number), ()))
    values: list[Json] = [*paths]
    return [Field("pinned", values, "".join(f"\n  pinned {printable(path)}" for path in paths))]


def read_places(context: Context) -> dict[int, list[str]]:
    """Return where programs are attached, by their ids: filters, tcx, netkit and XDP of all devices, and other links.

    What cannot be asked is left out: a namespace may have no devices, a kernel no links.
    """
    from pytc.cpython import if_nameindex

    places: dict[int, list[str]] = {}
    links_of_hooks = set[int]()
    for index, device in if_nameindex():
        for number, text in filters_of(context, index, device):
            _add(places, number, text)
        for attachment, text in _of_hooks(index, device):
            links_of_hooks.add(attachment.link)
            _add(places, attachment.program, text)
        for number in _of_xdp(context, index):
            _add(places, number, f"xdp {device}")
    for link in _links():
        if link.id not in links_of_hooks:
            _add(places, link.program, f"{link.type} link {link.id}")
    return places


def _add(places: dict[int, list[str]], program: int, text: str) -> None:
    if program and text not in places.setdefault(program, []):
        places[program].append(text)


def _of_hooks(index: int, device: str) -> Iterable[tuple[Attachment, str]]:
    """Yield the programs at the hooks of tcx and netkit of a device, each with its place in words."""
    for type in (TCX_INGRESS, TCX_EGRESS, NETKIT_PRIMARY, NETKIT_PEER):
        point = AttachPoint(index, type)
        try:
            attachments = query(point, links=True).programs
        except BpfSyscallError:  # the kernel or the device has no such hook
            continue
        kind, _, hook = point.name.partition("_")
        for attachment in attachments:
            link = f" link {attachment.link}" if attachment.link else ""
            yield attachment, f"{kind} {device} {hook}{link}"


def _of_xdp(context: Context, index: int) -> list[int]:
    """Return the ids of the XDP programs of a device."""
    from pytc.netlink.xdp import xdp_programs

    try:
        return [attached.program for attached in xdp_programs(context.session, index)]
    except PytcError:  # the device is gone
        return []


def filters_of(context: Context, index: int, device: str) -> Iterable[tuple[int, str]]:
    """Yield the programs of the bpf filters of a device, each with its place in words."""
    from pytc.handles import EGRESS, INGRESS, UNSPEC
    from pytc.tc.filters.records import filter_records
    from pytc.tc.filters.selector import FilterSelector
    from pytc.tc.kinds.filters.bpf import BpfRecord

    for parent, hook in ((INGRESS, "ingress"), (EGRESS, "egress"), (UNSPEC, "root")):
        try:
            records = [*filter_records(context.session, FilterSelector(device, parent), index)]
        except PytcError:
            continue
        for record in records:
            if record.handle and isinstance(record.options, BpfRecord):
                yield record.options.program_id or 0, f"filter {device} {hook} pref {record.pref}"


def _links() -> Iterable[LinkDescription]:
    """Yield all links; one may be of another namespace, where its device's number means another device."""
    try:
        yield from links()
    except BpfSyscallError:  # without CAP_SYS_ADMIN, links cannot be listed
        return


class Users:
    """The programs that use maps, and where they are attached; each is asked of the kernel when it is first wanted."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._by_map: dict[int, list[tuple[int, str]]] | None = None
        self._places: dict[int, list[str]] | None = None

    def fields(self, number: int) -> list[Field]:
        """Return the programs that use the map with an id, a line for each."""
        rows: list[Json] = []
        text = ""
        for program, name in self._programs().get(number, ()):
            places = self.places(program)
            attached: list[Json] = [*places]
            rows.append({"id": program, "name": name, "attached": attached})
            where = f" ({', '.join(map(printable, places))})" if places else ""
            text += f"\n  used by prog {program}{f' {printable(name)}' if name else ''}{where}"
        return [Field("used_by", rows, text)]

    def places(self, program: int) -> list[str]:
        """Return where the program with an id is attached."""
        if self._places is None:
            self._places = read_places(self._context)
        return self._places.get(program, [])

    def _programs(self) -> dict[int, list[tuple[int, str]]]:
        if self._by_map is None:
            from pytc.bpf.sys.info import program_map_ids
            from pytc.commands.shared.named_programs import all_programs

            self._by_map = {}
            try:
                for program in all_programs():
                    about = program.description
                    for map in program_map_ids(program.fd):
                        self._by_map.setdefault(map, []).append((about.id, about.name))
            except BpfSyscallError:
                pass  # without CAP_SYS_ADMIN, programs cannot be listed
        return self._by_map
