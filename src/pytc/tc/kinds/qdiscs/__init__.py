"""Qdisc kinds: a module with a ``KIND`` for each."""

from __future__ import annotations

from pytc.tc.kinds.registry import find_kind, kind_names
from pytc.typing import cast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.interface import AnyQdiscKind


def find(name: str) -> AnyQdiscKind | None:
    """Return the kind of that name, None where pytc does not know it."""
    return cast("AnyQdiscKind | None", find_kind(__name__, name))


def names() -> list[str]:
    """Return the names of the kinds that pytc knows."""
    return kind_names(__name__)


def classful_names() -> list[str]:
    """Return the names of the kinds whose classes can be added."""
    kinds = ((name, find(name)) for name in names())
    return [name for name, kind in kinds if kind is not None and kind.parse_class is not None]
