"""``pytc cgroup show``: the programs of one cgroup, by attach type."""

from __future__ import annotations

from pytc.commands.cgroup.cgroups import Cgroup, hook_documents, links_by_cgroup
from pytc.commands.cgroup.words import CGROUP, EFFECTIVE, TYPE_WORDS, take_cgroup
from pytc.commands.shared.attachments import link_pins
from pytc.commands.shared.command import Query
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.cgroup.words import CgroupName
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc cgroup show CGROUP [ TYPE ] [ effective ]

{CGROUP}
effective  what runs for the sockets of this cgroup, with what the cgroups above have attached
"""

WORDS = (*TYPE_WORDS, EFFECTIVE)


class ShowCgroup(Query):
    """A request for the programs of a cgroup.

    ``attach`` is the word of an attach type, empty for all; ``effective`` adds the programs that run here because the
    cgroups above have attached them.
    """

    cgroup: CgroupName
    attach: str = ""
    effective: bool = False


def parse(cursor: Cursor) -> ShowCgroup:
    """Return the command; raises UsageError, HelpRequested."""
    topic = "cgroup show"
    cgroup = take_cgroup(cursor)
    fields = fill(cursor, WORDS, {}, topic=topic)
    refuse_more(cursor, topic)
    return ShowCgroup(cgroup, **fields)


def run(context: Context, command: ShowCgroup) -> list[Document]:
    """Describe the programs; raises AttachError."""
    with Cgroup(command.cgroup) as cgroup:
        hooks = cgroup.hooks(command.attach)
        cgroup.check()
        return hook_documents(context, hooks, links_by_cgroup(), link_pins(context), effective=command.effective)
