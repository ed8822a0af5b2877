"""The click application: the same commands, and the same completion."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from pytc.cli.application import application


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 0, "Usage: pytc"),
        (["filter", "help"], 0, "Usage: pytc filter"),
        (["filter", "bogus"], 255, ""),
    ],
)
def test_the_commands_are_those_of_main(words: list[str], status: int, said: str) -> None:
    result = CliRunner().invoke(application, words)
    assert result.exit_code == status
    assert said in result.output


def test_the_commands_complete_as_pytc_does() -> None:
    command = application.commands["filter"]
    context = click.Context(command, info_name="filter", obj=["-s"])
    context.params["words"] = ("add", "dev", "lo", "ingress")
    (argument,) = command.params
    assert "bpf" in [item.value for item in argument.shell_complete(context, "b")]
