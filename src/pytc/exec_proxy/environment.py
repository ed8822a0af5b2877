"""Name maps in the environment of a command that inherits them. Pure.

``BPF_NUM_MAPS`` is the number of maps, ``BPF_MAP<id>`` the descriptor of the map with that id, as with tc; besides,
``BPF_MAP_<NAME>`` is the descriptor of the map that the kernel knows by that name.
"""

from __future__ import annotations

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

COUNT = "BPF_NUM_MAPS"
PREFIX = "BPF_MAP"


class NamedDescriptor(NamedTuple):
    """A map: ``id`` is the sender's, ``name`` the kernel's, empty for a map without one."""

    id: int
    name: str
    fd: int


def variables(maps: Sequence[NamedDescriptor]) -> dict[str, str]:
    """Return the variables for maps.

    Where two maps have the same id or name, the first keeps it; the other gets an unused id, and its name with ``_2``,
    ``_3`` and so on behind it.
    """
    result = {COUNT: str(len(maps))}
    for number, named in zip(assign_ids([named.id for named in maps]), maps, strict=True):
        result[f"{PREFIX}{number}"] = str(named.fd)
    for named in maps:
        if named.name:
            result[_free(f"{PREFIX}_{shell_name(named.name)}", result)] = str(named.fd)
    return result


def _free(name: str, used: Mapping[str, str]) -> str:
    candidate, number = name, 1
    while candidate in used:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def with_maps(base: Mapping[str, str], maps: Sequence[NamedDescriptor]) -> dict[str, str]:
    """Return an environment with the variables for these maps, and without those of an enclosing import."""
    nested = COUNT in base
    others = {name: value for name, value in base.items() if not (nested and _is_of_import(name, value))}
    return {**others, **variables(maps)}


def _is_of_import(name: str, value: str) -> bool:
    return name == COUNT or (name.startswith(PREFIX) and value.isdigit())


def assign_ids(preferred: Sequence[int | None], reserved: Iterable[int] = ()) -> list[int]:
    """Return an id for each map: its preferred one (None: any), unless an earlier map or ``reserved`` has it.

    Other maps get the smallest ids that no map prefers. (In tc two maps without an id both become BPF_MAP0.)
    """
    used = set(reserved)
    result: list[int | None] = []
    for number in preferred:
        free = number is not None and number not in used
        result.append(number if free else None)
        if free and number is not None:
            used.add(number)
    unused = 0
    for index, number in enumerate(result):
        if number is None:
            while unused in used:
                unused += 1
            used.add(unused)
            result[index] = unused
    return [number for number in result if number is not None]


def shell_name(name: str) -> str:
    """Return a name as part of a shell variable's: all but ``[A-Za-z0-9_]`` becomes ``_``."""
    return "".join(character if character.isascii() and character.isalnum() else "_" for character in name)
