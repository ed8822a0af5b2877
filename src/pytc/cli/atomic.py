"""``--atomic -batch``: all commands of a file, or none.

All lines are read first. What they would do is gone through as in a dry run before the first is done: a word that makes
no sense, an object that does not load, or a change that could not be taken back ends it there.
"""

from __future__ import annotations

import io
import sys

from pytc.cli import streams
from pytc.cli.batch import read_commands
from pytc.cli.output import SHORTAGES, report, say, shortage, show, show_help
from pytc.commands.dispatch import parse_words
from pytc.commands.shared.command import Help
from pytc.contexts import contextmanager
from pytc.errors import AtomicError, BatchError, HelpRequested, PytcError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pytc.bpf.loader.object_cache import ObjectCache
    from pytc.cli.command_line import Options
    from pytc.cli.execute import Runner
    from pytc.commands.shared.command import Command
    from pytc.transaction.journal import Journal

#: Objects of tc, of which what shows may be among what changes.
_OBJECTS = ("filter", "chain", "qdisc", "class_", "action")
#: Bytes of a batch, all of which are read before the first line is run.
_LARGEST = 1 << 26
_UNTOUCHED = "Note: nothing has been done"
_TAKEN_BACK = "Note: all that was done is taken back"


class Line(NamedTuple):
    """A command, and the number of its (last) line."""

    number: int
    command: Command


class LineError(Exception):
    """An error of one line; ``outcome`` are sentences about what is left of the lines before it."""

    def __init__(self, number: int, error: PytcError, outcome: Sequence[str] = (_UNTOUCHED,)) -> None:
        super().__init__(number)
        self.number = number
        self.error = error
        self.outcome = outcome


def run_atomic(options: Options) -> int:
    """Run an atomic batch, and return the exit status.

    Raises BatchError for a file that cannot be read, and, after undoing everything, what a signal raises.
    """
    from pytc.bpf.loader.object_cache import ObjectCache

    with ObjectCache() as objects:  # what is checked is what is loaded
        try:
            lines = list(parse_lines(read_batch(options.batch)))
            _check(options, lines, objects)
        except LineError as failure:
            return report_failure(options, failure)
        return 0 if options.dry_run else _run(options, lines, objects)


def report_failure(options: Options, failure: LineError) -> int:
    """Print an error of a line, and what is left of the lines before it; returns the exit status."""
    report(failure.error, as_json=options.json, color=options.color)
    _say(options, [f"Command failed {options.batch}:{failure.number}", *failure.outcome])
    return 1


def _say(options: Options, sentences: Sequence[str]) -> None:
    say([*sentences], as_json=options.json, color=options.color)


def read_batch(path: str) -> Iterable[str]:
    """Return the lines of a file, ``-`` for standard input; raises BatchError."""
    if path == "-":
        data = sys.stdin.buffer.read(_LARGEST + 1)
    else:
        try:
            with open(path, "rb") as file:
                data = file.read(_LARGEST + 1)
        except OSError as error:
            raise BatchError(f'Cannot open file "{path}" for reading: {error.strerror}', errno=error.errno) from error
    if len(data) > _LARGEST:
        raise BatchError(f'File "{path}" is larger than {_LARGEST >> 20} MB, which is too much for --atomic')
    return io.StringIO(data.decode("utf-8", "surrogateescape"), newline=None)


def parse_lines(lines: Iterable[str]) -> Iterator[Line]:
    """Yield the commands of lines; raises LineError."""
    reached = 0

    def counted() -> Iterator[str]:
        nonlocal reached
        for line in lines:
            reached += 1
            yield line

    try:
        for number, words in read_commands(counted()):
            try:
                yield Line(number, parse_words(words))
            except HelpRequested as request:
                yield Line(number, Help(request.topic))
            except PytcError as error:
                from pytc.cli.repairs import add_repair

                add_repair(error, words)
                raise
    except PytcError as error:
        raise LineError(reached, error) from error


def _check(options: Options, lines: Sequence[Line], objects: ObjectCache) -> None:
    """Plan all lines in order, and show the plan for a dry run.

    Raises LineError for one that cannot be done or undone.
    """
    from pytc.cli.execute import Runner
    from pytc.transaction.journal import Preflight
    from pytc.transaction.plan import Plan

    plan = Plan(is_preflight=not options.dry_run)
    with Runner(options, plan=plan, objects=objects) as runner:
        runner.context.warns = False  # the second time through warns
        preflight = Preflight(runner.context.session)
        for number, command in lines:
            if isinstance(command, Help):
                continue
            try:
                _check_sort(command)
                steps = runner.plan(command)
                preflight.check(plan)
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


def _run(options: Options, lines: Sequence[Line], objects: ObjectCache) -> int:
    """Run all lines, and undo them where one fails; returns the exit status, and raises what a signal raises."""
    with all_or_nothing(options, objects) as batch:
        for line in lines:
            batch.number = line.number
            batch.runner.set_location(f"{options.batch}:{line.number}")
            batch.runner.context.connection.forget_devices()
            _do(batch.runner, line.command, options)
            if batch.signals:
                break
        streams.write("", flush=True)  # the last that can fail
    return batch.status


class Batch:
    """Lines of which all or none are to be carried out: the number of the one at work, the exit status so far, and the
    signals that have arrived."""

    def __init__(self, runner: Runner, signals: Sequence[object]) -> None:
        self.runner = runner
        self.signals = signals
        self.number = 0
        self.status = 0


@contextmanager
def all_or_nothing(options: Options, objects: ObjectCache, *, accepts_losses: bool = False) -> Iterator[Batch]:
    """Undo what the block does when it fails or a signal arrives; a PytcError is reported, and ends the block.

    Raises what a signal raises, after that, and other exceptions. With ``accepts_losses``, changes that cannot be
    undone exactly are made all the same.
    """
    from pytc.cli.execute import Runner
    from pytc.signal_blocks import defer_signals

    with Runner(options, is_atomic=True, objects=objects) as runner, defer_signals() as arrived:
        journal = runner.journal
        assert journal is not None
        journal.accepts_losses = accepts_losses
        batch = Batch(runner, arrived)
        try:
            yield batch
        except BaseException as error:
            outcome = undo_all(journal)
            if isinstance(error, SHORTAGES) and not isinstance(error, BrokenPipeError):
                error = shortage(error)
            if not isinstance(error, PytcError):
                _say(options, outcome)
                raise
            # Here, because a signal that has arrived is raised at the end of this block.
            batch.status = report_failure(options, LineError(batch.number, error, outcome))
            return
        if arrived:
            _say(options, undo_all(journal))


def _do(runner: Runner, command: Command, options: Options) -> None:
    if isinstance(command, Help):
        show_help(command.topic, options)
    else:
        runner.run(command)


def undo_all(journal: Journal) -> list[str]:
    """Undo what a journal has recorded; returns sentences about what is left."""
    left = journal.undo()
    return [f"Error: {sentence}" for sentence in left] or [_TAKEN_BACK]
