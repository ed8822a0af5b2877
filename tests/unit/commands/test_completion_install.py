"""The script of a shell goes where the shell looks for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytc.commands.completion import SHELLS, fish
from pytc.commands.completion.install import InstallCompletion, parse, run
from pytc.commands.shared.context import Context
from pytc.errors import OutputError, UsageError
from pytc.render.json import as_object
from pytc.words.engine import Cursor


def place(shell: str, environment: dict[str, str]) -> Path:
    (document,) = run(Context(environment=environment), parse(Cursor([shell] if shell else [])))
    return Path(str(as_object(document)["path"]))


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)


@pytest.mark.usefixtures("user")
@pytest.mark.parametrize(
    ("shell", "path"),
    [
        ("bash", ".local/share/bash-completion/completions/pytc"),
        ("zsh", ".zfunc/_pytc"),
        ("fish", ".config/fish/completions/pytc.fish"),
    ],
)
def test_a_user_has_it_at_home(tmp_path: Path, shell: str, path: str) -> None:
    found = place(shell, {"HOME": str(tmp_path)})
    assert found == tmp_path / path
    assert "_PYTC_COMPLETE" in found.read_text()
    assert [name.name for name in found.parent.iterdir()] == [found.name]


@pytest.mark.usefixtures("user")
def test_the_shell_is_that_of_the_user(tmp_path: Path) -> None:
    environment = {"HOME": "/", "SHELL": "/usr/bin/fish", "XDG_CONFIG_HOME": str(tmp_path)}
    assert place("", environment).read_text() == fish.SCRIPT


@pytest.mark.usefixtures("user")
def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / ".zfunc").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        place("zsh", {"HOME": str(tmp_path)})
    with pytest.raises(UsageError, match="HOME"):
        place("zsh", {})


def test_another_shell_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        parse(Cursor(["bsh"]))
    assert refused.value.hints == ('did you mean "bash"?',)
    with pytest.raises(UsageError, match="name one of"):
        run(Context(environment={"SHELL": "/bin/dash"}), InstallCompletion())
    assert os.path.basename("/bin/bash") in SHELLS
