"""Open the map that a command names."""

from __future__ import annotations

import errno
import os

from pytc.bpf.maps.map import Map
from pytc.bpf.object.names import kernel_map_names
from pytc.bpf.sys.constants import F_RDONLY, Command
from pytc.bpf.sys.info import ids, map_by_id
from pytc.bpf.sys.pins import open_pin
from pytc.commands.shared.pins import pin_path, similar_pins
from pytc.errors import BpfError, BpfSyscallError, UsageError, shortlist

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pytc.bpf.maps.raw import RawMap
    from pytc.bpf.sys.descriptor import OwnedFd
    from pytc.commands.shared.context import Context

    MapKind = Literal["fd", "map", "pinned", "id", "name"]

#: Ways to name a map: by its descriptor, a variable of the environment, its pin, id or name.
MAP_KINDS: tuple[MapKind, ...] = ("fd", "map", "pinned", "id", "name")

_NAME_CHARACTERS = 15  # BPF_OBJ_NAME_LEN - 1: the kernel keeps no more of a name


def open_map(context: Context, kind: MapKind, text: str) -> Map:
    """Open the map that ``text`` names; raises PytcError. The caller closes it."""
    if kind == "pinned":
        return _open_pinned(context, text)
    if kind == "name":
        return _open_named(text)
    if kind == "map":
        return _open_descriptor(_in_environment(context, text), f"map {text}")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(f'Error: argument "{text}" is wrong: invalid {kind}')
    return _open_descriptor(int(text), f"fd {text}") if kind == "fd" else Map(map_by_id(int(text)))


def _open_pinned(context: Context, path: str) -> Map:
    pin = pin_path(context, path)
    try:
        descriptor = _open_as_allowed(pin)
    except BpfSyscallError as error:
        reason = os.strerror(error.errno or 0)
        refusal = BpfError(f'cannot open the pinned map "{pin}": {reason}', errno=error.errno, hints=error.hints)
        raise refusal.with_alternatives(*similar_pins(pin)) from error
    try:
        return Map(descriptor)
    except BpfSyscallError as error:
        raise BpfError(f'"{pin}" is not a map: {error}', errno=error.errno) from error


def _open_as_allowed(path: str) -> OwnedFd:
    """Open a pin for reading and writing, or only for reading where the file's mode allows no more."""
    try:
        return open_pin(path)
    except BpfSyscallError as error:
        if error.errno not in (errno.EACCES, errno.EPERM):
            raise
        return open_pin(path, flags=F_RDONLY)


def _open_descriptor(fd: int, what: str) -> Map:
    try:
        return Map.from_fd(fd)
    except BpfSyscallError as error:
        raise BpfError(f"{what} is not a map: {error}", errno=error.errno) from error
    except BpfError as error:
        raise BpfError(f"{what}: {error}", errno=error.errno) from error


def _in_environment(context: Context, text: str) -> int:
    """Return the descriptor in ``$BPF_MAP1`` for ``1``, in ``$BPF_MAP_<name>`` for a name; ``exec bpf import`` sets
    both."""
    from pytc.exec_proxy.environment import PREFIX, shell_name

    variable = f"{PREFIX}{text}" if text.isascii() and text.isdigit() else f"{PREFIX}_{shell_name(text)}"
    if variable not in context.environment and variable.startswith(f"{PREFIX}_"):
        variable = f"{PREFIX}_{shell_name(text[:_NAME_CHARACTERS])}"
    value = context.environment.get(variable, "")
    if not value:
        names = sorted(name for name in context.environment if name.startswith(PREFIX)) or ["none"]
        raise BpfError(f"map {text}: ${variable} is not in the environment, which has {' '.join(names)}")
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BpfError(f'map {text}: ${variable} is "{value}", which is not a descriptor')
    return int(value)


def open_named_maps(name: str) -> list[Map]:
    """Open all maps with a name, which may be longer than the kernel's; raises BpfError where there are none. The
    caller closes them."""
    names, matching, others = kernel_map_names(name), list[Map](), set[str]()
    try:
        for number in ids(Command.MAP_GET_NEXT_ID):
            candidate = _by_id(number)
            if candidate is not None and candidate.description.name in names:
                matching.append(candidate)
            elif candidate is not None:
                others.add(candidate.description.name)
                candidate.close()
    except BaseException:
        for map in matching:
            map.close()
        raise
    if not matching:
        raise BpfError(f'there is no map "{name}"').with_alternatives(name, others)
    return matching


def _open_named(name: str) -> Map:
    map, *others = matching = open_named_maps(name)
    if not others:
        return map
    ids_text = shortlist([str(map.description.id) for map in matching])
    for map in matching:
        map.close()
    raise BpfError(f'there are {len(matching)} maps "{name}", with the ids {ids_text}: choose one with id')


def _by_id(number: int) -> Map | None:
    """Open a map by its id; None for one that went away meanwhile."""
    try:
        return Map(map_by_id(number))
    except BpfSyscallError:
        return None


def descriptor_facts(map: RawMap) -> dict[str, str]:
    """Return what /proc/self/fdinfo tells of a map: ``memlock`` in bytes, ``frozen``, ``flags`` in octal; empty where
    it cannot be read."""
    try:
        with open(f"/proc/self/fdinfo/{map.fd}") as file:
            lines = file.read().splitlines()
    except OSError:
        return {}
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
