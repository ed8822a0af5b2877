"""``pytc class { add | change | replace }``."""

from __future__ import annotations

from pytc.commands.class_.changes import carry_out, take_change
from pytc.commands.shared.command import Requests
from pytc.tc.classes.requests import ClassChange

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc class { add | change | replace } dev NAME [ root | parent CLASSID ] [ classid CLASSID ]
                  [ estimator INTERVAL TIME-CONST ] KIND [ OPTIONS ]

KIND := { @KINDS@ }
CLASSID := MAJOR:MINOR, in hex

add      refuses to take the place of a class that exists
change   gives an existing class other options
replace  does either
"pytc class add htb help" explains the options of a kind.
"""


class ModifyClass(ClassChange, Requests):
    """A class to be added, changed or replaced."""


def parse(cursor: Cursor) -> ModifyClass:
    """Return the command; raises UsageError, InvalidOptionsError, HelpRequested."""
    return take_change(cursor, ModifyClass)


def run(context: Context, command: ModifyClass) -> list[Document] | None:
    """Add, change or replace a class; with -echo, return what the kernel did. Raises NetlinkError."""
    return carry_out(context, command)
