"""``pytc map events``: what programs send through a ring buffer or perf events."""

from __future__ import annotations

import select
import time
from itertools import islice

from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.event_types import EventDecoder, event_source, find_program_btf, guess_event_type
from pytc.bpf.maps.types import read_btf
from pytc.commands.map.words import COUNT, TARGET, VALUE_TYPE, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.map_elements import as_json
from pytc.commands.shared.maps import open_map
from pytc.commands.shared.timestamps import timestamp
from pytc.errors import ObjectError
from pytc.render.documents import Stream
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.words.engine import Word, text
from pytc.words.values import seconds, take_format

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.btf.types import Btf
    from pytc.bpf.maps.map import Map
    from pytc.bpf.maps.ring_buffer import Event, EventSource
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Json
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map events MAP [ type FORMAT ] [ object FILE ] [ count NUMBER ] [ for TIME ] [ timeout TIME ]

Events from a ring buffer or a perf event array as they come: NUMBER of them {for ever}. With -j, a JSON object on each
line; with -t or -ts, the time at which each was read.

FORMAT is as in "pytc map help"; names of types are looked up in FILE, or in the programs that use the map. Without it,
events have the structure with the map's name or its singular (struct notice for notices), or the one that a variable
points to (struct event *unused); else they are bytes.

for      ends after TIME
timeout  ends when none came for TIME

TIME := NUMBER[ ms | s | m ]
"""

WORDS = (
    *TARGET,
    VALUE_TYPE,
    Word("type", "value_type", read=take_format),
    COUNT,
    Word("timeout", "timeout", seconds, wrong="invalid time"),
    Word("for", "duration", seconds, exact=True, wrong="invalid time"),
    Word("object", "object", text, wrong="invalid file"),
)


class ReadEvents(Command):
    """Reads ``limit`` events, 0 for all, until ``timeout`` seconds went by without one, or ``duration`` altogether.

    ``object`` is a file in which the target's value type is looked up.
    """

    target: Target
    limit: int = 0
    timeout: float | None = None
    duration: float | None = None
    object: str = ""


def parse(cursor: Cursor) -> ReadEvents:
    """Return the command; raises UsageError, HelpRequested."""
    return ReadEvents(**take_words(cursor, WORDS, "events"))


def run(context: Context, command: ReadEvents) -> Stream:
    """Return events as they come; raises PytcError."""
    map = context.own(open_map(context, command.target.kind, command.target.text))
    source = context.own(event_source(map))
    btf = _btf(map, command)
    format = command.target.value_type or (guess_event_type(btf, map.name) if btf is not None else "")
    decoder = EventDecoder(format, btf)
    if not format and context.display.is_terminal:
        context.say('Note: the program does not name the type of its events: with type "struct NAME" they have members')

    def text() -> Iterator[str]:
        for event in read_events(source, command):
            cpu = f"cpu {event.cpu} " if event.cpu >= 0 else ""
            value = f"lost {event.lost}" if event.lost else format_value(Style.TEXT, decoder.decode(event.data))
            yield f"{render([timestamp(context.display)])}{cpu}{value}\n"

    def values() -> Iterator[Json]:
        for event in read_events(source, command):
            members = as_object(timestamp(context.display))
            if event.cpu >= 0:
                members["cpu"] = event.cpu
            if event.lost:
                yield {**members, "lost": event.lost}
            else:
                yield {**members, "value": as_json(decoder.decode(event.data))}

    return Stream(text, lambda: (format_value(Style.JSON, value) + "\n" for value in values()), values, is_live=True)


def read_events(source: EventSource, command: ReadEvents) -> Iterator[Event]:
    """Return the events of a source that a command asks for, as they come."""
    events = source.events(command.timeout) if command.duration is None else _for_a_time(source, command)
    return islice(events, command.limit or None)


def _for_a_time(source: EventSource, command: ReadEvents) -> Iterator[Event]:
    """Yield events until the command's duration is over, or its timeout without one."""
    end = time.monotonic() + (command.duration or 0.0)
    poll = select.poll()
    poll.register(source.fileno(), select.POLLIN)
    while (left := end - time.monotonic()) > 0:
        wait = left if command.timeout is None else min(left, command.timeout)
        if not poll.poll(wait * 1000):
            return
        for event in source.events(0):
            yield event
            if time.monotonic() >= end:
                return


def _btf(map: Map, command: ReadEvents) -> Btf | None:
    """Return the types in which names are looked up: an object file's, the map's own, or those of a program that uses
    it."""
    if command.object:
        from pytc.bpf.object.reader import read_object

        btf = read_object(command.object).btf
        if btf is None:
            raise ObjectError(f'object file "{command.object}" has no BTF; compile it with -g')
        return btf
    return read_btf(map.description) or find_program_btf(map.description.id)
