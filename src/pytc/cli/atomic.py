"""``--atomic -batch``: all commands of a file, or none.

All lines are read first. What they would do is gone through as in a dry run before the first is done: a word that makes
no sense, an object that does not load, or a change that could not be taken back ends it there.
"""

import io
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytc.cli import streams
from pytc.cli.batch import commands
from pytc.cli.command_line import Options
from pytc.cli.output import report, say, show, show_help
from pytc.commands.dispatch import parse_words
from pytc.commands.shared.command import Command, Help
from pytc.errors import AtomicError, BatchError, HelpRequested, PytcError

if TYPE_CHECKING:
    from pytc.cli.execute import Runner
    from pytc.transaction.journal import Journal

#: Objects of tc, of which what shows may be among what changes.
_OBJECTS = ("filter", "chain", "qdisc", "class_", "action")
_UNTOUCHED = "Note: nothing has been done"
_TAKEN_BACK = "Note: all that was done is taken back"


class Line(NamedTuple):
    """A command, and the number of its (last) line."""

    number: int
    command: Command


class LineError(Exception):
    """What is wrong with which line; ``outcome`` says what is left of those before it."""

    def __init__(self, number: int, error: PytcError, outcome: Sequence[str] = (_UNTOUCHED,)) -> None:
        super().__init__(number)
        self.number = number
        self.error = error
        self.outcome = outcome


def run_atomic(options: Options) -> int:
    """Returns the exit status; raises BatchError for a file that cannot be read, and what a signal raises, when all is
    taken back."""
    try:
        lines = list(_parsed(_read(options.batch)))
        _check(options, lines)
    except LineError as failure:
        return _told(options, failure)
    return 0 if options.dry_run else _run(options, lines)


def _told(options: Options, failure: LineError) -> int:
    report(failure.error, as_json=options.json)
    _say(options, [f"Command failed {options.batch}:{failure.number}", *failure.outcome])
    return 1


def _say(options: Options, sentences: Sequence[str]) -> None:
    say([*sentences], as_json=options.json)


def _read(path: str) -> Iterable[str]:
    if path == "-":
        data = sys.stdin.buffer.read()
    else:
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise BatchError(f'Cannot open file "{path}" for reading: {error.strerror}', errno=error.errno) from error
    return io.StringIO(data.decode("utf-8", "surrogateescape"), newline=None)


def _parsed(lines: Iterable[str]) -> Iterator[Line]:
    reached = 0

    def counted() -> Iterator[str]:
        nonlocal reached
        for line in lines:
            reached += 1
            yield line

    try:
        for number, words in commands(counted()):
            try:
                yield Line(number, parse_words(words))
            except HelpRequested as request:
                yield Line(number, Help(request.topic))
    except PytcError as error:
        raise LineError(reached, error) from error


def _check(options: Options, lines: Sequence[Line]) -> None:
    """Goes through what would be done; shows it for a dry run. Raises LineError."""
    from pytc.cli.execute import Runner
    from pytc.transaction.journal import Foresight
    from pytc.transaction.plan import Plan

    plan = Plan(is_strict=not options.dry_run)
    with Runner(options, plan=plan) as runner:
        foresight = Foresight(runner.context.session)
        for number, command in lines:
            if isinstance(command, Help):
                continue
            try:
                _check_sort(command)
                steps = runner.planned(command)
                foresight.check(plan)
            except PytcError as error:
                raise LineError(number, error) from error
            if options.dry_run:
                show(steps, options)


def _check_sort(command: Command) -> None:
    package = type(command).__module__.removeprefix("pytc.commands.").partition(".")[0]
    if command.effect != "requests" and (command.effect != "asks" or package not in _OBJECTS):
        raise AtomicError(
            "This could not be taken back: --atomic is for commands that add, change, delete or show qdiscs, "
            "classes, filters, chains and actions"
        )


def _run(options: Options, lines: Sequence[Line]) -> int:
    """Does it all, or takes back what was done; returns the exit status, and raises what a signal raises."""
    from pytc.cli.execute import Runner
    from pytc.signals import defer_signals

    line = Line(0, Help(""))
    with Runner(options, is_atomic=True) as runner, defer_signals() as arrived:
        journal = runner.journal
        assert journal is not None
        try:
            for line in lines:
                runner.at(f"{options.batch}:{line.number}")
                runner.context.connection.forget_devices()
                _do(runner, line.command, options)
                if arrived:
                    break
            streams.write("", flush=True)  # the last that can fail
        except BaseException as error:
            outcome = _take_back(journal)
            if isinstance(error, PytcError):
                return _told(options, LineError(line.number, error, outcome))
            _say(options, outcome)
            raise
        if arrived:
            _say(options, _take_back(journal))
    return 0


def _do(runner: "Runner", command: Command, options: Options) -> None:
    if isinstance(command, Help):
        show_help(command.topic, options)
    else:
        runner.run(command)


def _take_back(journal: "Journal") -> list[str]:
    left = journal.take_back()
    return [f"Error: not taken back: {one}" for one in left] or [_TAKEN_BACK]
