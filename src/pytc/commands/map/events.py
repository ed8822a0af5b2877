"""``pytc map events``: what programs send through a ring buffer or perf events."""

from collections.abc import Iterator

from pytc.bpf.btf.types import Btf
from pytc.bpf.codec.scalars import Codec, Style, Value, format_value, hex_codec
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.ring_buffer import Event, EventSource, RingBuffer
from pytc.bpf.maps.types import named_codec, read_btf
from pytc.bpf.sys import constants as c
from pytc.bpf.sys.info import btf_image, describe_program, ids, program_by_id, program_map_ids
from pytc.commands.map.words import COUNT, TARGET, VALUE_TYPE, Target, take_words
from pytc.commands.shared.command import Command
from pytc.commands.shared.context import Context
from pytc.commands.shared.map_elements import as_json
from pytc.commands.shared.maps import open_map
from pytc.errors import BpfError, BpfSyscallError, CodecError, ObjectError
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

_LARGEST = 1 << 12


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
    source = context.own(_source(map))
    decoder = _Decoder(command.target.value_type, _btf(map, command))

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


def _source(map: Map) -> EventSource:
    if map.description.type == c.MapType.RINGBUF:
        return RingBuffer(map)
    if map.description.type == c.MapType.PERF_EVENT_ARRAY:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        return PerfBuffer(map)
    raise BpfError(f'map "{map.name}" is {c.a_map_type(map.description.type)}, not a ring buffer or a perf event array')


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
    return read_btf(map.description) or _find_program_btf(map.description.id)


def _find_program_btf(map_id: int) -> Btf | None:
    """Return the types of a program that uses a map; None without one, and where the process may not look."""
    try:
        for number in ids(c.Command.PROG_GET_NEXT_ID):
            with program_by_id(number) as program:
                if map_id in program_map_ids(program.fd):
                    btf_id = describe_program(program.fd).btf_id
                    if btf_id:
                        return Btf(btf_image(btf_id))
    except BpfSyscallError:
        return None
    return None


class _Decoder:
    """Decodes events, which may be of any length, by a format.

    A format that ends with ``hex`` or ``str`` of no size takes what there is. An event that is too short for its
    format is decoded as hex. Raises CodecError for a wrong format before any event comes.
    """

    def __init__(self, format: str, btf: Btf | None) -> None:
        self._format, self._btf = format, btf
        self._codecs: dict[int, Codec] = {}
        self._fixed = None if not format or self._is_open() else named_codec(format, 0, btf)
        if self._fixed is None and format:
            named_codec(format, _LARGEST, btf)  # only for its CodecError

    def _is_open(self) -> bool:
        try:
            named_codec(self._format, 0, self._btf)
        except CodecError:
            return True
        return False

    def decode(self, data: bytes) -> Value:
        """Return the value of an event."""
        codec = self._codecs.get(len(data))
        if codec is None:
            codec = self._codecs[len(data)] = self._codec(len(data))
        return codec.decode(data[: codec.size])

    def _codec(self, size: int) -> Codec:
        if self._fixed is not None:
            return self._fixed if self._fixed.size <= size else hex_codec(size)
        try:
            return named_codec(self._format, size, self._btf) if self._format else hex_codec(size)
        except CodecError:
            return hex_codec(size)
