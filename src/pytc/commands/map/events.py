"""``pytc map events``: what programs send through a ring buffer or perf events."""

from collections.abc import Iterator

from pytc.bpf.btf.types import Btf
from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.event_types import EventDecoder, event_source, find_program_btf
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.ring_buffer import Event, EventSource
from pytc.bpf.maps.types import read_btf
from pytc.commands.map.words import COUNT, TARGET, VALUE_TYPE, Target, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.context import Context
from pytc.commands.shared.map_elements import as_json
from pytc.commands.shared.maps import open_map
from pytc.errors import ObjectError
from pytc.render.documents import Json, Stream
from pytc.words.engine import Cursor, Word, text
from pytc.words.values import seconds, take_format

HELP = """\
Usage: pytc map events MAP [ type FORMAT ] [ object FILE ] [ count NUMBER ] [ timeout TIME ]

Events from a ring buffer or a perf event array as they come; NUMBER of them, or until none came for TIME {for ever}.
FORMAT is as in "pytc map help"; names of types are looked up in FILE, or in the programs that use the map.
TIME := NUMBER[ ms | s | m ]. With -j, a JSON object on each line.
"""

WORDS = (
    *TARGET,
    VALUE_TYPE,
    Word("type", "value_type", read=take_format),
    COUNT,
    Word("timeout", "timeout", seconds, wrong="invalid time"),
    Word("object", "object", text, wrong="invalid file"),
)


class ReadEvents(Command):
    """Reads ``limit`` events, 0 for all, until ``timeout`` seconds went by without one, None for ever.

    ``object`` is a file in which the target's value type is looked up.
    """

    target: Target
    limit: int = 0
    timeout: float | None = None
    object: str = ""


def parse(cursor: Cursor) -> ReadEvents:
    """Return the command; raises UsageError, HelpRequested."""
    return ReadEvents(**take_words(cursor, WORDS, "events"))


def run(context: Context, command: ReadEvents) -> Stream:
    """Return events as they come; raises PytcError."""
    map = context.own(open_map(context, command.target.kind, command.target.text))
    source = context.own(event_source(map))
    decoder = EventDecoder(command.target.value_type, _btf(map, command))

    def text() -> Iterator[str]:
        for event in _events(source, command):
            cpu = f"cpu {event.cpu} " if event.cpu >= 0 else ""
            value = f"lost {event.lost}" if event.lost else format_value(Style.TEXT, decoder.decode(event.data))
            yield f"{cpu}{value}\n"

    def values() -> Iterator[Json]:
        for event in _events(source, command):
            cpu: dict[str, Json] = {"cpu": event.cpu} if event.cpu >= 0 else {}
            yield {**cpu, "lost": event.lost} if event.lost else {**cpu, "value": as_json(decoder.decode(event.data))}

    return Stream(text, lambda: (format_value(Style.JSON, value) + "\n" for value in values()), values, is_live=True)


def _events(source: EventSource, command: ReadEvents) -> Iterator[Event]:
    left = command.limit
    for event in source.events(command.timeout):
        yield event
        left -= 1
        if not left:
            return


def _btf(map: Map, command: ReadEvents) -> Btf | None:
    """Return the types in which names are looked up: an object file's, the map's own, or those of a program that uses
    it."""
    if not command.target.value_type:
        return None
    if command.object:
        from pytc.bpf.object.reader import read_object

        btf = read_object(command.object).btf
        if btf is None:
            raise ObjectError(f'object file "{command.object}" has no BTF; compile it with -g')
        return btf
    return read_btf(map.description) or find_program_btf(map.description.id)
