"""Values of maps that are objects: maps in maps, programs in program arrays, sockets and cgroups."""

from collections.abc import Callable
from typing import Any

from pytc.bpf.codec.scalars import Codec
from pytc.bpf.maps.types import MapTypes
from pytc.bpf.sys.constants import MAP_IN_MAP, MapType
from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.codec.scalars import Value


_OF_DESCRIPTORS = frozenset(
    {MapType.SOCKMAP, MapType.SOCKHASH, MapType.XSKMAP, MapType.REUSEPORT_SOCKARRAY, MapType.CGROUP_ARRAY}
)


class ObjectCodec(Codec):
    """A value that is an object with a descriptor: the kernel takes that, and returns the object's id.

    ``open`` makes an object of an id; without it, the id is the value.
    """

    def __init__(self, size: int, what: str, open: Callable[[int], Any] | None = None) -> None:
        self.size, self._what, self._open = size, what, open

    def decode(self, data: bytes) -> "Value":
        number = int.from_bytes(data, "little")
        opened: Value = number if self._open is None else self._open(number)
        return opened

    def encode(self, value: Any) -> bytes:
        """Return the descriptor of an object, or of a number that is one; raises CodecError."""
        fileno = getattr(value, "fileno", None)
        number = fileno() if fileno is not None else value
        if not isinstance(number, int) or isinstance(number, bool):
            raise CodecError(f"{value!r} is no {self._what}: an object with fileno(), or a descriptor, is wanted")
        return number.to_bytes(self.size, "little")


def with_objects(
    type: int, types: MapTypes, open_map: Callable[[int], Any], open_program: Callable[[int], Any]
) -> MapTypes:
    """Return the types of a map, with objects as its values where they are maps, programs, sockets or cgroups."""
    if type in MAP_IN_MAP:
        codec = ObjectCodec(4, "map", open_map)
    elif type == MapType.PROG_ARRAY:
        codec = ObjectCodec(4, "program", open_program)
    elif type in _OF_DESCRIPTORS:
        codec = ObjectCodec(types.value_size, "cgroup" if type == MapType.CGROUP_ARRAY else "socket")
    else:
        return types
    return types._replace(value=codec, whole=codec)
