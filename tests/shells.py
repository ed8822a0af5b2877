"""Real shells on a terminal, to complete lines in."""

from __future__ import annotations

import os
import pty
import select
import shutil
import stat
import sys
import time
from pathlib import Path
from types import TracebackType

import pytest

from tests.processes import ROOT, cannot

_PATIENCE = 40.0
_START = {"bash": ("bash", "--norc", "--noprofile", "-i"), "zsh": ("zsh", "-f", "-i"), "fish": ("fish", "-N", "-i")}
#: As docs/completion.md says.
LOAD = {
    "bash": "source <(pytc completion bash)",
    "zsh": "source <(pytc completion zsh)",
    "fish": "pytc completion fish | source",
}
_SETUP = {
    "bash": "LOAD; complete -F _pytc given; given() { printf '%s\\0' \"$@\" > part; mv part out; }",
    "zsh": "autoload -U compinit; compinit -u -D; LOAD; compdef _pytc given;"
    " given() { printf '%s\\0' \"$@\" > part; mv part out }",
    "fish": "LOAD; complete -c given -w pytc; function given; printf '%s\\0' $argv > part; mv part out; end",
}


def pytc_on_path(directory: Path) -> Path:
    """A directory with the command ``pytc`` of this checkout."""
    script = directory / "bin" / "pytc"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT / "src"} exec {sys.executable} -m pytc "$@"\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script.parent


class Shell:
    """An interactive shell in an empty directory, in which the command ``given`` completes as pytc does, and leaves its
    words in a file."""

    def __init__(self, name: str, directory: Path) -> None:
        if shutil.which(name) is None:
            (cannot if name == "bash" else pytest.skip)(f"{name} is not installed")
        self.name = name
        self._bin = pytc_on_path(directory)
        self.directory = directory / "cwd"
        self.directory.mkdir()
        self.seen = b""

    def __enter__(self) -> Shell:
        self._child, self._terminal = pty.fork()
        if not self._child:
            os.chdir(self.directory)
            home = {
                "HOME": str(self.directory.parent),
                "XDG_CONFIG_HOME": str(self.directory.parent / "config"),
                "XDG_DATA_HOME": str(self.directory.parent / "data"),
                "ZDOTDIR": str(self.directory.parent),
            }
            os.environ.update(
                PATH=f"{self._bin}:{os.environ['PATH']}",
                TERM="dumb",
                HISTFILE="/dev/null",
                INPUTRC="/dev/null",
                LC_ALL="C.UTF-8",
                **home,
            )
            os.execvp(_START[self.name][0], _START[self.name])
        self._type(_SETUP[self.name].replace("LOAD", LOAD[self.name]) + "; printf '' > ready\r")
        self._wait_for("ready")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._child, 9)
        os.close(self._terminal)
        os.waitpid(self._child, 0)

    def complete(self, line: str) -> list[str]:
        """The words of a line that ends with a press of Tab, as a command is given them."""
        self._type(f"given {line}\t\r")
        words = self._wait_for("out").split(b"\0")[:-1]
        return [os.fsdecode(word) for word in words]

    def _type(self, text: str) -> None:
        os.write(self._terminal, text.encode())

    def _wait_for(self, name: str) -> bytes:
        """The contents of a file that the shell makes."""
        path, end = self.directory / name, time.monotonic() + _PATIENCE
        while not path.exists():
            assert time.monotonic() < end, f"{self.name} has said: {self.seen.decode(errors='replace')}"
            if select.select([self._terminal], [], [], 0.02)[0]:
                self.seen += os.read(self._terminal, 1 << 16)
        found = path.read_bytes()
        path.unlink()
        return found
