"""Action kinds: a module with a ``KIND`` for each."""

from __future__ import annotations

from pytc.tc.kinds.registry import find_kind, kind_names
from pytc.typing import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.interface import AnyActionKind


def find(name: str) -> AnyActionKind | None:
    """Return the kind of that name, None where pytc does not know it."""
    return cast("AnyActionKind | None", find_kind(__name__, name))


def names() -> list[str]:
    """Return the names of the kinds that pytc knows."""
    return kind_names(__name__)
