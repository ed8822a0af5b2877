"""The kernel's refusals about elements of a map, with their causes."""

from __future__ import annotations

import errno

from pytc.bpf.codec.scalars import Style, format_value
from pytc.bpf.maps.batch import read_items
from pytc.bpf.sys.constants import F_INNER_MAP, MAP_IN_MAP, MapType, a_map_type, map_type_name
from pytc.bpf.sys.info import describe_map, map_by_id
from pytc.commands.shared.maps import descriptor_facts
from pytc.contexts import contextmanager
from pytc.errors import ENOTSUPP, BpfError, BpfSyscallError, MapElementError, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.maps.raw import RawMap
    from pytc.bpf.maps.typed import TypedMap

_WRITE_ONLY, _READ_ONLY = 1, 0
_ACCESS_MODE = 3
_OF_MAPS = (
    "a map of maps takes maps like its template: of its type, key size, value size and flags, and arrays without "
    "BPF_F_INNER_MAP of its max_entries"
)
_NO_MEMBERS = (
    *(MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS, MapType.PROG_ARRAY),
    *(MapType.CGROUP_STORAGE, MapType.PERCPU_CGROUP_STORAGE, MapType.STRUCT_OPS),
)
_SOCKET = "the value is the descriptor of a socket that this process has open"
_OF_SOCKETS = (
    "a sockmap takes TCP sockets that are connected or listen, UDP sockets, and Unix sockets that are connected"
)
#: Rules for elements that are maps, programs or sockets, by error number and map type: bpf_map_meta_equal in
#: kernel/bpf/map_in_map.c, __bpf_prog_map_compatible in kernel/bpf/core.c, sock_map_sk_state_allowed in
#: net/core/sock_map.c.
_MEMBERS: dict[tuple[int, int], str] = {
    (errno.EINVAL, MapType.PROG_ARRAY): (
        "all programs of a program array must have the type of the first that it held, and be JIT-compiled alike"
    ),
    (errno.EOPNOTSUPP, MapType.SOCKMAP): _OF_SOCKETS,
    (errno.EOPNOTSUPP, MapType.SOCKHASH): _OF_SOCKETS,
    **{
        (number, type): _SOCKET
        for number in (errno.EBADF, errno.ENOTSOCK)
        for type in (MapType.SOCKMAP, MapType.SOCKHASH, MapType.XSKMAP, MapType.REUSEPORT_SOCKARRAY)
    },
    (errno.EBADF, MapType.PERF_EVENT_ARRAY): "the value is the descriptor of a perf event that this process has open",
    (
        errno.EBADF,
        MapType.CGROUP_ARRAY,
    ): "the value is the descriptor of a cgroup's directory that this process has open",
    (errno.EOVERFLOW, MapType.CPUMAP): "the queue of a CPU holds 16384 packets at most",
}
#: Types of maps whose keys are indexes: array_map_update_elem and its like return E2BIG for those behind the end.
_INDEXED = frozenset(
    {
        *(MapType.ARRAY, MapType.PERCPU_ARRAY, MapType.PROG_ARRAY, MapType.PERF_EVENT_ARRAY, MapType.CGROUP_ARRAY),
        *(MapType.ARRAY_OF_MAPS, MapType.CPUMAP, MapType.DEVMAP, MapType.SOCKMAP, MapType.XSKMAP),
        MapType.REUSEPORT_SOCKARRAY,
    }
)


@contextmanager
def explain_refusals(typed: TypedMap, key: bytes = b"", value: bytes = b"") -> Iterator[None]:
    """Turn a failed call within the block into a MapElementError with the element that it was about, and a cause."""
    try:
        yield
    except KeyError:
        raise _missing(typed, key) from None
    except BpfSyscallError as error:
        raise element_error(typed, error, key, value) from error


def _missing(typed: TypedMap, key: bytes) -> MapElementError:
    name = typed.map.name
    if not key:
        return MapElementError(f'map "{name}" is empty', errno=errno.ENOENT)
    return MapElementError(f'map "{name}": there is no element with key {_key(typed, key)}', errno=errno.ENOENT)


