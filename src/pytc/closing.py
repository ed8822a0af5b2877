"""A context manager that closes what it owns."""

from typing import TypeVar

_Self = TypeVar("_Self", bound="Closing")


class Closing:
    """A base for what owns descriptors or memory: the end of a ``with`` block closes it."""

    def close(self) -> None:
        """Give back what is owned; may be called again."""
        raise NotImplementedError

    def __enter__(self: _Self) -> _Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
