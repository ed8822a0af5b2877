"""The command ``pytc``."""

from __future__ import annotations

import gc
import os
import sys

from pytc.cli import streams
from pytc.cli.command_line import HOLD, conventional, parse_options, without_program
from pytc.cli.output import SHORTAGES, print_text, report, say, shortage, show, show_help
from pytc.commands.dispatch import parse_words
from pytc.errors import HelpRequested, PytcError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import io
    from collections.abc import Iterator, Sequence
    from typing import NoReturn

    from pytc.cli.command_line import ColorMode, Options
    from pytc.commands.filter.prepared import PreparedFilter
    from pytc.commands.shared.command import Command

    #: A line of a batch: to be run, to be sent, or wrong.
    _Parsed = Command | PreparedFilter | PytcError

#: A dump makes some hundred thousand objects, and hardly any garbage: Python's own thresholds have it look through
#: them all again and again.
_FEW_COLLECTIONS = (50_000, 20, 100)
#: With -force, a file may have a million wrong lines; finding a repair, or the name that was meant, takes as long as
#: running some commands.
_MOST_EXPLAINED = 10
_INTERRUPTED = 130
_BROKEN_PIPE = 141


def run_process() -> int:
    """Run the process's command line until it is done or a signal ends it; returns the exit status."""
    streams.replace_closed()
    if "_PYTC_COMPLETE" in os.environ:
        from pytc.cli.completion import answer

        return answer(os.environ["_PYTC_COMPLETE"], sys.argv[1:])
    gc.set_threshold(*_FEW_COLLECTIONS)
    from pytc.signals import run_until_signal

    return run_until_signal(lambda: main(sys.argv[1:]))


def end_process(status: int) -> NoReturn:
    """End the process with an exit status.

    After success at once: sys.exit() would first take all modules apart, a seventh of a command's time. After a failure
    it does, and closes what an error still refers to.
    """
    if status:
        sys.exit(status)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # nobody has listened to the end
        status = _BROKEN_PIPE
    os._exit(status)


def main(words: Sequence[str]) -> int:
    """Runs one command line; returns its exit status. Prints on the process's own streams."""
    return run_line(words, may_be_conventional=True)


def run_line(words: Sequence[str], *, may_be_conventional: bool = False) -> int:
    """Runs a line whose options are all before the object, or may also be where other programs have them."""
    color: ColorMode = ""
    as_json, rest = False, list[str]()
    try:
        options, rest = parse_options(words)
        as_json, color = options.json, options.color
        if may_be_conventional and conventional(rest):
            from pytc.cli.click_commands import run_conventional

            return run_conventional(words[: len(words) - len(rest)], rest, run_line)
        status = _run(options, rest) if not options.verbose else _run_verbosely(options, rest)
        streams.write("", flush=True)
    except PytcError as error:
        if may_be_conventional and HOLD not in rest and any(word[:1] == "-" for word in rest[1:]):
            from pytc.cli.repairs import move_options

            if moved := move_options(rest):
                return run_line([*words[: len(words) - len(rest)], *moved])
        return report(error, as_json=as_json, color=color)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _BROKEN_PIPE
    except SHORTAGES as error:
        return report(shortage(error), as_json=as_json, color=color)
    return status


def _run_verbosely(options: Options, words: list[str]) -> int:
    from pytc.cli.verbose import watch

    steps = watch(lambda step: say([step], as_json=options.json, color=options.color))
    try:
        return _run(options, words)
    finally:
        steps.end()


def _run(options: Options, words: list[str]) -> int:
    from pytc.commands.shared.command import Help

    if options.version:
        from pytc import __version__

        # Build scripts look for ", libbpf " in tc's version, to know that it loads objects with BTF.
        return print_text(f"pytc utility, pytc-{__version__}, libbpf (compatible)\n")
    if options.help:
        from pytc.commands.dispatch import help_topic

        return show_help(help_topic(words), options)
    if options.install_alias:
        return _alias(options, words)
    if options.atomic:
        from pytc.cli.atomic import run_atomic

        return run_atomic(options)
    if options.batch:
        return _batch(options)
    if HOLD in words[1:] and not _is_accepted(words):
        return _hold(options, words)
    try:
        command = _parse(words)
        if isinstance(command, Help):
            return show_help(command.topic, options)
        if command.effect == "applies":
            return _apply(options, command)
        if command.effect == "exports":
            return _export(options, command)

        from pytc.cli.execute import execute

        return execute(options, command)
    except HelpRequested as request:
        return show_help(request.topic, options)


