"""Colours on a terminal, and nowhere else, unless they are asked for."""

from __future__ import annotations

import os
import pty
import subprocess

import pytest

from tests.processes import PYTC, SOURCE, run

#: A line that is refused, with a hint, and one that finds something.
REFUSED = ("fliter",)
HINT = "Hint:"


def on_terminal(*words: str, **environment: str) -> str:
    """Return what a command writes on a terminal that is its standard error."""
    near, far = pty.openpty()
    env = {**os.environ, **SOURCE, "TERM": "xterm", **environment}
    env.pop("NO_COLOR", None) if "NO_COLOR" not in environment else None
    done = subprocess.Popen([*PYTC, *words], stderr=far, stdout=subprocess.DEVNULL, env=env)
    os.close(far)
    written = b""
    while True:
        try:
            written += (part := os.read(near, 4096))
        except OSError:
            break
        if not part:
            break
    done.wait(timeout=60)
    os.close(near)
    return written.decode()


def test_a_terminal_has_colours() -> None:
    assert f"\x1b[1;36m{HINT}\x1b[0m" in on_terminal(*REFUSED)


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_the_environment_can_forbid_them(environment: dict[str, str]) -> None:
    assert "\x1b" not in on_terminal(*REFUSED, **environment)
    assert "\x1b" in on_terminal("-color=always", *REFUSED, **environment)


def test_the_option_can_forbid_them() -> None:
    assert "\x1b" not in on_terminal("-color=never", *REFUSED)
    assert "\x1b" not in on_terminal("-j", *REFUSED)


def test_a_pipe_has_none_unless_they_are_asked_for() -> None:
    assert "\x1b" not in run(*PYTC, *REFUSED).err
    assert "\x1b" in run(*PYTC, "-color=always", *REFUSED).err
    assert "\x1b" in run(*PYTC, "-color=always", "help", "map").out


def test_controls_in_names_stay_out() -> None:
    """An escape sequence in a name is not one of ours."""
    message = run(*PYTC, "-color=always", "qdisc", "show", "dev", "a\x1b[31mb").err
    assert "\x1b[31mb" not in message
