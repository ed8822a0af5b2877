"""Maps with types; values that are maps or programs, which words name."""

from __future__ import annotations

import os

from pytc.bpf.codec.scalars import Codec, Integer
from pytc.bpf.codec.text import shown
from pytc.bpf.maps.typed import TypedMap
from pytc.bpf.sys.constants import MAP_IN_MAP, MapType
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.info import describe_program, program_by_id
from pytc.bpf.sys.pins import open_pin
from pytc.commands.shared.maps import MAP_KINDS, open_map
from pytc.commands.shared.pins import pin_path
from pytc.errors import BpfError, BpfSyscallError, CodecError, strerror

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytc.bpf.codec.scalars import Columns, Style, Value
    from pytc.bpf.maps.map import Map
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.maps import MapKind


def typed_map(context: Context, map: Map, *, key: str = "", value: str = "") -> TypedMap:
    """Return an open map with types: the formats ``key`` and ``value``, or its own. Raises PytcError."""
    typed = TypedMap(map, key=key, value=value)
    if typed.types.btf is None and map.description.btf_id and not value:
        context.notes.append(
            "Note: reading the types of a map takes CAP_SYS_ADMIN; without them, keys and values are plain numbers or "
            "hex (keytype and valuetype state their formats)"
        )
    if value or map.description.type not in (*MAP_IN_MAP, MapType.PROG_ARRAY):
        return typed
    is_program = map.description.type == MapType.PROG_ARRAY
    codec = _Program(context) if is_program else _Map(context)
    return TypedMap(map, types=typed.types._replace(value=codec, whole=codec))


class _Reference(Codec):
    """A value that is a map or a program: the kernel takes a descriptor and returns an id.

    Words name it by its id, its pin (``/PATH``, ``m:NAME``), or with a word and a colon before its name. Descriptors
    stay open until the context is closed.
    """

    size = 4
    what = ""
    kinds: tuple[MapKind, ...] = ()

    def __init__(self, context: Context) -> None:
        self._context = context
        self._opened: dict[tuple[MapKind, str], OwnedFd] = {}

    def decode(self, data: bytes) -> Value:
        return int.from_bytes(data, "little")

    def encode(self, value: Any) -> bytes:
        if isinstance(value, bytes):
            raise CodecError(f"bytes do not name a {self.what}, which is {self.forms()}")
        return super().encode(value)

    def _encode(self, value: Any) -> bytes:
        kind, text = self._parse(value)
        if (kind, text) not in self._opened:
            self._opened[kind, text] = self._context.own(self._open(kind, text))
        return self._opened[kind, text].fd.to_bytes(4, "little")

    def _parse(self, value: Mapping[str, Any] | Any) -> tuple[MapKind, str]:
        """Return how a value names an object, and the name: ``m:jmp``, or bpftool's words ``{"pinned": "m:jmp"}``."""
        kind, text = "", str(value)
        if isinstance(value, dict) and len(value) == 1:
            [(kind, text)] = value.items()
        elif ":" in text and not text.startswith("m:"):
            kind, _, text = text.partition(":")
        elif text.startswith(("/", "m:", ".")):
            kind = "pinned"
        elif text.isdigit():
            kind = "id"
        chosen = next((name for name in self.kinds if name == kind), None)
        if chosen is None or not isinstance(text, str) or (chosen in ("id", "fd") and not text.isdigit()):
            word = "" if isinstance(value, dict) else f"{shown(value)} is none: "
            raise CodecError(f"{word}a {self.what} is {self.forms()}", hints=self._hints(str(text)))
        return chosen, text

    @classmethod
    def forms(cls) -> str:
        """Return how an object may be named, in words."""
        others = [f"{kind}:{'N' if kind == 'fd' else 'NAME'}" for kind in cls.kinds if kind not in ("id", "pinned")]
        return f"an id, a pin (/PATH or m:NAME), {', '.join(others[:-1])} or {others[-1]}"

    def _hints(self, text: str) -> tuple[str, ...]:
        return ()

    def _open(self, kind: MapKind, text: str) -> OwnedFd:
        raise NotImplementedError

    def columns(self, style: Style, position: int) -> Columns:
        return Integer(4).columns(style, position)


class _Map(_Reference):
    what = "map"
    kinds = MAP_KINDS

    def _open(self, kind: MapKind, text: str) -> OwnedFd:
        return open_map(self._context, kind, text)


class _Program(_Reference):
    what = "program"
    kinds = ("id", "pinned", "fd", "name")

    def _hints(self, text: str) -> tuple[str, ...]:
        from pytc.commands.shared.named_programs import all_programs, kernel_name

        if graft := _graft(text):
            return graft
        try:
            if any(program.description.name.encode() == kernel_name(text) for program in all_programs()):
                return (f"there is a program of that name: name:{text}",)
        except BpfError:
            pass  # without CAP_SYS_ADMIN, no list of programs
        return ()

    def _open(self, kind: MapKind, text: str) -> OwnedFd:
        """Open a program; raises BpfError."""
        from pytc.commands.shared.named_programs import find_program

        if kind == "name":
            with find_program("name", text) as program:
                return OwnedFd(os.dup(program.fd))
        if kind == "id":
            return program_by_id(int(text))
        if kind == "fd":
            try:
                descriptor = OwnedFd(os.dup(int(text)))
            except OSError as error:
                raise BpfError(f"fd {text}: {strerror(error.errno or 0)}", errno=error.errno) from error
        else:
            try:
                descriptor = open_pin(pin_path(self._context, text))
            except BpfSyscallError as error:
                error.with_hints(*_graft(text))
                raise
        try:
            describe_program(descriptor.fd)
        except BpfSyscallError as error:
            descriptor.close()
            what = f"fd {text}" if kind == "fd" else f'"{text}"'
            raise BpfError(f"{what} is {error}", errno=error.errno) from error
        except BaseException:
            descriptor.close()
            raise
        return descriptor


def _graft(path: str) -> tuple[str, ...]:
    """Return how a program of an object file gets into a program array, where the path is one."""
    from pytc.bpf.sys.files import looks_like_elf

    if not looks_like_elf(path):
        return ()
    command = f'"pytc exec bpf graft MAP key KEY obj {path}"'
    return (f"{command} loads the object and puts its program into a slot of a pinned program array",)
