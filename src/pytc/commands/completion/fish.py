"""``pytc completion fish``: the script for fish."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.render.documents import Field
from pytc.words.engine import refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc completion fish

Prints the script; this loads it: pytc completion fish | source
"""

SCRIPT = """\
# fish completion for pytc: pytc completion fish | source
function __pytc_offers
    set -l given (commandline -opc)
    set -e given[1]
    set -l begun (commandline -ct)
    set -l answer (_PYTC_COMPLETE=fish command pytc $given "$begun" </dev/null 2>/dev/null | string split0)
    switch "$answer[1]"
        case '*files*'
            __fish_complete_path "$begun" | string join0
        case '*directories*'
            __fish_complete_directories "$begun" '' | string join0
    end
    set -e answer[1]
    if set -q answer[1]
        printf '%s\\0' $answer
    end
end
complete -c pytc -f -a '(__pytc_offers | string split0)'
"""


class PrintFishScript(Query):
    """A request for the completion script of fish."""


def parse(cursor: Cursor) -> PrintFishScript:
    """Return the command; raises UsageError."""
    refuse_more(cursor, "completion")
    return PrintFishScript()


def run(context: Context, command: PrintFishScript) -> list[Document]:
    """Return the script."""
    return [[Field("script", SCRIPT, SCRIPT)]]
