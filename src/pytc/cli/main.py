"""The command ``pytc``."""

import gc
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from pytc.cli import streams
from pytc.cli.command_line import Options, parse_options
from pytc.cli.exit_status import exit_status, trailer
from pytc.commands.dispatch import parse_words
from pytc.errors import HelpRequested, PytcError, UsageError

if TYPE_CHECKING:
    from pytc.render.documents import Document, Stream

#: A dump makes some hundred thousand objects, and hardly any garbage: Python's own thresholds have it look through
#: them all again and again.
_FEW_COLLECTIONS = (50_000, 20, 100)
_INTERRUPTED = 130
_BROKEN_PIPE = 141


def console() -> None:
    """What the installed script calls."""
    streams.replace_closed()
    if "_PYTC_COMPLETE" in os.environ:
        from pytc.cli.completion import answer

        sys.exit(answer(os.environ["_PYTC_COMPLETE"], sys.argv[1:]))
    gc.set_threshold(*_FEW_COLLECTIONS)
    from pytc.cli.signals import run_to_the_end

    sys.exit(run_to_the_end(lambda: main(sys.argv[1:])))


def main(words: Sequence[str]) -> int:
    """Runs one command line; returns its exit status. Prints on the process's own streams."""
    as_json = False
    try:
        options, rest = parse_options(words)
        as_json = options.json
        status = _run(options, rest)
        streams.write("", flush=True)
    except PytcError as error:
        return report(error, as_json=as_json)
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        return _BROKEN_PIPE
    return status


def _run(options: Options, words: list[str]) -> int:
    from pytc.commands.shared.command import Help

    if options.version:
        from pytc import __version__

        return _print(f"pytc utility, pytc-{__version__}\n")
    if options.help:
        return show_help("", options)
    if options.install_alias:
        return _alias(options, words)
    if options.atomic:
        from pytc.cli.atomic import run_atomic

        return run_atomic(options)
    if options.batch:
        return _batch(options)
    try:
        command = parse_words(words)
        if isinstance(command, Help):
            return show_help(command.topic, options)
        from pytc.cli import import_stubs as lean

        lean.prepare()
        from pytc.cli.execute import execute

        return execute(options, command)
    except HelpRequested as request:
        return show_help(request.topic, options)


def _batch(options: Options) -> int:
    from pytc.cli import import_stubs as lean

    lean.prepare()
    from pytc.bpf.loader.object_cache import ObjectCache
    from pytc.cli.batch import parsed_ahead, run_batch
    from pytc.cli.execute import Runner, say
    from pytc.commands.filter.prepared import RepeatedFilters, prepare
    from pytc.commands.shared.command import Command, Help

    filters = RepeatedFilters()
    # With these, a filter takes more than its request.
    is_plain = not (options.echo or options.create_clsact or options.dry_run or options.warn)

    def parse(words: list[str]) -> Command | PytcError:
        runner.context.connection.forget_devices()
        try:
            if not is_plain:
                return parse_words(words)
            known = filters.prepared(words)
            if known is not None:
                return known
            command = parse_words(words)
            filters.learn(words, command)
            return prepare(command)
        except HelpRequested as request:
            return Help(request.topic)
        except PytcError as error:
            return error  # to be reported when it is the line's turn

    with Runner(options) as runner:
        runner.context.cache.objects = ObjectCache()

        def run(parsed: Command | PytcError) -> int:
            if isinstance(parsed, PytcError):
                raise parsed
            return show_help(parsed.topic, options) if isinstance(parsed, Help) else runner.run(parsed)

        def refused(error: PytcError) -> int:
            return report(error, as_json=options.json)

        return run_batch(
            options.batch,
            lambda file: parsed_ahead(file, parse),
            run,
            refused,
            force=options.force,
            say=lambda sentence: say([sentence], as_json=options.json),
            begin=runner.at,
        )


def _alias(options: Options, words: list[str]) -> int:
    from pytc.cli.alias import install_alias

    if words:
        raise UsageError(f'Option "-install-alias" is a command of its own: what is "{words[0]}"?')
    show([install_alias(options.install_alias)], options)
    return 0


def show_help(topic: str, options: Options) -> int:
    """With JSON, standard output has nothing else."""
    from pytc.cli.usage import usage

    if options.json:
        streams.complain(usage(topic))
        return 0
    return _print(usage(topic))


def _print(text: str) -> int:
    streams.write(text)
    return 0


def report(error: PytcError, *, as_json: bool = False) -> int:
    """Print an error as tc would, then what pytc knows more, or all of it as JSON; returns the exit status."""
    if as_json:
        from pytc.render.errors import as_json as render

        streams.complain(render(error, exit_status(error)))
        return exit_status(error)
    lines = [line for line in (str(error), trailer(error)) if line]
    lines += [f"Hint: {hint}" for hint in error.hints]
    streams.complain("".join(f"{line}\n" for line in lines))
    return exit_status(error)


def show(documents: "Iterable[Document]", options: Options) -> None:
    """Prints documents as text or JSON, each when it is made; names that are not UTF-8 come out as the kernel has them.

    When one cannot be made, what is before it is shown, JSON is closed, and then the error is raised.
    """
    failures: list[PytcError] = []
    for piece in _pieces(_up_to_failure(documents, failures), options):
        streams.write(piece)
    if failures:
        raise failures[0]


def _up_to_failure(documents: "Iterable[Document]", failures: list[PytcError]) -> "Iterator[Document]":
    try:
        yield from documents
    except PytcError as error:
        failures.append(error)


def _pieces(documents: "Iterable[Document]", options: Options) -> Iterator[str]:
    streams.take_any_text(as_json=options.json)
    if options.json:
        from pytc.render.json import pieces as of_json

        return of_json(documents, pretty=options.pretty)
    from pytc.render.text import pieces as of_text

    texts = of_text(documents, colors=_colors(options))
    return (text.replace("\n", "\\") for text in texts) if options.oneline else texts


def _colors(options: Options) -> "dict[str, str]":
    """Escape parameters for each sort of name; empty where text is to be plain."""
    if options.color != "always" and (options.color != "auto" or not sys.stdout.isatty()):
        return {}
    from pytc.render.text import COLORS

    background = os.environ.get("COLORFGBG", "").rpartition(";")[2]
    dark = background in ("0", "1", "2", "3", "4", "5", "6", "8")
    return {sort: ways[dark] for sort, ways in COLORS.items()}


def show_stream(stream: "Stream", options: Options) -> None:
    """Prints what comes in pieces."""
    streams.take_any_text(as_json=options.json)
    if options.json and options.pretty and not stream.is_live:
        from pytc.render.json import pretty_stream

        pieces = pretty_stream(stream.values())
    else:
        pieces = stream.json() if options.json else stream.text()
    if options.oneline and stream.is_live:
        pieces = (piece[:-1].replace("\n", "\\") + "\n" for piece in pieces)  # each on a line of its own
    for piece in pieces:
        streams.write(piece, flush=stream.is_live)
