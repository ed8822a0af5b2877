"""Action kinds: a module with a ``KIND`` for each."""

from typing import cast

from pytc.tc.kinds.interface import AnyActionKind
from pytc.tc.kinds.registry import find_kind, kind_names


def find(name: str) -> AnyActionKind | None:
    """Return the kind of that name, None where pytc does not know it."""
    return cast("AnyActionKind | None", find_kind(__name__, name))


def names() -> list[str]:
    """Return the names of the kinds that pytc knows."""
    return kind_names(__name__)
