"""What the kernel holds of a loaded program, without the numbers that differ from load to load."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pytc.bpf import Map, Program
from pytc.bpf.insn import instructions as ins
from pytc.bpf.insn.instructions import OP_LD_IMM64, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE
from pytc.bpf.sys.constants import MapType
from pytc.bpf.sys.info import program_map_ids, translated_instructions
from pytc.errors import BpfSyscallError

_MAPS_OF_MAPS = (MapType.ARRAY_OF_MAPS, MapType.HASH_OF_MAPS)
_KERNEL_ADDRESS = 0xFFFF8000
#: What mmap returns begins with; the upper 20 bits of 64.
_MAPPED = 0x7
_MEMORY, _KERNEL_TEXT = 0xFFFF_8000_0000_0000, 0xFFFF_FFFF_8000_0000


class MapView(NamedTuple):
    """``contents`` of program arrays are (slot, tag and name), of maps of maps (key, name and definition)."""

    name: str
    type: int
    key_size: int
    value_size: int
    max_entries: int
    flags: int
    has_types: bool
    frozen: bool
    contents: tuple[tuple[bytes, object], ...]


class ProgramView(NamedTuple):
    """``instructions`` are as the kernel translated them; a load of a map has the map's name for its number, and
    addresses of what the kernel made for this load (BTF records, for timers and lists) are left out.

    ``maps`` are those that instructions refer to: libbpf binds the read-only data to a program besides.
    """

    name: str
    type: int
    tag: str
    has_types: bool
    instructions: tuple[tuple[object, ...], ...]
    maps: tuple[MapView, ...]


def view(program: Program) -> ProgramView:
    """A program and the maps that it uses."""
    maps: dict[int, MapView] = {}
    for number in program_map_ids(program.fd):
        with Map.from_id(number) as found:
            maps[number] = map_view(found)
    description = program.description
    names = {number: found.name for number, found in maps.items()}
    code = _named(translated_instructions(program.fd), names)
    used = {instruction[4] for instruction in code}
    return ProgramView(
        description.name,
        description.type,
        description.tag,
        bool(description.btf_id),
        code,
        tuple(sorted(found for found in maps.values() if found.name in used)),
    )


def map_view(found: Map) -> MapView:
    """A map with its contents."""
    d = found.description
    return MapView(
        d.name,
        d.type,
        d.key_size,
        d.value_size,
        d.max_entries,
        d.flags,
        bool(d.btf_id),
        _frozen(found.fd),
        _contents(found),
    )


def _contents(found: Map) -> tuple[tuple[bytes, object], ...]:
    meaning: Callable[[bytes], object] = _without_addresses
    if found.description.type == MapType.PROG_ARRAY:
        meaning = _program_of
    elif found.description.type in _MAPS_OF_MAPS:
        meaning = _map_of
    try:
        return tuple((key, meaning(value)) for key, value in sorted(found.items()))
    except BpfSyscallError:
        return ()  # of a type whose elements cannot be listed


def _without_addresses(value: bytes) -> bytes:
    """List heads and tree roots show where in the kernel's memory a map lies."""
    words = [int.from_bytes(value[at : at + 8], "little") for at in range(0, len(value), 8)]
    return b"".join(
        b"-memory-" if _MEMORY <= word < _KERNEL_TEXT else value[8 * index : 8 * index + 8]
        for index, word in enumerate(words)
    )


def _program_of(value: bytes) -> object:
    with Program.from_id(int.from_bytes(value, "little")) as program:
        return program.description.name, program.description.tag


def _map_of(value: bytes) -> object:
    with Map.from_id(int.from_bytes(value, "little")) as found:
        return map_view(found)


def _frozen(fd: int) -> bool:
    with open(f"/proc/self/fdinfo/{fd}") as file:
        return "frozen:\t1" in file.read()


def _named(code: bytes, names: dict[int, str]) -> tuple[tuple[object, ...], ...]:
    result: list[tuple[object, ...]] = []
    what: object
    for slot, i in ins.decode_all(code):
        if i.opcode == OP_LD_IMM64:
            second = ins.decode(code, slot + 1).immediate
            is_map = i.source in (PSEUDO_MAP_FD, PSEUDO_MAP_VALUE)
            is_address = not i.source and second & _KERNEL_ADDRESS == _KERNEL_ADDRESS
            is_in_arena = not i.source and second >> 12 == _MAPPED
            what = names[i.immediate] if is_map else "an address" if is_address else i.immediate
            what = i.immediate & 0xFFF if is_in_arena else what  # the place in its page
            result.append((*i[:4], what, 0 if is_address or is_in_arena else second))
        else:
            result.append(tuple(i))
    return tuple(result)
