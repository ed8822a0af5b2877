"""From the words that name a map to an open one with types."""

import errno
import os
from typing import TYPE_CHECKING, Any

from pytc.bpf.codec.scalars import Codec, Columns, Integer, Style, Value
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.sys.constants import F_RDONLY, MAP_IN_MAP, Command, MapType
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import ids, map_by_id
from pytc.bpf.sys.pins import open_pin
from pytc.commands.map.values import Target, Words
from pytc.commands.shared.context import Context
from pytc.commands.shared.pins import pin_path
from pytc.errors import BpfError, BpfSyscallError, CodecError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

_NAME_CHARACTERS = 15
#: Maps whose values are descriptors when they are written, and ids when they are read.
_OF_PROGRAMS = frozenset({MapType.PROG_ARRAY})
_KINDS = ("fd", "map", "pinned", "id", "name")


def open_typed(context: Context, target: Target) -> TypedMap:
    """The map that is meant, until the context is closed; raises PytcError."""
    found = context.own(open_target(context, target.kind, target.text))
    return with_types(context, found, key=target.key_type, value=target.value_type)


def with_types(context: Context, found: Map, *, key: str = "", value: str = "") -> TypedMap:
    """An open map with types: formats, or its own. Raises PytcError."""
    typed = TypedMap(found, key=key, value=value)
    kind = found.description.type
    if value or kind not in MAP_IN_MAP | _OF_PROGRAMS:
        return typed
    codec = Reference(context, _program if kind in _OF_PROGRAMS else _map)
    return TypedMap(found, types=typed.types._replace(value=codec, whole=codec))


def open_target(context: Context, kind: str, text: str) -> Map:
    """Opens a map by what names it; raises PytcError."""
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
    """One that may not be written is opened for reading."""
    place = pin_path(context, path)
    try:
        descriptor = _open_as_allowed(place)
    except BpfSyscallError as error:
        raise BpfError(
            f'cannot open the pinned map "{place}": {os.strerror(error.errno or 0)}', errno=error.errno
        ) from error
    return _checked(descriptor, f'"{place}"')


def _open_as_allowed(path: str) -> OwnedFd:
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
        raise BpfError(f"{what} is no map: {error}", errno=error.errno) from error
    except BpfError as error:
        raise BpfError(f"{what}: {error}", errno=error.errno) from error


def _checked(descriptor: OwnedFd, what: str) -> Map:
    try:
        return Map(descriptor)
    except BpfSyscallError as error:
        raise BpfError(f"{what} is no map: {error}", errno=error.errno) from error


def _in_environment(context: Context, text: str) -> int:
    """``1`` is $BPF_MAP1, a name $BPF_MAP_<name>: what ``pytc exec bpf import`` sets."""
    from pytc.exec_proxy.environment import PREFIX
    from pytc.exec_proxy.identifiers import shell_name

    variable = f"{PREFIX}{text}" if text.isascii() and text.isdigit() else f"{PREFIX}_{shell_name(text)}"
    if variable not in context.environment and variable.startswith(f"{PREFIX}_"):
        variable = f"{PREFIX}_{shell_name(text[:_NAME_CHARACTERS])}"
    value = context.environment.get(variable, "")
    if not value:
        there = sorted(name for name in context.environment if name.startswith(PREFIX)) or ["none"]
        raise BpfError(f"map {text}: there is no ${variable} in the environment; there are {' '.join(there)}")
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise BpfError(f'map {text}: ${variable} is "{value}", and no descriptor')
    return int(value)


def _open_named(name: str) -> Map:
    """The kernel keeps 15 characters of a name."""
    found: list[Map] = []
    try:
        for number in ids(Command.MAP_GET_NEXT_ID):
            candidate = _by_id(number)
            if candidate is not None and candidate.description.name == name[:_NAME_CHARACTERS]:
                found.append(candidate)
            elif candidate is not None:
                candidate.close()
        if len(found) == 1:
            return found.pop()
        if found:
            known = " ".join(str(one.description.id) for one in found)
            raise BpfError(f'there are {len(found)} maps "{name}", with the ids {known}: say which with id')
        raise BpfError(f'there is no map "{name}"')
    finally:
        for one in found:
            one.close()


def _by_id(number: int) -> Map | None:
    """None for a map that went away meanwhile."""
    try:
        return Map(map_by_id(number))
    except BpfSyscallError:
        return None


class Reference(Codec):
    """A value that is a map or a program: its id when it is read; when it is written the id, a pin (``/PATH``,
    ``m:NAME``), ``fd:N``, ``name:NAME`` or ``map:NAME``."""

    size = 4

    def __init__(self, context: Context, opener: "Callable[[Context, str, str], OwnedFd]") -> None:
        self._context, self._open = context, opener
        self._opened: dict[str, OwnedFd] = {}

    def decode(self, data: bytes) -> Value:
        return int.from_bytes(data, "little")

    def _encode(self, value: Any) -> bytes:
        text = str(value)
        if text not in self._opened:
            self._opened[text] = self._context.own(self._open(self._context, *_split(text)))
        return self._opened[text].fd.to_bytes(4, "little")

    def columns(self, style: Style, at: int) -> Columns:
        return Integer(4).columns(style, at)


def _split(text: str) -> tuple[str, str]:
    kind, colon, rest = text.partition(":")
    if colon and kind in _KINDS:
        return kind, rest
    if text.startswith(("/", "m:", ".")):
        return "pinned", text
    if text.isdigit():
        return "id", text
    raise CodecError(f'"{text}" is neither an id nor a pin; id:N, pinned:PATH, fd:N, name:NAME and map:NAME do as well')


def _map(context: Context, kind: str, text: str) -> OwnedFd:
    return open_target(context, kind, text).descriptor


def _program(context: Context, kind: str, text: str) -> OwnedFd:
    from pytc.bpf.sys.info import describe_program, program_by_id

    if kind == "pinned":
        descriptor = open_pin(pin_path(context, text))
    elif kind == "id" and text.isdigit():
        descriptor = program_by_id(int(text))
    elif kind == "fd" and text.isdigit():
        descriptor = OwnedFd(os.dup(int(text)))
    else:
        raise CodecError(f'a program is named by its id, pin or descriptor, not by "{kind}:{text}"')
    try:
        describe_program(descriptor.fd)
    except BpfError:
        descriptor.close()
        raise
    return descriptor


def key_bytes(typed: TypedMap, words: Words | None) -> bytes:
    """The key that is meant; an array with one element needs none. Raises CodecError, BpfError."""
    from pytc.bpf.maps.types import KEYLESS

    description = typed.map.description
    if description.type in KEYLESS:
        if words is not None:
            raise CodecError(f'map "{typed.map.name}" has no keys')
        return b""
    if words is None:
        if (
            description.max_entries == 1
            and description.key_size == 4
            and description.type in (MapType.ARRAY, MapType.PERCPU_ARRAY)
        ):
            return bytes(4)
        raise BpfError(f'map "{typed.map.name}": which key?')
    try:
        return typed.types.key.encode(words)
    except CodecError as error:
        raise CodecError(f'map "{typed.map.name}": key: {error}') from None
