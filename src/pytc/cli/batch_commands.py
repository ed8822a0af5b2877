"""What the lines of a batch are to pytc: commands, or requests that are ready to be sent."""

import io
from collections.abc import Callable, Generator

from pytc.cli.batch import made_ready
from pytc.cli.execute import Runner
from pytc.commands.dispatch import parse_words
from pytc.commands.filter.batch_patterns import Patterns
from pytc.commands.filter.batch_requests import (
    ReadyFilter,
    ReadyProgram,
    make_program_ready,
    make_ready,
    send_program,
    send_ready,
)
from pytc.commands.shared.command import Command, Help
from pytc.errors import HelpRequested, PytcError

#: A command, its request, or words of which nothing is known yet.
Prepared = ReadyFilter | ReadyProgram | Command | list[str]
_READY = ReadyFilter, ReadyProgram


class BatchCommands:
    """``show_help`` prints what a topic has to say. With ``plain``, nothing is to be done with a filter but to send its
    request."""

    def __init__(self, runner: Runner, show_help: Callable[[str], int], *, plain: bool) -> None:
        self._runner = runner
        self._show_help = show_help
        self._plain = plain
        self._patterns = Patterns(self._make)
        self._indexes: dict[str, int] = {}

    def of(self, file: io.BufferedReader) -> Generator[tuple[int, Prepared], None, None]:
        """The commands of a file with the numbers of their lines."""
        return made_ready(file, self._prepare)

    def run(self, prepared: Prepared) -> int:
        """Runs a command; returns its exit status. Raises PytcError."""
        if isinstance(prepared, _READY):
            if self._send(prepared):
                return 0
            self._patterns.forget()
            prepared = prepared.words
        try:
            command = parse_words(prepared) if isinstance(prepared, list) else prepared
        except HelpRequested as request:
            return self._show_help(request.topic)
        return self._show_help(command.topic) if isinstance(command, Help) else self._runner.run(command)

    def _send(self, ready: ReadyFilter | ReadyProgram) -> bool:
        """False where nothing was done, as a program did not load as it did before."""
        context = self._runner.context
        try:
            ifindex = self._indexes.get(ready.device)
            if ifindex is None:
                ifindex = self._indexes[ready.device] = context.device_index(ready.device)
            if isinstance(ready, ReadyProgram):
                return send_program(context, ready, ifindex)
            send_ready(context, ready, ifindex)
            return True
        finally:
            self._runner.finish()

    def _prepare(self, words: list[str]) -> Prepared:
        self._indexes.clear()  # by the next line that comes, a device may be another one
        if self._plain and (ready := self._patterns.ready(words)) is not None:
            return ready
        try:
            command = parse_words(words)
        except (PytcError, HelpRequested):
            return words  # to be told when it is its turn
        return self._ready(words, command) or command

    def _make(self, words: list[str]) -> ReadyFilter | ReadyProgram | None:
        try:
            return self._ready(words, parse_words(words))
        except (PytcError, HelpRequested):
            return None

    def _ready(self, words: list[str], command: Command) -> ReadyFilter | ReadyProgram | None:
        if not self._plain:
            return None
        context = self._runner.context
        ready = make_ready(words, command)
        if ready is None and context.objects is not None:
            return make_program_ready(context.objects, words, command, context.layout20)
        return ready
