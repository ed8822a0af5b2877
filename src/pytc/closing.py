"""A context manager that closes what it owns."""

from __future__ import annotations

from pytc.typing import TypeVar

_Self = TypeVar("_Self", bound="Closing")


class Closing:
    """A base for owners of descriptors or memory: the end of a ``with`` block closes them."""

    def close(self) -> None:
        """Release what this object owns; a second call does nothing."""
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
