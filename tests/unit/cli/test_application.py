"""The click application: the same commands, and the same completion."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from pytc.cli.application import application
from pytc.commands.dispatch import OBJECTS


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
    parent = click.Context(application, info_name="pytc")
    object = application.get_command(parent, "filter")
    assert isinstance(object, click.Group)
    above = click.Context(object, parent=parent, info_name="filter")
    command = object.get_command(above, "add")
    assert command is not None
    line = click.Context(command, parent=above, info_name="add")
    line.params["words"] = ("dev", "lo", "ingress")
    argument = line.command.params[-1]
    assert "bpf" in [item.value for item in argument.shell_complete(line, "b")]


def test_the_commands_are_listed_from_the_tables() -> None:
    context = click.Context(application)
    assert application.list_commands(context) == list(OBJECTS)
    map = application.get_command(context, "map")
    assert isinstance(map, click.Group)
    assert {"show", "dump", "watch", "update-many"} <= set(map.list_commands(context))
