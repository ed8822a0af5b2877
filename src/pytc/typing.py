"""Parts of ``typing`` that exist at run time, as light as they can be.

``typing`` takes a third of the time in which a bare interpreter starts, and each of its named tuples 0.1 ms, to compile
a constructor; a command's path defines some eighty, and calls a few. Here a constructor is compiled when its class is
first called. Type checkers see the originals. Names for annotations alone come from ``typing`` itself, below
``if TYPE_CHECKING``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Generic as Generic
    from typing import NamedTuple as NamedTuple
    from typing import Protocol as Protocol
    from typing import TypeVar as TypeVar
    from typing import cast as cast
    from typing import overload as overload
else:
    from pytc.cpython import tuple_getter

    def cast(_, value):
        return value

    def overload(function):
        return function

    def TypeVar(name, **_):
        return name

    class Protocol:
        __slots__ = ()

    class Generic:
        __slots__ = ()

        def __class_getitem__(cls, _):
            return cls

    class _TupleType(type):
        """The type of :class:`NamedTuple` and of the classes that derive from it."""

        def __new__(cls, name, bases, namespace):
            if bases == (NamedTuple,):  # a class that adds methods to a named tuple has its fields
                fields = tuple(namespace["__annotations__"])  # the module imports annotations from __future__
                defaults = {field: namespace[field] for field in fields if field in namespace}
                getters = {field: tuple_getter(index, None) for index, field in enumerate(fields)}
                own = {"__slots__": (), "_fields": fields, "__match_args__": fields, "_field_defaults": defaults}
                namespace = {**namespace, **getters, **own}
            return super().__new__(cls, name, bases, namespace)

    class _Tuple(tuple):
        __slots__ = ()
        _fields = ()

        def __new__(cls, *values, **named):
            owner = next(one for one in cls.__mro__ if "_fields" in one.__dict__)
            names = "".join(f"{name}, " for name in owner._fields)
            # As collections.namedtuple does it; these are identifiers, because they were annotated.
            make = eval(f"lambda cls, {names}: make(cls, ({names}))", {"make": tuple.__new__})
            make.__defaults__ = tuple(owner._field_defaults.values())
            owner.__new__ = make
            return make(cls, *values, **named)

        @classmethod
        def _make(cls, values):
            made = tuple.__new__(cls, values)
            if len(made) != len(cls._fields):
                raise TypeError(f"Expected {len(cls._fields)} arguments, got {len(made)}")
            return made

        def _replace(self, **changes):
            made = tuple.__new__(type(self), map(changes.pop, self._fields, self))
            if changes:
                raise TypeError(f"{type(self).__name__} has no fields {list(changes)}")
            return made

        def _asdict(self):
            return dict(zip(self._fields, self, strict=True))

        def __repr__(self):
            return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._asdict().items())})"

        def __getnewargs__(self):
            return tuple(self)

    NamedTuple = None  # the class statement below looks at it
    NamedTuple = _TupleType("NamedTuple", (_Tuple,), {"__slots__": (), "__module__": __name__})
