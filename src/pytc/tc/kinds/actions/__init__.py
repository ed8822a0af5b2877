"""Action kinds: a module with a ``KIND`` for each."""

from typing import cast

from pytc.tc.kinds.interface import ActionKind
from pytc.tc.kinds.registry import find_kind, kind_names


def find(name: str) -> ActionKind | None:
    """The kind of that name, None when pytc does not know it."""
    return cast("ActionKind | None", find_kind(__name__, name))


def names() -> list[str]:
    """All kinds that pytc knows."""
    return kind_names(__name__)
