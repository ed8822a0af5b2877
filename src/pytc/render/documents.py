"""What is printed, before it is text or JSON: a list of fields.

A kind says once what it has to say; :mod:`pytc.render` turns that into tc's text or tc's JSON. So no code asks
which of the two it is for.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Union

from pytc.handles import Handle

Json = Union[bool, int, float, str, list["Json"], dict[str, "Json"], None]  # noqa: UP007 (names itself)


class Field(NamedTuple):
    """``text`` is what is printed for it (spaces included), empty for nothing; ``key`` is the member's name in
    JSON, empty for none. ``color`` says what sort of name it is."""

    key: str
    value: Json = None
    text: str = ""
    color: str = ""


class LazyField(NamedTuple):
    """A field of which both take time to make: the one that is printed is made when it is."""

    key: str
    value: Callable[[], Json]
    text: Callable[[], str]


class Group(NamedTuple):
    """Fields that are an object of their own in JSON, and follow one another in text."""

    key: str
    fields: "Sequence[Part]"


class ArrayField(NamedTuple):
    """Documents that are an array of objects in JSON, and follow one another in text."""

    key: str
    documents: "Sequence[Document]"


Part = Union[Field, LazyField, Group, ArrayField]  # noqa: UP007 (Group and ArrayField name it before it is there)
Document = Sequence[Part]


class Stream(NamedTuple):
    """What is too much for documents, or comes over time: made while it is printed.

    ``text`` makes pieces of text; ``json`` makes pieces of JSON, a whole value altogether; ``values`` what is an
    element of that in JSON, for a layout for people. ``is_live`` is output for which somebody waits: each piece is
    printed at once, and each is a JSON value of its own on a line.
    """

    text: "Callable[[], Iterator[str]]"
    json: "Callable[[], Iterator[str]]"
    values: "Callable[[], Iterator[Json]]"
    is_live: bool = False


#: Sort of a name, for ``Field.color``.
DEVICE = "device"


class Display(NamedTuple):
    """How much to say, and how: tc's options before the object. ``names`` are those of classes, by the number of their
    handle (``-names``); ``graph`` draws classes as a tree, ``iec`` writes rates in powers of 1024, ``numeric``
    writes protocols as numbers, ``pretty`` writes what filters match in the terms of protocols. ``timestamp`` is "long"
    or "short" for events with the time. With ``echo``, a command that changes something shows what the kernel did."""

    details: bool = False
    statistics: bool = False
    brief: bool = False
    raw: bool = False
    graph: bool = False
    iec: bool = False
    numeric: bool = False
    names: Mapping[int, str] = {}
    pretty: bool = False
    timestamp: str = ""
    echo: bool = False

    def spelled(self, handle: Handle) -> str:
        """The handle of a class, with the name that it has been given."""
        name = self.names.get(handle.number) if self.names else None
        return f"{name}#{handle}" if name is not None else str(handle)
