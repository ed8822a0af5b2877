"""``pytc completion``: the scripts with which shells complete pytc's words.

Each asks ``pytc`` itself, with the name of the shell in the environment variable _PYTC_COMPLETE, and never evaluates
the answer: names of devices, sections and files may be anything. The answer is a list of strings that NUL bytes end:
first the sorts of other words that fit ("files", "directories", "nospace"), then the words, quoted for the shell.
"""

from __future__ import annotations

from pytc.commands.shared.command import Help
from pytc.commands.shared.verbs import CommandObject, parse_verb
from pytc.errors import UsageError
from pytc.words.engine import choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: The shells, each of which has a module with its script.
SHELLS = ("bash", "zsh", "fish")
#: Words and the modules of their verbs.
VERBS = {**{shell: shell for shell in SHELLS}, "install": "install"}

HELP = """\
Usage: pytc completion install [ bash | zsh | fish ]
       pytc completion { bash | zsh | fish }

Lets the shell complete words of pytc: commands and options, devices, network namespaces, maps, programs, pins, files,
and the sections, programs, maps and variables of the object file that is named in the line.

install  writes the shell's script to where the shell looks for it, for this user, or for all if root does it
bash     prints the script; for the running shell: source <(pytc completion bash)
zsh      the same: source <(pytc completion zsh)
fish     the same: pytc completion fish | source
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``completion`` ask for; raises UsageError, HelpRequested."""
    if cursor.done:
        return Help("completion")
    if not choose(cursor.peek(), (*VERBS, "help")):
        raise UsageError(f'Shell "{cursor.peek()}" is unknown, {", ".join(SHELLS)} are known.')
    return parse_verb(__name__, VERBS, cursor)


OBJECT = CommandObject("completion", VERBS, HELP, parse)
