"""How many command lines the tables have that are compared with tc in every way: see docs/testing.md."""

from __future__ import annotations

import pytest

from tests.compat.lines import Step, all_sessions

RIGHT, WRONG = 400, 150


def distinct(*, wrong: bool, elsewhere: bool) -> set[str]:
    """Lines, each once: right ones that change something, so that exit code, state, text and JSON are compared behind
    them; or wrong ones. Those of kinds that pytc does not know are left out, and so is what only sends packets."""
    steps = (
        step
        for session in all_sessions()
        if session.elsewhere == elsewhere and not session.raw
        for step in session.steps
        if step.wrong == wrong and (wrong or step.changes)
    )
    commands = ([command for command in step.commands if not command.startswith("send ")] for step in steps)
    return {those[-1] for those in commands if those}


def test_there_are_enough(capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for name, wrong, wanted in (("right", False, RIGHT), ("wrong", True, WRONG)):
        here, vm = (distinct(wrong=wrong, elsewhere=elsewhere) for elsewhere in (False, True))
        said.append(f"{name}: {len(here | vm)}, on the host {len(here)}, in the VM {len(vm)}")
        assert len(here | vm) >= wanted
        assert len(here) >= wanted  # also without the VM
    with capsys.disabled():
        print(f"\ncommand lines compared with tc: {'; '.join(said)}")


def test_a_line_names_its_session_and_its_fault() -> None:
    """No two sessions have the same title, and each wrong line says what has to be named."""
    titles = [session.title for session in all_sessions()]
    assert len(titles) == len(set(titles))
    assert [str(step) for step in all_steps() if step.wrong != bool(step.named)] == []
    assert [str(step) for step in all_steps() if "D" in step.named.split() and not step.has_device] == []


def all_steps() -> list[Step]:
    return [step for session in all_sessions() for step in session.steps]
