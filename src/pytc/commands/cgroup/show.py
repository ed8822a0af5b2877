"""``cgroup show`` and ``cgroup tree``."""

import errno

from pytc.bpf.sys import cgroups
from pytc.bpf.sys.attach_points import Attachments
from pytc.bpf.sys.cgroups import ATTACH_TYPES, CgroupAttachType
from pytc.bpf.sys.constants import F_ALLOW_MULTI, F_ALLOW_OVERRIDE, F_QUERY_EFFECTIVE, attach_type_name
from pytc.commands.cgroup.attach import all_links, explained, path_of
from pytc.commands.shared.attach_values import ShowCgroup, ShowCgroupTree
from pytc.commands.shared.attached_programs import link_parts, link_pins, program_parts
from pytc.commands.shared.context import Context
from pytc.errors import AttachError
from pytc.render.documents import Document, Field, Listing, Part

_MODES = {F_ALLOW_MULTI: "multi", F_ALLOW_OVERRIDE: "override", 0: "exclusive"}


def show_cgroup(context: Context, command: ShowCgroup) -> list[Document]:
    """The programs of one cgroup, by their types; raises AttachError."""
    types = [ATTACH_TYPES[command.attach]] if command.attach else list(ATTACH_TYPES.values())
    return _documents(
        context, path_of(command.place), types, all_links(), link_pins(context), effective=command.effective
    )


def show_cgroup_tree(context: Context, command: ShowCgroupTree) -> list[Document]:
    """The cgroups that have programs, each with those; raises AttachError."""
    place = command.place
    top = path_of(place) if place.path or place.pid else cgroups.root()
    cgroups.open_cgroup(top).close()
    known, pins, documents = all_links(), link_pins(context), list[Document]()
    for path in cgroups.below(top):
        try:
            programs = _documents(
                context, path, list(ATTACH_TYPES.values()), known, pins, effective=command.effective, indent="    "
            )
        except AttachError as error:
            if error.errno in (errno.ENOENT, errno.ENODEV):  # gone meanwhile
                continue
            raise
        if programs:
            documents.append([Field("cgroup", path, f"{path}\n"), Listing("programs", programs)])
    return documents


def _documents(
    context: Context,
    path: str,
    types: list[CgroupAttachType],
    known: cgroups.Links,
    pins: dict[int, list[str]],
    *,
    effective: bool,
    indent: str = "",
) -> list[Document]:
    documents: list[Document] = []
    with cgroups.open_cgroup(path) as cgroup:
        for type in types:
            with explained(path, type):
                there = cgroups.attached(cgroup.fd, type, known, flags=F_QUERY_EFFECTIVE if effective else 0)
            documents += _of_type(context, type, there, pins, effective=effective, indent=indent)
    return documents


def _of_type(
    context: Context,
    type: CgroupAttachType,
    there: Attachments,
    pins: dict[int, list[str]],
    *,
    effective: bool,
    indent: str,
) -> list[Document]:
    mode = _MODES.get(there.flags & (F_ALLOW_MULTI | F_ALLOW_OVERRIDE), "")
    flags: list[Part] = [] if effective or not mode else [Field("attach_flags", mode, f"{mode} ")]
    return [
        [
            Field("", text=f"{indent}{type.word} "),
            Field("attach_type", attach_type_name(type.number)),
            *flags,
            *link_parts(one.link, pins),
            *program_parts(context, one.program),
            Field("", text="\n"),
        ]
        for one in there.programs
    ]
