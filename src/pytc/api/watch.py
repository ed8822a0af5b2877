"""Follow the elements of a map while they change."""

import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Literal

from pytc.value import Value


class ElementChange(Value):
    """A change of a map's element, found by reading the map again: ``new``, ``changed`` or ``deleted``.

    ``value`` is the one that was read, None for a deleted element; ``before`` the one of the reading before, None for a
    new one.
    """

    kind: Literal["new", "changed", "deleted"]
    key: Any
    value: Any = None
    before: Any = None


class MapWatch:
    """The changes of a map's elements, for ``for`` and ``async for``: first all that are there, as ``new``.

    Between two readings, ``interval`` seconds pass; there are ``count`` readings after the first (None: for ever). What
    changes twice in between is seen once.
    """

    def __init__(
        self, name: str, read: Callable[[], Iterator[tuple[Any, Any]]], interval: float, count: int | None
    ) -> None:
        self._name, self._read, self._interval, self._count = name, read, interval, count

    def __iter__(self) -> Iterator[ElementChange]:
        before: dict[str, tuple[Any, Any]] = {}
        for index in self._readings():
            if index:
                time.sleep(self._interval)
            changes, before = self._compare(before)
            yield from changes

    async def __aiter__(self) -> AsyncIterator[ElementChange]:
        """Yield changes while other tasks run."""
        import asyncio

        before: dict[str, tuple[Any, Any]] = {}
        for index in self._readings():
            if index:
                await asyncio.sleep(self._interval)
            changes, before = self._compare(before)
            for change in changes:
                yield change

    def _readings(self) -> Iterator[int]:
        index = 0
        while self._count is None or index <= self._count:
            yield index
            index += 1

    def _compare(self, before: dict[str, tuple[Any, Any]]) -> tuple[list[ElementChange], dict[str, tuple[Any, Any]]]:
        """Return what has changed, and the elements as they are now by the text of their keys: dicts are no keys."""
        now = {repr(key): (key, value) for key, value in self._read()}
        changes = []
        for text, (key, value) in now.items():
            if text not in before:
                changes.append(ElementChange("new", key, value))
            elif before[text][1] != value:
                changes.append(ElementChange("changed", key, value, before[text][1]))
        changes += [
            ElementChange("deleted", key, None, value) for text, (key, value) in before.items() if text not in now
        ]
        return changes, now

    def __repr__(self) -> str:
        return f"<MapWatch {self._name!r} every {self._interval:g} s>"
