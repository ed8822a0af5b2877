"""``pytc completion bash``: the script for bash."""

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
Usage: pytc completion bash

Prints the script; this loads it: source <(pytc completion bash)
"""

SCRIPT = """\
# bash completion for pytc: source <(pytc completion bash)
_pytc() {
    local -a answer=()
    mapfile -d '' -t answer < <(
        _PYTC_COMPLETE=bash command pytc "${COMP_LINE:0:COMP_POINT}" "$2" </dev/null 2>/dev/null
    )
    case ${answer[0]-} in
        *files*) compopt -o default ;;
        *directories*) compopt -o dirnames ;;
    esac
    case ${answer[0]-} in
        *nospace*) compopt -o nospace ;;
    esac
    COMPREPLY=("${answer[@]:1}")
}
complete -F _pytc pytc
"""


class PrintBashScript(Query):
    """A request for the completion script of bash."""


def parse(cursor: Cursor) -> PrintBashScript:
    """Return the command; raises UsageError."""
    refuse_more(cursor, "completion")
    return PrintBashScript()


def run(context: Context, command: PrintBashScript) -> list[Document]:
    """Return the script."""
    return [[Field("script", SCRIPT, SCRIPT)]]
