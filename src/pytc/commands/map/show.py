"""``pytc map show``: maps of this machine, their sizes and types."""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.bpf.btf.text import type_text
from pytc.bpf.kernel.versions import MAP_FLAGS
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.types import read_btf
from pytc.bpf.sys import constants as c
from pytc.bpf.sys.info import ids, map_by_id
from pytc.commands.map.words import TARGET
from pytc.commands.shared.command import Query
from pytc.commands.shared.maps import descriptor_facts, open_map, open_named_maps
from pytc.commands.shared.references import Users, pin_fields, read_pins
from pytc.errors import BpfSyscallError, ObjectError
from pytc.render.documents import Field
from pytc.render.terminal import printable
from pytc.words.engine import fill, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.sys.descriptions import MapDescription
    from pytc.commands.map.words import Target
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc map { show | list } [ MAP ]

A map, all maps with a name, or all of this machine: type, name, flags, sizes, memory, types of keys and values; then
what keeps it: where it is pinned, and the programs that use it, with the places where these are attached.
"pytc map help" says what MAP is.
"""

WORDS = TARGET


class ShowMaps(Query):
    """A request for one map, or for all without a target."""

    target: Target | None = None


def parse(cursor: Cursor) -> ShowMaps:
    """Return the command; raises UsageError, HelpRequested."""
    fields = fill(cursor, WORDS, {}, topic="map show")
    refuse_more(cursor, "map show")
    return ShowMaps(**fields)


def run(context: Context, command: ShowMaps) -> list[Document]:
    """Return a document for each map; raises PytcError. Naming one, or showing all, needs CAP_SYS_ADMIN."""
    target = command.target
    pins, users = read_pins(context), Users(context)

    def describe(map: Map) -> Document:
        number = map.description.id
        references = (*pin_fields(pins, "map", number), *users.fields(number))
        return [*_fields(map), *references, Field("", None, "\n")]

    if target is not None and target.kind == "name":
        return [describe(context.own(map)) for map in open_named_maps(target.text)]
    if target is not None:
        return [describe(context.own(open_map(context, target.kind, target.text)))]
    documents = []
    for number in ids(c.Command.MAP_GET_NEXT_ID):
        try:
            with Map(map_by_id(number)) as map:
                documents.append(describe(map))
        except BpfSyscallError:
            continue  # deleted meanwhile
    return documents


def _fields(map: Map) -> list[Field]:
    about = map.description
    facts = descriptor_facts(map)
    kind = c.map_type_name(about.type)
    memory = int(facts["memlock"]) if facts.get("memlock", "").isdigit() else None
    is_frozen = facts.get("frozen") == "1"
    key, value = _type_texts(about)
    flags = _flag_names(about.flags)
    return [
        Field("id", about.id, f"map {about.id}"),
        Field("type", kind, f" {kind}"),
        Field("name", about.name, f" name {printable(about.name)}" if about.name else ""),
        Field("flags", about.flags, f" flags {','.join(flags)}" if about.flags else ""),
        Field("flag_names", [*flags]),
        Field("key_size", about.key_size, f" key {about.key_size}"),
        Field("value_size", about.value_size, f" value {about.value_size}"),
        Field("max_entries", about.max_entries, f" max_entries {about.max_entries}"),
        Field("memlock", memory, f" memlock {memory}" if memory is not None else ""),
        Field("frozen", is_frozen, " frozen" if is_frozen else ""),
        Field("btf_id", about.btf_id or None, f" btf_id {about.btf_id}" if about.btf_id else ""),
        Field("key_type", key or None, f"\n  key type {printable(key)}" if key else ""),
        Field("value_type", value or None, f"\n  value type {printable(value)}" if value else ""),
    ]


def _flag_names(flags: int) -> list[str]:
    """Return the names of BPF_F_* in small letters; a number for each that this version does not know."""
    bits = (bit for bit in range(flags.bit_length()) if flags >> bit & 1)
    return [MAP_FLAGS[bit][0].lower() if bit < len(MAP_FLAGS) else f"{1 << bit:#x}" for bit in bits]


def _type_texts(about: MapDescription) -> tuple[str, str]:
    """Return the C types of keys and values, empty where they are not known."""
    btf = read_btf(about) if about.btf_key_type_id or about.btf_value_type_id else None
    if btf is None:
        return "", ""
    try:
        names = [
            ("" if not number else btf.name(number) if btf.kind(number) == b.DATASEC else type_text(btf, number))
            for number in (about.btf_key_type_id, about.btf_value_type_id)
        ]
    except ObjectError:
        return "", ""
    return names[0], names[1]
