"""Maps for the tests of ``pytc map``, and how a command names them."""

from __future__ import annotations

from collections.abc import Callable

from pytc.bpf import Map

#: The fixture ``new_map``: ``new_map(MapType.HASH, key=4, value=8)`` is a map, closed at the end of the test.
MapFactory = Callable[..., Map]


def fd_of(map: Map) -> tuple[str, str]:
    """Return the words that name a map by its descriptor."""
    return "fd", str(map.fd)
