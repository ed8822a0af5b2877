"""Events of ring and perf buffers: the reader of a map, and the types of what programs send."""

from __future__ import annotations

from errno import ENOENT

from pytc.bpf.btf import types as b
from pytc.bpf.btf.types import Btf
from pytc.bpf.codec.scalars import hex_codec
from pytc.bpf.maps.ring_buffer import RingBuffer
from pytc.bpf.maps.types import named_codec
from pytc.bpf.sys import constants as c
from pytc.bpf.sys.info import btf_image, describe_program, ids, program_by_id, program_map_ids
from pytc.errors import BpfError, BpfSyscallError, CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.codec.scalars import Codec, Value
    from pytc.bpf.maps.map import Map
    from pytc.bpf.maps.ring_buffer import EventSource

_LARGEST = 1 << 12


def event_source(map: Map) -> EventSource:
    """Open the reader of a ring buffer or a perf event array; raises BpfError for another map, BpfSyscallError."""
    if map.description.type == c.MapType.RINGBUF:
        return RingBuffer(map)
    if map.description.type == c.MapType.PERF_EVENT_ARRAY:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        return PerfBuffer(map)
    raise BpfError(f'map "{map.name}" is {c.a_map_type(map.description.type)}, not a ring buffer or a perf event array')


def find_program_btf(map_id: int) -> Btf | None:
    """Return the types of a program that uses a map; None without one, and where the process may not look."""
    try:
        for number in ids(c.Command.PROG_GET_NEXT_ID):
            try:
                image = _btf_of_user(number, map_id)
            except BpfSyscallError as error:
                if error.errno != ENOENT:  # deleted meanwhile
                    raise
            else:
                if image:
                    return Btf(image)
    except BpfSyscallError:
        return None
    return None


def _btf_of_user(number: int, map_id: int) -> bytes:
    """Return the types of a program by its id, empty where it does not use the map, or has none."""
    with program_by_id(number) as program:
        if map_id not in program_map_ids(program.fd):
            return b""
        btf_id = describe_program(program.fd).btf_id
        return btf_image(btf_id) if btf_id else b""


def guess_event_type(btf: Btf, map_name: str) -> str:
    """Return the type of a buffer's events as a format, empty where nothing tells it.

    That is the structure with the map's name or its singular (``struct notice`` for a map ``notices``); else the
    structure that the only pointer among the variables points to: ``struct event *unused __attribute__((unused));``
    keeps a type in the object that is used within functions alone.
    """
    for name in (map_name, map_name.removesuffix("s"), map_name.removesuffix("es")):
        if name and btf.find(name, b.STRUCT):
            return f"struct {name}"
    names = {btf.name(type_id) for type_id in _pointed_to(btf)} - {""}
    return f"struct {names.pop()}" if len(names) == 1 else ""


def _pointed_to(btf: Btf) -> list[int]:
    """Return the structures that variables are pointers to."""
    found = []
    for section, _ in btf.data_sections():
        for variable in btf.section_variables(section):
            type_id = btf.resolve(variable.type_id)
            if btf.kind(type_id) == b.PTR and btf.kind(target := btf.resolve(btf.referred(type_id))) == b.STRUCT:
                found.append(target)
    return found


class EventDecoder:
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
