"""Filter kinds: a module with a ``KIND`` for each."""

from __future__ import annotations

from pytc.tc.kinds.registry import find_kind, kind_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.interface import AnyFilterKind


def find(name: str) -> AnyFilterKind | None:
    """Return the kind of that name, None where pytc does not know it."""
    kind: AnyFilterKind | None = find_kind(__name__, name)
    return kind


def names() -> list[str]:
    """Return the names of the kinds that pytc knows."""
    return kind_names(__name__)
