"""Kinds of ematches: a module with a ``KIND`` for each."""

from __future__ import annotations

from pytc.tc.kinds.registry import find_kind, kind_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.interface import AnyEmatchKind

#: TCF_EM_* (include/uapi/linux/pkt_cls.h), as far as tc has words for them.
_NUMBERS = {1: "cmp", 2: "nbyte", 3: "u32", 4: "meta", 7: "canid", 8: "ipset", 9: "ipt"}


def find(name: str) -> AnyEmatchKind | None:
    """Return the kind of that name, None where pytc does not know it."""
    kind: AnyEmatchKind | None = find_kind(__name__, name)
    return kind


def find_number(number: int) -> AnyEmatchKind | None:
    """Return the kind with a number of TCF_EM_*, None where pytc does not know it."""
    name = _NUMBERS.get(number)
    return find(name) if name is not None else None


def names() -> list[str]:
    """Return the names of the kinds that pytc knows."""
    return kind_names(__name__)
