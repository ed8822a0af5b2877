"""Commands of tc, for what has no function of its own in the library."""

from collections.abc import Mapping
from typing import Any

from pytc.api.calls import log, open_context, public
from pytc.commands.dispatch import parse_words, run
from pytc.commands.shared.command import Command, Help
from pytc.errors import ArgumentError, HelpRequested
from pytc.render.documents import Display, Stream
from pytc.render.json import as_object


@public
def command(line: str, *, statistics: bool = False) -> list[Mapping[str, Any]]:
    """Run a command line of tc, or of pytc, and return what it prints as JSON: a dict for each object.

    It is for what has no function here: other qdiscs, classes, actions, chains. Words are split as a shell splits them,
    without variables and patterns. Raises UsageError or InvalidOptionsError for words that make no sense, and what the
    command raises.

    >>> pytc.command("qdisc add dev em1 root handle 1: tbf rate 1mbit burst 10k latency 50ms")
    []
    >>> pytc.command("qdisc show dev em1 root")[0]["kind"]
    'tbf'
    """
    import shlex

    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ArgumentError(f"{line!r}: {error}") from None
    if not words:
        raise ArgumentError('which command? Like "qdisc show dev em1"')
    parsed = _parse(words)
    log.debug("running: %s", line)
    with open_context() as context:
        context.display = Display(statistics=statistics)
        outcome = run(context, parsed)
        if isinstance(outcome, Stream):
            if outcome.is_live:
                raise ArgumentError(f"{line!r} does not end by itself: pytc.monitor() and Map.events() do the same")
            return [value for value in outcome.values() if isinstance(value, dict)]
        return [as_object(document) for document in outcome or ()]


def _parse(words: list[str]) -> Command:
    try:
        parsed = parse_words(words)
    except HelpRequested as error:
        parsed = Help(error.topic)
    if isinstance(parsed, Help):
        raise ArgumentError(f'help is for people: "pytc {parsed.topic} help" on a command line prints it')
    return parsed