def element_error(typed: TypedMap, error: BpfSyscallError, key: bytes = b"", value: bytes = b"") -> MapElementError:
    """Return the error for a call that the kernel refused, with the likely cause as a hint."""
    number = error.errno or 0
    where = f'map "{typed.map.name}"' + (f": key {_key(typed, key)}" if key else "")
    if "LOOKUP" in error.command:
        hint = _lookup_cause(typed, number)
    elif "DELETE" in error.command and number == errno.EINVAL:
        hint = f"elements of {a_map_type(typed.map.description.type)} cannot be deleted"
    elif number == errno.EINVAL and typed.map.description.type in MAP_IN_MAP:
        hint = _member_cause(typed, value)
    else:
        hint = _cause(typed, number)
    return MapElementError(
        f"{where}: bpf({error.command}): {strerror(number)}", errno=number, hints=(hint,) if hint else ()
    )


def _key(typed: TypedMap, key: bytes) -> str:
    return format_value(Style.TEXT, typed.types.key.decode(key))


def _cause(typed: TypedMap, number: int) -> str:
    most = typed.map.description.max_entries
    if number == errno.EPERM:
        return _permission(typed.map)
    if (number, typed.map.description.type) in _MEMBERS:
        return _MEMBERS[number, typed.map.description.type]
    if number == errno.E2BIG:
        what = "the key is out of range" if typed.map.description.type in _INDEXED else "the map is full"
        return f"{what}: max_entries is {most}"
    return {
        errno.EEXIST: "the element already exists, and noexist was given (or the map never replaces one)",
        errno.ENOENT: "the element does not exist, and exist was given",
        errno.ENOSPC: "no room is left",
        errno.EBUSY: "a program is using an element",
    }.get(number, "")


def _member_cause(typed: TypedMap, value: bytes) -> str:
    """Return why a map of maps does not take the map with a descriptor: in what it differs from one that is in it.

    The kernel tells nothing of the template. Without an element to compare with, the rule is all that can be said.
    """
    try:
        member = describe_map(int.from_bytes(value, "little"))
        if member.type in _NO_MEMBERS:
            return f"a map of maps cannot hold maps of type {map_type_name(member.type)}"
        present = next((number for _, number in read_items(typed.map)), b"")
        with map_by_id(int.from_bytes(present, "little")) as descriptor:
            template = describe_map(descriptor.fd)
    except BpfError:
        return _OF_MAPS
    of_map, of_others = ({**one._asdict(), "type": map_type_name(one.type)} for one in (member, template))
    differ = [field for field in ("type", "key_size", "value_size", "flags") if of_map[field] != of_others[field]]
    if not differ and member.type == MapType.ARRAY and not member.flags & F_INNER_MAP:
        differ = ["max_entries"] * (member.max_entries != template.max_entries)
    return (
        "; ".join(
            f'{field} of the map is {of_map[field]}, that of the maps that "{typed.map.name}" holds {of_others[field]}'
            for field in differ
        )
        or _OF_MAPS
    )


def _lookup_cause(typed: TypedMap, number: int) -> str:
    if number in (errno.EOPNOTSUPP, ENOTSUPP):
        return f"only programs can read the elements of {a_map_type(typed.map.description.type)}"
    if number == errno.ENOSPC:  # sock_map_lookup_sys() returns the cookie where it fits, nothing else
        return "this map's sockets can only be read as cookies, which need a value size of 8"
    return _cause(typed, number)


def _permission(map: RawMap) -> str:
    facts = descriptor_facts(map)
    if facts.get("frozen") == "1":
        return "the map is frozen: user space cannot change it any more"
    mode = int(facts.get("flags", "2") or "2", 8) & _ACCESS_MODE
    if mode == _READ_ONLY:
        return "the descriptor is read-only"
    if mode == _WRITE_ONLY:
        return "the descriptor is write-only"
    return ""
