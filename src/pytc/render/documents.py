"""Documents: what is printed, before it is text or JSON, as a list of fields.

A kind describes its object once; :mod:`pytc.render` turns that into tc's text or tc's JSON. So no code asks which of
the two it is for.
"""

from __future__ import annotations

from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Final, Literal, Union

    from pytc.handles import Handle

    Json = Union[bool, int, float, str, list["Json"], dict[str, "Json"], None]  # noqa: UP007 (names itself)

    #: A sort of name, or of text in one piece (:mod:`pytc.render.colors`).
    Color = Literal["", "device", "name", "findings", "code", "test"]


class Field(NamedTuple):
    """A value with its text.

    ``text`` is what is printed for it (spaces included), empty for nothing; ``key`` is the member's name in JSON, empty
    for none. ``color`` is the sort of its name.
    """

    key: str
    value: Json = None
    text: str = ""
    color: Color = ""


class LazyField(NamedTuple):
    """A field whose value and text take time to make: only the one that is printed is made.

    ``make_json`` makes the value as JSON on one line, where there is a faster way than by the value.
    """

    key: str
    make_value: Callable[[], Json]
    make_text: Callable[[], str]
    make_json: Callable[[], str] | None = None

    @property
    def text(self) -> str:
        """What is printed for it."""
        return self.make_text()


class Group(NamedTuple):
    """Fields that are an object in JSON, and follow one another in text. Without a key, their members are those of the
    object around them."""

    key: str
    fields: Sequence[Part]

    @property
    def text(self) -> str:
        """What is printed for the fields."""
        return document_text(self.fields)


class Common(Group):
    """A group that many documents have in common: what is printed for it is made once, and kept."""

    text: str = ""
    #: What it adds to the members of the object around it, each with its key, as JSON on one line; None before that is
    #: made.
    members: Mapping[str, str] | None = None

    @classmethod
    def of(cls, key: str, fields: Sequence[Part]) -> Common:
        """Return the group of some fields."""
        made = cls(key, fields)
        made.text = document_text(fields)
        return made


class ArrayField(NamedTuple):
    """Documents that are an array of objects in JSON, and follow one another in text."""

    key: str
    documents: Sequence[Document]

    @property
    def text(self) -> str:
        """What is printed for the documents."""
        return "".join(map(document_text, self.documents))


def document_text(document: Document) -> str:
    """Return what is printed for a document."""
    return "".join([part.text for part in document])


if TYPE_CHECKING:
    Part = Union[Field, LazyField, Group, ArrayField]  # noqa: UP007 (Group and ArrayField name it before it is there)
    Document = Sequence[Part]


class Stream(NamedTuple):
    """Output too large or too slow to collect first, produced while printing.

    ``text`` yields pieces of text; ``json`` yields pieces of JSON, one value altogether; ``values`` yields the elements
    of that value, for the indented layout. With ``is_live``, somebody waits for the output: each piece is printed at
    once, and is a JSON value on a line.
    """

    text: Callable[[], Iterator[str]]
    json: Callable[[], Iterator[str]]
    values: Callable[[], Iterator[Json]]
    is_live: bool = False


#: Sort of a name, for ``Field.color``.
DEVICE: Final = "device"


class Display(NamedTuple):
    """Display options: tc's options before the object.

    ``names`` are those of classes, by the number of their handle (``-names``); ``graph`` draws classes as a tree,
    ``iec`` writes rates in powers of 1024, ``numeric`` writes protocols as numbers, ``pretty`` writes what filters
    match in the terms of protocols. ``timestamp`` is "long" or "short" for events with the time. With ``echo``, a
    command that changes something shows what the kernel did. With ``is_terminal``, a terminal shows the text.
    """

    details: bool = False
    statistics: bool = False
    brief: bool = False
    raw: bool = False
    graph: bool = False
    iec: bool = False
    numeric: bool = False
    names: Mapping[int, str] = {}
    pretty: bool = False
    timestamp: Literal["", "long", "short"] = ""
    echo: bool = False
    is_terminal: bool = False

    def class_name(self, handle: Handle) -> str:
        """Return the handle of a class, with its name where it has one."""
        name = self.names.get(handle.number) if self.names else None
        return f"{name}#{handle}" if name is not None else str(handle)
