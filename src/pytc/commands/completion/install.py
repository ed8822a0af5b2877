"""``pytc completion install``: the script of a shell, where the shell looks for it."""

from __future__ import annotations

import os

from pytc.commands.completion import SHELLS
from pytc.commands.shared.command import Command
from pytc.errors import OutputError, UsageError
from pytc.render.documents import Field
from pytc.typing import cast
from pytc.words.engine import refuse_more
from pytc.words.suggestions import suggestion

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc completion install [ bash | zsh | fish ]

Writes the shell's script to where the shell looks for it, and says where that is. Without a shell, that of $SHELL.
New shells use it. For root it is the directory of all users, else one below $HOME.

bash  needs the package bash-completion; without it, source the file from ~/.bashrc
zsh   needs the directory in $fpath, before compinit
fish  needs nothing else
"""

if TYPE_CHECKING:
    Shell = Literal["bash", "zsh", "fish"]


class InstallCompletion(Command):
    """A request to write the script of a shell; empty for that of $SHELL."""

    shell: Shell | Literal[""] = ""


def parse(cursor: Cursor) -> InstallCompletion:
    """Return the command; raises UsageError."""
    if cursor.done:
        return InstallCompletion()
    word = cursor.take()
    shell = next((name for name in SHELLS if word == name), "")
    if not shell:
        hint = suggestion(word, SHELLS, f"there are {', '.join(SHELLS)}")
        raise UsageError(f'Shell "{word}" is unknown, {", ".join(SHELLS)} are known.', hints=(hint,))
    refuse_more(cursor, "completion")
    return InstallCompletion(cast("Shell", shell))


def run(context: Context, command: InstallCompletion) -> list[Document]:
    """Write the script and return where; raises UsageError, OutputError."""
    shell = command.shell or os.path.basename(context.environment.get("SHELL", ""))
    if shell not in SHELLS:
        raise UsageError(f'Shell "{shell}" is unknown: name one of {", ".join(SHELLS)}')
    path, remark = _place(shell, dict(context.environment))
    script = _script(shell)
    beside = f"{path}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(beside, "w", encoding="utf-8") as file:
            file.write(script)
        os.replace(beside, path)
    except OSError as error:
        raise OutputError(f'cannot write "{path}": {error.strerror}', errno=error.errno) from error
    return [[Field("shell", shell), Field("path", path, f"{path}\n"), Field("remark", remark, f"{remark}\n")]]


def _script(shell: str) -> str:
    from importlib import import_module

    return str(import_module(f"pytc.commands.completion.{shell}").SCRIPT)


def _place(shell: str, environment: dict[str, str]) -> tuple[str, str]:
    """Return the path of a shell's script, and what else it needs."""
    home = environment.get("HOME", "")
    is_root = os.geteuid() == 0
    if not home and not is_root:
        raise UsageError("HOME is not set: print the script, and put it where the shell looks for it")
    if shell == "bash":
        data = environment.get("XDG_DATA_HOME") or f"{home}/.local/share"
        directory = "/usr/local/share" if is_root else data
        return (
            f"{directory}/bash-completion/completions/pytc",
            "New shells use it, with the package bash-completion. Without: source this file from ~/.bashrc",
        )
    if shell == "fish":
        settings = environment.get("XDG_CONFIG_HOME") or f"{home}/.config"
        directory = "/usr/local/share/fish/vendor_completions.d" if is_root else f"{settings}/fish/completions"
        return f"{directory}/pytc.fish", "New shells use it."
    directory = "/usr/local/share/zsh/site-functions" if is_root else f"{home}/.zfunc"
    needed = "" if is_root else f" In ~/.zshrc, before compinit: fpath=({directory} $fpath)"
    return f"{directory}/_pytc", f"New shells use it.{needed}"
