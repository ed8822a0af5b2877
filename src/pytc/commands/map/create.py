"""``pytc map create``: makes a map, and pins it."""

from __future__ import annotations

from pytc.bpf.kernel.versions import MAP_FLAGS
from pytc.bpf.maps.map import create_map
from pytc.bpf.object.names import kernel_name
from pytc.bpf.object.spec import MapSpec
from pytc.bpf.sys.constants import MAP_IN_MAP, MapType, map_type_name
from pytc.commands.map.words import require
from pytc.commands.shared.command import Command
from pytc.commands.shared.maps import open_map
from pytc.commands.shared.pins import make_pin, pin_path
from pytc.errors import UsageError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.words.engine import Word, fill, refuse_more, text, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.commands.shared.context import Context
    from pytc.commands.shared.maps import MapKind
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

_U32 = 0xFFFFFFFF

HELP = """\
Usage: pytc map create { PATH | m:NAME } type TYPE key BYTES value BYTES max_entries NUMBER [ name NAME ]
                       [ flags FLAG[,FLAG ...] ] [ inner MAP ]

Makes a map without types of keys and values, and pins it. TYPE and FLAG are the kernel's names, in small letters (hash,
lru_hash, array, prog_array ...; no_prealloc, rdonly_prog ...). A queue has no key, a ring buffer neither: key 0.
name is the last part of the path unless it is given. inner is a map like those that a map of maps takes: id NUMBER,
pinned PATH or name NAME.

"pytc prog load" makes the maps of an object file, with their types.
"""


def _type(word: str) -> MapType:
    try:
        return MapType[word.upper()]
    except KeyError:
        raise ValueError(word) from None


def _flags(word: str) -> int:
    if word[:1].isdigit():
        return int(unsigned(_U32)(word))
    bits = {name.lower(): 1 << bit for bit, (name, _) in enumerate(MAP_FLAGS)}
    try:
        return sum({bits[name] for name in word.split(",")})
    except KeyError:
        raise ValueError(word) from None


def _take_inner(cursor: Cursor) -> tuple[MapKind, str]:
    kinds: tuple[MapKind, ...] = ("id", "pinned", "name")
    word = cursor.take()
    kind = next((kind for kind in kinds if word == kind), None)
    if kind is None:
        raise UsageError(f'What is "{word}"? The inner map is id NUMBER, pinned PATH or name NAME.')
    return kind, cursor.take()


WORDS = (
    Word("type", "type", _type, exact=True, wrong="no type of map"),
    Word("key", "key_size", unsigned(_U32), exact=True, wrong="invalid size"),
    Word("value", "value_size", unsigned(_U32), exact=True, wrong="invalid size"),
    Word("max_entries", "entries", unsigned(_U32), exact=True, wrong="invalid number"),
    Word("name", "name", text, exact=True),
    Word("flags", "flags", _flags, exact=True, wrong="neither a number nor names of flags"),
    Word("inner", "inner", read=_take_inner, exact=True),
)


class CreateMap(Command):
    """A map to be made and pinned at ``path``; sizes are bytes. ``inner`` names a map by (kind, text)."""

    path: str
    type: MapType
    key_size: int
    value_size: int
    entries: int
    name: str = ""
    flags: int = 0
    inner: tuple[MapKind, str] | None = None


def parse(cursor: Cursor) -> CreateMap:
    """Return the command; raises UsageError, HelpRequested."""
    path = cursor.take()
    fields: dict[str, Any] = fill(cursor, WORDS, {}, topic="map create")
    refuse_more(cursor, "map create")
    for word, name in (("type", "type"), ("key", "key_size"), ("value", "value_size"), ("max_entries", "entries")):
        require(fields, name, word)
    if (fields["type"] in MAP_IN_MAP) != ("inner" in fields):
        raise UsageError('"inner" goes with array_of_maps and hash_of_maps, which need it')
    return CreateMap(path, **fields)


def run(context: Context, command: CreateMap) -> list[Document]:
    """Make the map and pin it; returns what it is. Raises PytcError, and then nothing stays."""
    name = kernel_name(command.name or command.path.removeprefix("m:").rpartition("/")[2])
    spec = MapSpec(name, command.type, command.key_size, command.value_size, command.entries, command.flags)
    inner = context.own(open_map(context, *command.inner)).fd if command.inner is not None else 0
    with create_map(spec, name, inner_fd=inner) as map:
        make_pin(context, f'map "{name}"', command.path, map.pin)
        about = map.description
    path, type = pin_path(context, command.path), map_type_name(about.type)
    return [
        [
            Field("id", about.id, f"id {about.id} "),
            Field("name", about.name, f"name {about.name} "),
            Field("type", type, f"type {type} "),
            Field("pinned", path, f"pinned {printable(path)}\n"),
        ]
    ]
