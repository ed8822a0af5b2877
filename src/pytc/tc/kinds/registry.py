"""Finding a kind's module by the kind's name."""

from __future__ import annotations

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
    from importlib.util import find_spec
    from pkgutil import iter_modules

    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    return sorted(module.name for module in iter_modules(places))
