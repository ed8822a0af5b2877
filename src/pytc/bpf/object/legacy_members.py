"""Definitions in section ``maps`` whose structure BTF describes: read by the names of its members.

Many loaders have a structure of their own there, often called ``bpf_map_def``: the kernel's samples (``map_flags
inner_map_idx numa_node``), gobpf (``map_flags pinning namespace[256]``), goebpf (``map_type ... inner_map_def
persistent_path``, both pointers), Calico (``map_flags map_id pinning_strategy``). By size, one would be taken for
another: the pinning of one is the id of another.
"""

from __future__ import annotations

from pytc.bpf.btf import types as b
from pytc.errors import MapDefinitionError
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.bpf.btf.types import Btf

#: What members are called, and what they are.
_FIELDS = {
    "type": "type",
    "map_type": "type",
    "size_key": "key_size",
    "key_size": "key_size",
    "size_value": "value_size",
    "value_size": "value_size",
    "max_elem": "max_entries",
    "max_entries": "max_entries",
    "flags": "flags",
    "map_flags": "flags",
    "id": "id",
    "map_id": "id",
    "pinning": "pinning",
    "pinning_strategy": "pinning",
    "inner_id": "inner_id",
    "inner_idx": "inner_idx",
    "numa_node": "numa_node",
}
_NEEDED = {"type", "key_size", "value_size", "max_entries"}
_SHOWN_BYTES = 8


class Member(NamedTuple):
    """A member of a definition: its name, and its offset and size in bytes."""

    name: str
    offset: int
    size: int


class Structure(NamedTuple):
    """The structure of a definition."""

    name: str
    members: tuple[Member, ...]

    def member_at(self, offset: int) -> str:
        """Return the name of the member at an offset in bytes; empty for padding."""
        return next((m.name for m in self.members if m.offset <= offset < m.offset + m.size), "")


def structure_of(btf: Btf, type_id: int) -> Structure | None:
    """Return the structure of a map's variable; None where its members do not say what a map needs."""
    resolved = btf.resolve(type_id)
    if btf.kind(resolved) != b.STRUCT:
        return None
    members = tuple(
        Member(member.name, member.bit_offset // 8, btf.size(member.type_id)) for member in btf.members(resolved)
    )
    if not {_FIELDS.get(member.name) for member in members} >= _NEEDED:
        return None
    return Structure(btf.name(resolved) or btf.name(type_id) or "without a name", members)


def read_members(name: str, structure: Structure, data: bytes) -> dict[str, int]:
    """Return the fields of a map's definition; raises MapDefinitionError for others that are set."""
    values: dict[str, int] = {}
    for member in structure.members:
        value = data[member.offset : member.offset + member.size]
        field = _FIELDS.get(member.name)
        if field is not None and member.size <= 4:
            values[field] = int.from_bytes(value, "little")
        elif any(value):
            raise unknown_field(name, structure, member.name, f" ({_text(value)})")
    return values


def unknown_field(map: str, structure: Structure, member: str, value: str = "") -> MapDefinitionError:
    """Return the error about a member that another loader gives a meaning."""
    return MapDefinitionError(
        f'map "{map}": the field "{member}" of its struct {structure.name} is set{value}; pytc does not know what it '
        "means",
        hints=(
            "leave the field empty: tc's struct bpf_elf_map has the fields flags, id, pinning, inner_id and inner_idx, "
            f'and "map {map} pinned PATH" uses a pinned map',
        ),
    )


def _text(value: bytes) -> str:
    text = value.rstrip(b"\0")
    if text.isascii() and text.decode("ascii").isprintable():
        return f'"{text.decode("ascii")}"'
    return text[:_SHOWN_BYTES].hex() + ("..." if len(text) > _SHOWN_BYTES else "")
