"""``pytc completion zsh``: the script for zsh."""

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
Usage: pytc completion zsh

Prints the script; this loads it: source <(pytc completion zsh), after compinit
"""

SCRIPT = """\
#compdef pytc
# zsh completion for pytc: source <(pytc completion zsh), after compinit
_pytc() {
    local -a answer
    answer=("${(@0)$(
        _PYTC_COMPLETE=zsh command pytc "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}" </dev/null 2>/dev/null
    )}")
    local more=$answer[1]
    local -a offered=("${(@)answer[2,-2]}") behind=()
    [[ $more == *nospace* ]] && behind=(-S '')
    (( $#offered )) && compadd $behind -- "${(@)offered}"
    case $more in
        *files*) _files ;;
        *directories*) _files -/ ;;
    esac
}
if [[ $funcstack[1] == _pytc ]]; then
    _pytc "$@"
else
    compdef _pytc pytc
fi
"""


class PrintZshScript(Query):
    """A request for the completion script of zsh."""


def parse(cursor: Cursor) -> PrintZshScript:
    """Return the command; raises UsageError."""
    refuse_more(cursor, "completion")
    return PrintZshScript()


def run(context: Context, command: PrintZshScript) -> list[Document]:
    """Return the script."""
    return [[Field("script", SCRIPT, SCRIPT)]]
