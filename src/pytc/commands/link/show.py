"""``pytc link show``: links of all types, what they attach and where."""

from __future__ import annotations

import os

from pytc.bpf.sys.cgroups import attach_type_word
from pytc.bpf.sys.constants import attach_type_name
from pytc.bpf.sys.links import links
from pytc.commands.link.words import LINK, take_link
from pytc.commands.shared.attachments import all_link_pins, open_link, pin_parts, program_parts
from pytc.commands.shared.command import Query
from pytc.errors import AttachError, BpfSyscallError
from pytc.render.documents import DEVICE, Field
from pytc.words.engine import refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.sys.links import LinkDescription
    from pytc.commands.shared.attachments import LinkPins
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document, Part
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc link show [ LINK ]

{LINK}
Shows links of all types, what they attach and where, and where they are pinned.
"""


class ShowLinks(Query):
    """A request for one link, as :func:`~pytc.commands.link.words.take_link` returns it, or for all where it is
    empty."""

    link: str = ""


def parse(cursor: Cursor) -> ShowLinks:
    """Return the command; raises UsageError."""
    if cursor.done:
        return ShowLinks()
    command = ShowLinks(take_link(cursor))
    refuse_more(cursor, "link")
    return command


def run(context: Context, command: ShowLinks) -> list[Document]:
    """Return a document for each link; raises AttachError. ArrayField all needs CAP_SYS_ADMIN."""
    if command.link:
        with open_link(context, command.link) as link:
            descriptions = [link.description]
    else:
        try:
            descriptions = list(links())
        except BpfSyscallError as error:
            raise AttachError(f"links: {error}", errno=error.errno) from error
    pins, cgroups = all_link_pins(context), _Cgroups()
    return [_document(context, description, pins, cgroups) for description in descriptions]


class _Cgroups:
    """Paths of cgroups by their ids, found when the first is wanted."""

    def __init__(self) -> None:
        self._paths: dict[int, str] | None = None

    def path(self, number: int) -> str:
        """Return the path of a cgroup, empty where it is not below the first mount of cgroup2."""
        from pytc.bpf.sys.cgroups import cgroup_tree, mounts

        if self._paths is None:
            self._paths = {}
            for mount in mounts()[:1]:
                for path in cgroup_tree(mount):
                    self._paths[_inode(path)] = path
        return self._paths.get(number, "")


def _inode(path: str) -> int:
    try:
        return os.stat(path).st_ino
    except OSError:  # deleted meanwhile
        return 0


def _document(context: Context, link: LinkDescription, pins: LinkPins, cgroups: _Cgroups) -> Document:
    parts: list[Part] = [Field("id", link.id, f"link {link.id} "), Field("type", link.type, f"{link.type} ")]
    parts += _target(link, cgroups)
    if link.is_defunct:
        parts.append(Field("defunct", True, "defunct "))
    parts += pin_parts(pins.get(link.id, ()))
    if link.program:
        parts += program_parts(context, link.program)
    return [*parts, Field("", text="\n")]


def _target(link: LinkDescription, cgroups: _Cgroups) -> list[Part]:
    parts: list[Part] = []
    if link.ifindex:
        from pytc.netlink.session import interface_name

        name = interface_name(link.ifindex)
        parts += [Field("ifindex", link.ifindex, "dev "), Field("dev", name, f"{name} ", color=DEVICE)]
    if link.cgroup:
        path = cgroups.path(link.cgroup)
        parts += [
            Field("cgroup_id", link.cgroup, "" if path else f"cgroup_id {link.cgroup} "),
            Field("cgroup", path or None, f"cgroup {path} " if path else ""),
        ]
    if link.netns:
        parts.append(Field("netns_ino", link.netns, f"netns_ino {link.netns} "))
    if link.attach_type is not None:
        word = attach_type_word(link.attach_type) if link.type == "cgroup" else _hook(link.attach_type)
        parts.append(Field("attach_type", attach_type_name(link.attach_type), f"{word} "))
    return parts


def _hook(attach_type: int) -> str:
    """Return the name of an attach type; ``ingress`` for ``tcx_ingress``, as the type of the link says tcx already."""
    name = attach_type_name(attach_type)
    return name.partition("_")[2] if name.startswith(("tcx_", "netkit_")) else name
