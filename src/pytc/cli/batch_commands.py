"""What the lines of a batch are to pytc: commands, or requests that are ready to be sent."""

import io
from collections.abc import Callable, Generator

from pytc.cli.batch import made_ready
from pytc.cli.execute import Runner
from pytc.commands import Command, Help
from pytc.errors import HelpRequested, PytcError
from pytc.grammar.command_line import parse_words
from pytc.operations.ready_filters import ReadyFilter, make_ready

#: A command, its request, or words of which nothing is known yet.
Prepared = ReadyFilter | Command | list[str]


class BatchCommands:
    """``show_help`` prints what a topic has to say. With ``plain``, nothing is to be done with a filter but to send its
    request."""

    def __init__(self, runner: Runner, show_help: Callable[[str], int], *, plain: bool) -> None:
        self._runner = runner
        self._show_help = show_help
        self._plain = plain

    def of(self, file: io.BufferedReader) -> Generator[tuple[int, Prepared], None, None]:
        """The commands of a file with the numbers of their lines."""
        return made_ready(file, self._prepare)

    def run(self, prepared: Prepared) -> int:
        """Runs a command; returns its exit status. Raises PytcError."""
        if isinstance(prepared, ReadyFilter):
            return self._runner.send(prepared)
        try:
            command = parse_words(prepared) if isinstance(prepared, list) else prepared
        except HelpRequested as request:
            return self._show_help(request.topic)
        return self._show_help(command.topic) if isinstance(command, Help) else self._runner.run(command)

    def _prepare(self, words: list[str]) -> Prepared:
        try:
            command = parse_words(words)
        except (PytcError, HelpRequested):
            return words  # to be told when it is its turn
        return (make_ready(words, command) if self._plain else None) or command
