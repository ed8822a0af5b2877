"""Create maps that no object declares."""

from pytc.api.calls import log, public
from pytc.api.maps import Map
from pytc.bpf.codec.format import format_codec
from pytc.bpf.maps.map import create_map as create
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.object.names import kernel_name
from pytc.bpf.object.spec import MapSpec
from pytc.bpf.sys.constants import F_NO_PREALLOC, MAP_IN_MAP, MapType
from pytc.errors import ArgumentError

_KEYLESS = frozenset({MapType.QUEUE, MapType.STACK, MapType.BLOOM_FILTER, MapType.RINGBUF, MapType.USER_RINGBUF})
_VALUELESS = frozenset({MapType.RINGBUF, MapType.USER_RINGBUF})


@public
def create_map(
    type: str,
    *,
    key: str = "u32",
    value: str = "u32",
    max_entries: int = 1,
    flags: int = 0,
    name: str = "",
    inner: Map | None = None,
) -> Map:
    """Create a map that no object declares, like those that a map of maps holds.

    ``type`` is a name like ``hash``; ``key`` and ``value`` are formats, from which the sizes follow: ``"ip4"``,
    ``"{u64 packets, u64 bytes}"``. ``flags`` are BPF_F_*; ``inner`` is a map like those that a map of maps is to hold.
    Raises ArgumentError, CodecError for a format, BpfSyscallError with likely causes.

    >>> with pytc.create_map("hash", key="ip4", value="{u64 packets, u64 bytes}", max_entries=100) as traffic:
    ...     traffic["192.0.2.7"] = {"packets": 1}
    ...     traffic["192.0.2.7"]
    {'packets': 1, 'bytes': 0}
    """
    try:
        number = MapType[type.upper()]
    except KeyError:
        raise ArgumentError(f'"{type}" is no type of maps: {", ".join(one.name.lower() for one in MapType)}') from None
    of_maps = number in MAP_IN_MAP
    if of_maps != (inner is not None):
        raise ArgumentError("a map of maps, and no other, is created with a map like those that it is to hold: inner")
    keys, values = "" if number in _KEYLESS else key, "" if number in _VALUELESS or of_maps else value
    spec = MapSpec(
        name or type,
        number,
        format_codec(keys, 0).size if keys else 0,
        4 if of_maps else format_codec(values, 0).size if values else 0,
        max_entries,
        flags | (F_NO_PREALLOC if number == MapType.LPM_TRIE else 0),
    )
    raw = create(spec, kernel_name(spec.name), inner_fd=inner.fd if inner is not None else 0)
    try:
        # values that are maps, programs or sockets are known by the type of the map
        has_objects = of_maps or number in (MapType.PROG_ARRAY, MapType.PERF_EVENT_ARRAY)
        made = Map(raw, types=None if has_objects else TypedMap(raw, key=keys, value=values).types)
    except BaseException:
        raw.close()
        raise
    log.debug("created map %s (%s, id %d)", spec.name, type, raw.description.id)
    return made
