"""Refusals of the kernel about elements of a map, with their causes."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from pytc.bpf.codec.scalars import Style, say
from pytc.bpf.maps.raw import RawMap
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.sys.constants import map_type_name
from pytc.errors import ENOTSUPP, BpfSyscallError, MapElementError, strerror

_WRITE_ONLY, _READ_ONLY = 1, 0
_ACCESS_MODE = 3


@contextmanager
def refusals(typed: TypedMap, key: bytes = b"") -> Iterator[None]:
    """Says of a failed call which element it was about, and why."""
    try:
        yield
    except KeyError:
        raise missing(typed, key) from None
    except BpfSyscallError as error:
        raise refusal(typed, error, key) from error


def missing(typed: TypedMap, key: bytes) -> MapElementError:
    """There is no such element."""
    name = typed.map.name
    if not key:
        return MapElementError(f'map "{name}" is empty', errno=errno.ENOENT)
    return MapElementError(f'map "{name}": there is no element with key {_key(typed, key)}', errno=errno.ENOENT)


def refusal(typed: TypedMap, error: BpfSyscallError, key: bytes = b"") -> MapElementError:
    """What the kernel refused, with what is known of the map."""
    number = error.errno or 0
    where = f'map "{typed.map.name}"' + (f": key {_key(typed, key)}" if key else "")
    hint = _unreadable(typed, number) if "LOOKUP" in error.command else _cause(typed, number)
    return MapElementError(
        f"{where}: bpf({error.command}): {strerror(number)}", errno=number, hints=(hint,) if hint else ()
    )


def _key(typed: TypedMap, key: bytes) -> str:
    return say(Style.TEXT, typed.types.key.decode(key))


def _cause(typed: TypedMap, number: int) -> str:
    most = typed.map.description.max_entries
    if number == errno.EPERM:
        return _permission(typed.map)
    if number == errno.E2BIG:
        return f"the map is full, or the key lies outside: max_entries is {most}"
    return {
        errno.EEXIST: "there is such an element already, and noexist was said (or the map does not replace any)",
        errno.ENOENT: "there is no such element, and exist was said",
        errno.ENOSPC: "there is no room left",
        errno.EBUSY: "an element is in use by a program at the moment",
    }.get(number, "")


def _unreadable(typed: TypedMap, number: int) -> str:
    """Why an element that may be there cannot be read."""
    if number in (errno.EOPNOTSUPP, ENOTSUPP):
        return f"the elements of a {map_type_name(typed.map.description.type)} are for programs alone"
    if number == errno.ENOSPC:
        return "of sockets there are cookies to be read, for which values of the map have to have 8 bytes"
    return _cause(typed, number)


def _permission(found: RawMap) -> str:
    facts = descriptor_facts(found)
    if facts.get("frozen") == "1":
        return "the map is frozen: user space cannot change it any more"
    mode = int(facts.get("flags", "2") or "2", 8) & _ACCESS_MODE
    if mode == _READ_ONLY:
        return "the descriptor is read-only"
    if mode == _WRITE_ONLY:
        return "the descriptor is write-only"
    return ""


def descriptor_facts(found: RawMap) -> dict[str, str]:
    """What /proc/self/fdinfo says of a map: ``memlock`` in bytes, ``frozen``, ``flags`` in octal. Empty without."""
    try:
        with open(f"/proc/self/fdinfo/{found.fd}") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
