"""``map show``: the maps of this machine."""

from pytc.bpf.btf import types as b
from pytc.bpf.btf.text import type_text
from pytc.bpf.codec.text import printable
from pytc.bpf.maps.map import Map
from pytc.bpf.maps.types import read_btf
from pytc.bpf.sys.constants import Command, map_type_name
from pytc.bpf.sys.descriptions import MapDescription
from pytc.bpf.sys.info import ids, map_by_id
from pytc.commands.map.refusals import descriptor_facts
from pytc.commands.map.targets import open_target
from pytc.commands.map.values import ShowMaps
from pytc.commands.shared.context import Context
from pytc.errors import BpfSyscallError, ObjectError
from pytc.render.documents import Document, Field


def show_maps(context: Context, command: ShowMaps) -> list[Document]:
    """One map, or all that there are (needs CAP_SYS_ADMIN); raises PytcError."""
    if command.target is not None:
        return [_document(context.own(open_target(context, command.target.kind, command.target.text)))]
    documents = []
    for number in ids(Command.MAP_GET_NEXT_ID):
        try:
            with Map(map_by_id(number)) as found:
                documents.append(_document(found))
        except BpfSyscallError:
            continue  # gone meanwhile
    return documents


def _document(found: Map) -> Document:
    about = found.description
    facts = descriptor_facts(found)
    memory = int(facts["memlock"]) if facts.get("memlock", "").isdigit() else None
    key, value = _types(about)
    return [
        Field("id", about.id, f"map {about.id}"),
        Field("type", map_type_name(about.type), f" {map_type_name(about.type)}"),
        Field("name", about.name, f" name {printable(about.name)}" if about.name else ""),
        Field("flags", about.flags, f" flags {about.flags:#x}" if about.flags else ""),
        Field("key_size", about.key_size, f" key {about.key_size}"),
        Field("value_size", about.value_size, f" value {about.value_size}"),
        Field("max_entries", about.max_entries, f" max_entries {about.max_entries}"),
        Field("memlock", memory, f" memlock {memory}" if memory is not None else ""),
        Field("frozen", facts.get("frozen") == "1", " frozen" if facts.get("frozen") == "1" else ""),
        Field("btf_id", about.btf_id or None, f" btf_id {about.btf_id}" if about.btf_id else ""),
        Field("key_type", key or None, f"\n  key type {printable(key)}" if key else ""),
        Field("value_type", value or None, f"\n  value type {printable(value)}" if value else ""),
        Field("", None, "\n"),
    ]


def _types(about: MapDescription) -> tuple[str, str]:
    """The C types of keys and values, empty where they are not known."""
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
