"""``map events``: what programs send through a ring buffer or perf events."""

from collections.abc import Iterator

from pytc.bpf.btf.types import Btf
from pytc.bpf.codec.scalars import Codec, Style, Value, hex_codec, say
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.ring_buffer import Event, EventSource, RingBuffer
from pytc.bpf.maps.types import named_codec, read_btf
from pytc.bpf.sys.constants import Command, MapType, map_type_name
from pytc.bpf.sys.info import btf_image, describe_program, ids, program_by_id, program_map_ids
from pytc.commands.map.elements import as_json
from pytc.commands.map.targets import open_target
from pytc.commands.map.values import ReadEvents
from pytc.commands.shared.context import Context
from pytc.errors import BpfError, BpfSyscallError, CodecError, ObjectError
from pytc.render.documents import Json, Stream


def read_events(context: Context, command: ReadEvents) -> Stream:
    """Events as they come; raises PytcError."""
    found = context.own(open_target(context, command.target.kind, command.target.text))
    source = context.own(_source(found))
    decoding = _Decoding(command.target.value_type, _types(found, command))

    def text() -> Iterator[str]:
        for event in _events(source, command):
            cpu = f"cpu {event.cpu} " if event.cpu >= 0 else ""
            said = f"lost {event.lost}" if event.lost else say(Style.TEXT, decoding.decode(event.data))
            yield f"{cpu}{said}\n"

    def values() -> Iterator[Json]:
        for event in _events(source, command):
            cpu: dict[str, Json] = {"cpu": event.cpu} if event.cpu >= 0 else {}
            yield {**cpu, "lost": event.lost} if event.lost else {**cpu, "value": as_json(decoding.decode(event.data))}

    return Stream(text, lambda: (say(Style.JSON, value) + "\n" for value in values()), values, is_live=True)


def _source(found: Map) -> EventSource:
    if found.description.type == MapType.RINGBUF:
        return RingBuffer(found)
    if found.description.type == MapType.PERF_EVENT_ARRAY:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        return PerfBuffer(found)
    raise BpfError(
        f'map "{found.name}" is a {map_type_name(found.description.type)}: events come from ring buffers '
        "and perf event arrays"
    )


def _events(source: EventSource, command: ReadEvents) -> Iterator[Event]:
    left = command.limit
    for event in source.events(command.timeout):
        yield event
        left -= 1
        if not left:
            return


def _types(found: Map, command: ReadEvents) -> Btf | None:
    """Where names of types are looked up: in an object file, the map's own types, those of a program that uses it."""
    if not command.target.value_type:
        return None
    if command.object:
        from pytc.bpf.object.reader import read_object

        btf = read_object(command.object).btf
        if btf is None:
            raise ObjectError(f'object file "{command.object}" has no BTF; compile it with -g')
        return btf
    return read_btf(found.description) or _of_a_program(found.description.id)


def _of_a_program(map_id: int) -> Btf | None:
    """None where there is no such program, and where the process may not look."""
    try:
        for number in ids(Command.PROG_GET_NEXT_ID):
            with program_by_id(number) as program:
                if map_id in program_map_ids(program.fd):
                    btf_id = describe_program(program.fd).btf_id
                    if btf_id:
                        return Btf(btf_image(btf_id))
    except BpfSyscallError:
        return None
    return None


_LARGEST = 1 << 12


class _Decoding:
    """Events may be of any length: a format's open end takes what there is; hex where an event is too short."""

    def __init__(self, format: str, btf: Btf | None) -> None:
        self._format, self._btf = format, btf
        self._codecs: dict[int, Codec] = {}
        self._fixed = None if not format or self._is_open() else named_codec(format, 0, btf)
        if self._fixed is None and format:
            named_codec(format, _LARGEST, btf)  # raises what is to be said of a wrong one before events come

    def _is_open(self) -> bool:
        """Whether the format ends with ``hex`` or ``str`` of no size, which take what is left."""
        try:
            named_codec(self._format, 0, self._btf)
        except CodecError:
            return True
        return False

    def decode(self, data: bytes) -> Value:
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
