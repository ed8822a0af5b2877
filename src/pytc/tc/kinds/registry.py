"""Finding a kind's module by the kind's name."""

from __future__ import annotations

import os

from pytc.cpython import import_module, lru_cache
from pytc.words.engine import Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@lru_cache(maxsize=256)  # a batch, or a dump, asks for the same few thousands of times
def find_kind(package: str, name: str) -> Any:
    """Return ``KIND`` of the module ``package.name``, None where there is no such module.

    The name comes from the command line: only plain words are looked up.
    """
    if not name.isidentifier() or not name.isascii() or name.startswith("_"):
        if isinstance(name, Probe):
            name.record(kind_names(package))
        return None
    full = f"{package}.{name}"
    try:
        return import_module(full).KIND
    except ModuleNotFoundError as error:
        if error.name == full:
            return None
        raise


def kind_names(package: str) -> list[str]:
    """Return the names of all kinds of a package."""
    # pkgutil would do so, too, and imports inspect, as much as all of pytc that completes a word.
    places = import_module(package).__path__
    files = {name for place in places for name in os.listdir(place)}
    return sorted(name.removesuffix(".py") for name in files if name.endswith(".py") and not name.startswith("_"))
