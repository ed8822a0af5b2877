"""``--atomic -batch``: all commands of a file, or none.

All lines are taken apart, and what they would do is gone through as in a dry run, before the first is done: a word that
makes no sense, an object that does not load, or a change that could not be taken back ends it there.
"""

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from pytc.cli import lean
from pytc.cli.batch import commands
from pytc.cli.main import report, show, show_help
from pytc.commands import Command, Help, Monitor
from pytc.errors import AtomicError, BatchError, HelpRequested, PytcError
from pytc.grammar.command_line import Options, parse_words

if TYPE_CHECKING:
    from pytc.cli.execute import Runner
    from pytc.operations.journal import Journal


class Line(NamedTuple):
    """A command, and the number of its (last) line."""

    number: int
    command: Command


class LineError(Exception):
    """What is wrong with which line."""

    def __init__(self, number: int, error: PytcError) -> None:
        super().__init__(number)
        self.number = number
        self.error = error


def run_atomic(options: Options) -> int:
    """Returns the exit status; raises BatchError for a file that cannot be read, and what a signal raises, when all is
    taken back."""
    lean.prepare()
    try:
        lines = _parsed(options.batch)
        _check(options, lines)
        if not options.dry_run:
            _run(options, lines)
    except LineError as failure:
        from pytc.cli.execute import say

        report(failure.error, as_json=options.json)
        say([f"Command failed {options.batch}:{failure.number}"], as_json=options.json)
        return 1
    return 0


def _parsed(path: str) -> list[Line]:
    number, lines = 0, []
    try:
        for number, words in commands(_read(path)):
            try:
                lines.append(Line(number, parse_words(words)))
            except HelpRequested as request:
                lines.append(Line(number, Help(request.topic)))
            except PytcError as error:
                raise LineError(number, error) from error
    except BatchError as error:
        raise LineError(number + 1, error) from error
    return lines


def _read(path: str) -> Sequence[str]:
    if path == "-":
        return sys.stdin.readlines()
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.readlines()
    except OSError as error:
        raise BatchError(f'Cannot open file "{path}" for reading: {error.strerror}', errno=error.errno) from error


def _check(options: Options, lines: Sequence[Line]) -> None:
    """Goes through what would be done; shows it for a dry run. Raises LineError."""
    from pytc.cli.execute import Runner
    from pytc.operations.dry_run import Plan, is_change, only_asks
    from pytc.operations.standing import Standing
    from pytc.operations.undoing import affected

    plan = Plan(is_strict=not options.dry_run)
    with Runner(options, plan=plan) as runner:
        standing = Standing(runner.context.session)
        for number, command in lines:
            if isinstance(command, Help):
                continue
            try:
                if isinstance(command, Monitor) or not (is_change(command) or only_asks(command)):
                    raise AtomicError("this cannot be taken back: -atomic is for qdisc, class, filter, chain and "
                                      "action, and for what only shows")
                steps = runner.planned(command)
                if plan.lasting:
                    raise AtomicError(f"this cannot be taken back: {plan.lasting[0]}")
                for message in plan.messages:
                    affected(message, standing, set())
            except PytcError as error:
                raise LineError(number, error) from error
            if options.dry_run:
                show(steps, options)


def _run(options: Options, lines: Sequence[Line]) -> None:
    """Does it all; or raises, when what was done is taken back: LineError, or what a signal raises."""
    from pytc.cli.execute import Runner
    from pytc.exec_proxy.signals import uninterrupted
    from pytc.operations.journal import Journal

    with Journal() as journal, Runner(options, journal=journal) as runner:
        line = Line(0, Help(""))
        try:
            for line in lines:
                runner.at(f"{options.batch}:{line.number}")
                with uninterrupted():  # a signal waits until it is noted how the line is taken back
                    _do(runner, line.command, options)
        except BaseException as error:
            with uninterrupted():
                _take_back(options, journal)
            if isinstance(error, PytcError):
                raise LineError(line.number, error) from error
            raise


def _do(runner: "Runner", command: Command, options: Options) -> None:
    if isinstance(command, Help):
        show_help(command.topic, options)
    else:
        runner.run(command)


def _take_back(options: Options, journal: "Journal") -> None:
    from pytc.cli.execute import say

    left = journal.take_back()
    notes = [f"Error: not taken back: {one}" for one in left]
    say(notes or ["Note: nothing of the batch stays: what was done is taken back"], as_json=options.json)
