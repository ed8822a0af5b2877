"""``pytc cgroup tree``: all cgroups with programs, from one of them down."""

from __future__ import annotations

import errno

from pytc.bpf.sys import cgroups
from pytc.commands.cgroup.cgroups import Cgroup, hook_documents, links_by_cgroup
from pytc.commands.cgroup.words import EFFECTIVE, CgroupName, take_cgroup
from pytc.commands.shared.attachments import link_pins
from pytc.commands.shared.command import Query
from pytc.errors import AttachError
from pytc.render.documents import ArrayField, Field
from pytc.words.engine import fill, matches, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc cgroup tree [ CGROUP ] [ effective ]

All cgroups with programs, from CGROUP down {the whole of cgroup2}.
"""

WORDS = (EFFECTIVE,)


class ShowCgroupTree(Query):
    """A request for the programs of a cgroup and of those below it; ``top`` is None for all of cgroup2."""

    top: CgroupName | None = None
    effective: bool = False


def parse(cursor: Cursor) -> ShowCgroupTree:
    """Return the command; raises UsageError, HelpRequested."""
    topic = "cgroup tree"
    top = None if cursor.done or matches(cursor.peek(), EFFECTIVE.name) else take_cgroup(cursor)
    fields = fill(cursor, WORDS, {}, topic=topic)
    refuse_more(cursor, topic)
    return ShowCgroupTree(top, **fields)


def run(context: Context, command: ShowCgroupTree) -> list[Document]:
    """Describe each cgroup that has programs; raises AttachError."""
    top = command.top if command.top is not None else CgroupName(cgroups.root())
    with Cgroup(top) as cgroup:
        cgroup.check()
        directory = cgroup.path
    links, pins = links_by_cgroup(), link_pins(context)
    documents: list[Document] = []
    for path in cgroups.cgroup_tree(directory):
        try:
            with Cgroup(CgroupName(path)) as cgroup:
                programs = hook_documents(
                    context, cgroup.hooks(), links, pins, effective=command.effective, indent="    "
                )
        except AttachError as error:
            if error.errno in (errno.ENOENT, errno.ENODEV):  # removed meanwhile
                continue
            raise
        if programs:
            documents.append([Field("cgroup", path, f"{path}\n"), ArrayField("programs", programs)])
    return documents
