"""Each verb of the command line has a module, and commands of different types are never equal."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from pytc.commands.dispatch import OBJECTS
from pytc.commands.map.unpin import UnpinMap
from pytc.commands.prog.unpin import UnpinProgram

VERBS = [
    (package, module)
    for package in OBJECTS.values()
    for module in dict.fromkeys(import_module(f"pytc.commands.{package}").VERBS.values())
]


@pytest.mark.parametrize(("package", "module"), VERBS)
def test_a_verb_has_its_module(package: str, module: str) -> None:
    verb = import_module(f"pytc.commands.{package}.{module}")
    assert Path(str(verb.__file__)).stem == module
    assert verb.HELP.startswith("Usage:")
    assert callable(verb.parse) and callable(verb.run)


def test_there_are_many_verbs() -> None:
    assert len(VERBS) > 50
    assert {*OBJECTS.values()} - {package for package, _ in VERBS} == {"apply", "export_state", "monitor"}, (
        "which have no verbs"
    )


def test_commands_of_different_types_are_not_equal() -> None:
    assert UnpinMap("x") == UnpinMap("x") != UnpinMap("y")
    assert UnpinMap("x") != UnpinProgram("x")
