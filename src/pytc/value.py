"""Values with identity: two of different classes are never equal."""

from __future__ import annotations

from pytc.typing import TypeVar

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from typing_extensions import dataclass_transform
else:

    def dataclass_transform(**_: object) -> Callable[[type], type]:
        return lambda cls: cls


_Self = TypeVar("_Self", bound="Value")


@dataclass_transform(frozen_default=True, eq_default=True)
class Value:
    """A base for frozen values: annotate the fields, with their defaults, as in a dataclass.

    Unlike a dataclass it costs nothing at import (60 frozen dataclasses of four fields take 28 ms, and ``dataclasses``
    itself 12 ms), and unlike a NamedTuple it equals only values of its own class. Names in annotations must exist when
    they are evaluated, or stand in quotes. A class attribute without annotation is no field.
    """

    _fields: tuple[str, ...] = ()
    _defaults: dict[str, Any] = {}  # noqa: RUF012 (each class has its own)

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()  # Generic's
        own = cls.__annotations__
        cls._fields = (*cls._fields, *(name for name in own if name not in cls._fields))
        cls._defaults = {**cls._defaults, **{name: vars(cls)[name] for name in own if name in vars(cls)}}

    def __init__(self, *values: Any, **named: Any) -> None:
        fields, state = self._fields, self.__dict__
        state.update(self._defaults)
        state.update(zip(fields, values))  # noqa: B905 - strict=True would cost, and counting finds what is missing
        state.update(named)
        if len(state) != len(fields) or (
            values and (len(values) > len(fields) or not named.keys().isdisjoint(fields[: len(values)]))
        ):
            raise TypeError(f"{type(self).__name__}({', '.join(fields)}) does not take {values!r}, {named!r}")

    def replace(self: _Self, **changes: Any) -> _Self:
        """Return a copy with other values in some fields."""
        copy = object.__new__(type(self))
        state = copy.__dict__
        state.update(self.__dict__)
        state.update(changes)
        if len(state) != len(self._fields):
            raise TypeError(f"{type(self).__name__}({', '.join(self._fields)}) does not take {changes!r}")
        return copy

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{type(self).__name__} is frozen")

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.__dict__ == self.__dict__

    def __hash__(self) -> int:
        return hash((type(self), *(self.__dict__[name] for name in self._fields)))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={self.__dict__[name]!r}' for name in self._fields)})"
