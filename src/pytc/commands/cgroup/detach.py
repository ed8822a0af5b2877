"""``pytc cgroup detach``: detaches one program of a cgroup, or all, of one attach type or of all."""

from __future__ import annotations

from pytc.commands.cgroup.cgroups import Cgroup
from pytc.commands.cgroup.words import CGROUP, TYPE_WORDS, take_cgroup
from pytc.commands.shared.attach_words import REFERENCE, take_reference_or_all
from pytc.commands.shared.command import Attaching
from pytc.commands.shared.kernel_attacher import make_attacher
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.cgroup.words import CgroupName
    from pytc.commands.shared.attach_words import Reference
    from pytc.commands.shared.attacher import Target
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor

HELP = f"""\
Usage: pytc cgroup detach CGROUP [ TYPE ] {{ all | REF }}

{CGROUP}{REFERENCE}
Without TYPE, a REF is looked for in all types. A link that is named by its pin loses the pin, too.
"""

WORDS = TYPE_WORDS


class DetachCgroup(Attaching):
    """Programs to detach from a cgroup; ``which`` is None for all, ``attach`` the word of an attach type, empty for all
    types."""

    cgroup: CgroupName
    which: Reference | None
    attach: str = ""


def parse(cursor: Cursor) -> DetachCgroup:
    """Return the command; raises UsageError, HelpRequested."""
    topic = "cgroup detach"
    cgroup = take_cgroup(cursor)
    fields = fill(cursor, WORDS, {}, topic=topic)
    which = take_reference_or_all(cursor)
    fill(cursor, WORDS, fields, topic=topic)
    refuse_more(cursor, topic)
    return DetachCgroup(cgroup, which, **fields)


def run(context: Context, command: DetachCgroup) -> None:
    """Detach the programs; raises AttachError."""
    attacher = make_attacher(context)
    with Cgroup(command.cgroup) as cgroup:
        target: Target = cgroup.hooks(command.attach)[0] if command.attach else cgroup
        attacher.detach(target, attacher.choose(target, command.which))
