"""pytc's commands as click commands, made from the tables of the parsers.

tc's own lines do not come through here, since click's import costs as much as three bare interpreters. What does: help,
and lines with options where other programs have them (``pytc map dump name hits --json``). click takes these out of the
words, wherever they are; the rest is a line of tc's, which :mod:`pytc.commands` parses in either case. So there is one
grammar.
"""

from __future__ import annotations

import sys

import click

from pytc.cli.command_line import SHARED, conventional
from pytc.cli.completion import complete
from pytc.cli.help_page import render
from pytc.commands.dispatch import OBJECTS, command_object, help_topic, object_name
from pytc.commands.shared.verbs import verb_word
from pytc.words.engine import choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_RAW = {"ignore_unknown_options": True, "help_option_names": []}
#: Stands for a word that click must not look at.
_PROTECTED = "\0"

if TYPE_CHECKING:
    #: Runs a line with all options before the object, and returns the exit status.
    Run = Callable[[Sequence[str]], int]


def run_conventional(front: Sequence[str], words: Sequence[str], run: Run) -> int:
    """Run a line with options behind its object, and return the exit status; ``front`` are the options before it."""
    options = conventional(words)
    ended = words[options[-1]] == "--"
    protected: list[str] = []
    line = []
    for index, word in enumerate(words):
        if index in options:
            line.append({"-h": "--help", "--color": "--color=always"}.get(word, word))
        elif word.startswith("-") and not (ended and index > options[-1]) and not _is_value(index, options, words):
            line.append(f"{_PROTECTED}{len(protected)}")
            protected.append(word)
        else:
            line.append(word)
    commands = Application(run)
    status = commands.main(args=line, prog_name="pytc", standalone_mode=False, obj=(list(front), protected))
    return int(status or 0)


def _is_value(index: int, options: Sequence[int], words: Sequence[str]) -> bool:
    """Report whether a word is the value of an option before it."""
    rows = {f"--{row.name}" for row in SHARED if row.value}
    return index - 1 in options and words[index - 1] in rows


def _options() -> list[click.Parameter]:
    """Return click's options for those that each command takes."""
    found: list[click.Parameter] = []
    for row in SHARED:
        name, parameter = f"--{row.name}", row.name.replace("-", "_")
        if row.field == "color":
            found.append(click.Option([name, parameter], type=click.Choice(["always", "auto", "never"])))
        elif row.value:
            found.append(click.Option([name, parameter], metavar="NAME"))
        else:
            found.append(click.Option([name, parameter], is_flag=True))
    return found


def _given(context: click.Context) -> list[str]:
    """Return the options of a line as tc spells them, before the object."""
    words: list[str] = []
    while True:
        for row in SHARED:
            value = context.params.get(row.name.replace("-", "_"))
            if row.field == "color":
                words += [f"-color={value}"] if value else []
            elif row.value:
                words += [f"-{row.name}", value] if value is not None else []
            elif value and row.field != "help":
                words.append(f"-{row.name}")
        if context.parent is None:
            return words
        context = context.parent


def _path(context: click.Context) -> list[str]:
    """Return the words that led to a command, without the program's name."""
    path: list[str] = []
    while context.parent is not None:
        path.insert(0, context.info_name or "")
        context = context.parent
    return path


def _run(context: click.Context, words: Sequence[str]) -> int:
    front, protected = context.find_root().obj or ((), ())
    line = [*_path(context), *words]
    line = [protected[int(word[1:])] if word.startswith(_PROTECTED) else word for word in line]
    asks, level = False, context
    while True:
        asks = asks or bool(level.params.get("help"))
        if level.parent is None:
            break
        level = level.parent
    options = [*front, *_given(context)]
    if asks and "-version" not in options:
        line = ["help", *line]
    application = context.find_root().command
    assert isinstance(application, Application)
    return application.run([*options, *line])


def _callback(**_: Any) -> int:
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        return 0
    status = _run(context, context.params.get("words") or ())
    if context.find_root().obj is None:  # click's own way to end with a status
        sys.exit(status)
    return status


def _complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the words that may come next in a command."""
    words = context.params.get("words") or ()
    return complete([*(_given(context)), *_path(context), *words], incomplete).words


class _Help(click.Command):
    """A command whose help is that of its topic."""

    def format_help(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the topic's page."""
        formatter.write(render(help_topic(_path(context)), formatter.width))


class _Line(_Help):
    """A command whose words are one of tc's lines."""

    def __init__(self, name: str) -> None:
        words = click.Argument(["words"], nargs=-1, type=click.UNPROCESSED, shell_complete=_complete)
        super().__init__(name, callback=_callback, params=[*_options(), words], context_settings=_RAW)


class _Group(click.Group, _Help):
    """Commands that are made when they are asked for; what is none takes its line to the parsers, which say so."""

    def __init__(self, name: str) -> None:
        super().__init__(
            name, invoke_without_command=True, callback=_callback, params=_options(), context_settings=_RAW
        )

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the word as it was typed, and its command."""
        return args[0], self.get_command(context, args[0]), args[1:]

    def get_command(self, context: click.Context, name: str) -> click.Command:
        """Return the command that a word means."""
        return _Line(name)


class _Object(_Group):
    """An object of the command line."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the words of its verbs."""
        verbs = command_object(self.name or "").verbs
        return list(dict.fromkeys(verb_word(verb) for verb in verbs.values()))


class Application(_Group):
    """The whole of pytc; ``run`` is what runs a line."""

    def __init__(self, run: Run) -> None:
        super().__init__("pytc")
        self.run = run

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the objects."""
        return list(OBJECTS)

    def get_command(self, context: click.Context, name: str) -> click.Command:
        """Return an object's command."""
        meant = object_name(name)
        return _Object(meant) if meant and choose(meant, list(OBJECTS)) else _Line(name)
