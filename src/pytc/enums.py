"""Enumerations of numbers that cost little to define.

The three of bpf(2) have a hundred members. To define them with ``enum``, and to import that, takes a tenth of a cold
command. Type checkers see the original.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from enum import IntEnum as IntEnum
else:

    class _EnumType(type):
        """The type of :class:`IntEnum` and of the classes that derive from it, whose attributes are the members."""

        def __new__(cls, name, bases, namespace):
            numbers = {key: value for key, value in namespace.items() if key[0] != "_" and type(value) is int}
            made = super().__new__(cls, name, bases, namespace)
            made.__members__ = {}
            made._value2member_map_ = {}
            for key, number in numbers.items():
                member = int.__new__(made, number)
                member.name, member.value = key, number
                made.__members__[key] = member
                made._value2member_map_[number] = member
                setattr(made, key, member)
            return made

        def __call__(cls, number):
            try:
                return cls._value2member_map_[number]
            except KeyError:
                raise ValueError(f"{number!r} is not a valid {cls.__name__}") from None

        def __getitem__(cls, name):
            return cls.__members__[name]

        def __iter__(cls):
            return iter(cls.__members__.values())

        def __len__(cls):
            return len(cls.__members__)

        def __contains__(cls, number):
            return number in cls._value2member_map_

    class IntEnum(int, metaclass=_EnumType):
        def __repr__(self):
            return f"<{type(self).__name__}.{self.name}: {self.value}>"

        def __str__(self):
            return str(self.value)

        def __reduce_ex__(self, protocol):
            return type(self), (self.value,)
