"""``pytc qdisc { add | change | replace | link }``."""

from __future__ import annotations

from pytc.commands.qdisc.changes import carry_out
from pytc.commands.qdisc.words import take_change
from pytc.commands.shared.command import Requests
from pytc.tc.qdiscs.requests import QdiscChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc qdisc { add | change | replace | link } dev NAME [ EXTRAS ] { clsact | ingress }
       pytc qdisc { add | change | replace | link } dev NAME { root | parent CLASSID } [ handle HANDLE ]
                  [ EXTRAS ] [ KIND [ OPTIONS ] ]

KIND := { @KINDS@ },
        and others of the kernel without options
EXTRAS := [ estimator INTERVAL TIME-CONST ] [ stab OPTIONS ]
          [ ingress_block INDEX ] [ egress_block INDEX ], to share filters between devices
HANDLE := MAJOR:, CLASSID := MAJOR:MINOR, in hex

add      refuses to take the place of a qdisc that exists
change   gives an existing qdisc other options
replace  adds a qdisc, or puts it into the place of another
link     replaces a qdisc, which has to exist
"pytc qdisc add htb help" explains the options of a kind.
"""


class ModifyQdisc(QdiscChange, Requests):
    """A qdisc to be added, changed, replaced or linked."""


def parse(cursor: Cursor) -> ModifyQdisc:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, ModifyQdisc)


def run(context: Context, command: ModifyQdisc) -> list[Document] | None:
    """Add, change, replace or link a qdisc; with -echo, return what the kernel did. Raises NetlinkError."""
    return carry_out(context, command)