def _is_accepted(words: list[str]) -> bool:
    """Report whether the parsers accept a line: in tc's words, ``hold`` may be any name."""
    try:
        parse_words(words)
    except HelpRequested:
        return True
    except PytcError:
        return False
    return True


def _hold(options: Options, words: list[str]) -> int:
    from pytc.cli.hold import run_held, split_hold

    line, held = split_hold(words)
    return run_held(options, _parse(line), held)


def _apply(options: Options, command: Command) -> int:
    from pytc.cli.apply import run_apply
    from pytc.commands.apply import ApplyFile

    assert isinstance(command, ApplyFile)
    return run_apply(options, command)


def _export(options: Options, command: Command) -> int:
    from pytc.cli.export_state import run_export
    from pytc.commands.export_state import ExportState

    assert isinstance(command, ExportState)
    return run_export(options, command)


def _parse(words: list[str]) -> Command:
    """Return the command of a line; an error says what makes the line a good one. Raises PytcError."""
    try:
        return parse_words(words)
    except HelpRequested:
        raise
    except PytcError as error:
        from pytc.cli.repairs import add_repair

        add_repair(error, words)
        raise


def _batch(options: Options) -> int:
    from pytc.cli.batch import parse_ahead, run_batch, split_words
    from pytc.cli.execute import Runner
    from pytc.commands.filter.prepared import PreparedFilter, RepeatedFilters, prepare
    from pytc.commands.shared.command import Help

    filters = RepeatedFilters()
    refused_lines = reported_errors = 0
    # These options need more of a filter than its request: an echo, its qdisc, a plan, the steps one by one.
    is_plain = not (
        options.echo
        or options.create_clsact
        or options.dry_run
        or options.warn
        or options.replace_own
        or options.verbose
    )

    def parse(text: str) -> _Parsed | None:
        nonlocal refused_lines
        if is_plain and (prepared := filters.match(text)) is not None:
            return prepared
        words = without_program(split_words(text))
        if not words:
            return None
        try:
            command = parse_words(words)
            if not is_plain:
                return command
            filters.learn(text, words, command)
            return prepare(command)
        except HelpRequested as request:
            return Help(request.topic)
        except PytcError as error:
            refused_lines += 1
            if refused_lines <= _MOST_EXPLAINED:
                from pytc.cli.repairs import add_repair

                add_repair(error, words)
            return error  # to be reported when it is the line's turn

    with Runner(options, keeps_objects=True) as runner:

        def run(commands: Sequence[_Parsed]) -> tuple[int, int]:
            parsed = commands[0]
            try:
                if isinstance(parsed, PreparedFilter):
                    count, error = runner.send(commands)
                    return count, refused(error) if error is not None else 0
                if isinstance(parsed, PytcError):
                    return 1, refused(parsed)
                return 1, show_help(parsed.topic, options) if isinstance(parsed, Help) else runner.run(parsed)
            except PytcError as error:
                return 1, refused(error)
            except BrokenPipeError:
                raise
            except SHORTAGES as error:
                return 1, refused(shortage(error))

        def refused(error: PytcError) -> int:
            nonlocal reported_errors
            reported_errors += 1
            suggests = reported_errors <= _MOST_EXPLAINED
            return report(error, as_json=options.json, color=options.color, suggests=suggests)

        def prepared(file: io.BufferedReader) -> Iterator[list[tuple[int, _Parsed]]]:
            groups: Iterator[list[tuple[int, _Parsed]]] = parse_ahead(file, parse)
            for group in groups:
                runner.context.connection.forget_devices()
                yield group

        return run_batch(
            options.batch,
            prepared,
            run,
            force=options.force,
            say=lambda sentence: say([sentence], as_json=options.json, color=options.color),
            begin=runner.set_location,
        )


def _alias(options: Options, words: list[str]) -> int:
    from pytc.cli.alias import install_alias

    if words:
        raise UsageError(f'Option "-install-alias" is a command of its own: what is "{words[0]}"?')
    show([install_alias(options.install_alias)], options)
    return 0
