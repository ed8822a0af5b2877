"""Maps as variables of the environment. Pure.

``BPF_NUM_MAPS`` is their number, ``BPF_MAP<id>`` the descriptor of the map with that id, as with tc; besides,
``BPF_MAP_<NAME>`` is the descriptor of the map that the kernel knows by that name.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from pytc.exec_proxy.identifiers import assign_ids, shell_name

COUNT = "BPF_NUM_MAPS"
PREFIX = "BPF_MAP"


class NamedDescriptor(NamedTuple):
    """``id`` is what the sender says, ``name`` what the kernel says; empty for a map without a name."""

    id: int
    name: str
    fd: int


def variables(maps: Sequence[NamedDescriptor]) -> dict[str, str]:
    """The variables for maps. Where two want the same id or name, the first gets it; the other an unused id, and its
    name with ``_2``, ``_3`` and so on behind it."""
    result = {COUNT: str(len(maps))}
    for number, one in zip(assign_ids([one.id for one in maps]), maps, strict=True):
        result[f"{PREFIX}{number}"] = str(one.fd)
    for one in maps:
        if one.name:
            result[_free(f"{PREFIX}_{shell_name(one.name)}", result)] = str(one.fd)
    return result


def _free(name: str, used: Mapping[str, str]) -> str:
    candidate, number = name, 1
    while candidate in used:
        number += 1
        candidate = f"{name}_{number}"
    return candidate


def with_maps(base: Mapping[str, str], maps: Sequence[NamedDescriptor]) -> dict[str, str]:
    """An environment with the variables for these maps, and without those of an import around it."""
    nested = COUNT in base
    kept = {name: value for name, value in base.items() if not (nested and _is_of_import(name, value))}
    return {**kept, **variables(maps)}


def _is_of_import(name: str, value: str) -> bool:
    return name == COUNT or (name.startswith(PREFIX) and value.isdigit())
