"""What a kind's module offers, and what it is given."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pytc.bpf.info import ProgramDescription
from pytc.documents import Document, Shown
from pytc.grammar.words import Cursor

#: Netlink attributes in order of their numbers, from 0: (name, pyroute2's name of the type).
Schema = tuple[tuple[str, str], ...]
#: Attributes of a message, by name.
Attributes = Mapping[str, Any]
#: The kernel's description of the program with an id; None when it is gone or may not be seen.
ProgramLookup = Callable[[int], ProgramDescription | None]


class OpenedProgram(NamedTuple):
    """A program that is ready to be attached. ``annotation`` is the name that dumps show."""

    fd: int
    annotation: str


class FilterKind(NamedTuple):
    """``encode`` turns options into attributes, with the program that the operation opened for them (None for a
    kind, or a mode, that has none); ``document`` says what ``decode`` found. ``handle`` reads a filter handle and
    raises ValueError."""

    name: str
    schema: Schema
    parse: Callable[[Cursor], Any]
    encode: Callable[[Any, OpenedProgram | None], list[tuple[str, Any]]]
    decode: Callable[[Attributes, ProgramLookup], Any]
    document: Callable[[Any, int, Shown], Document]
    handle: Callable[[str], int]


class QdiscKind(NamedTuple):
    """The same for a qdisc and, where it has them, its classes.

    ``schema`` has the attributes of both. ``statistics`` turns the kind's own statistics (bytes of TCA_STATS_APP)
    into text and JSON; the flag says whether they are a class's.
    """

    name: str
    schema: Schema
    parse: Callable[[Cursor], Any]
    encode: Callable[[Any], list[tuple[str, Any]] | None]
    document: Callable[[Attributes, Shown], Document]
    parse_class: Callable[[Cursor], Any] | None = None
    encode_class: "Callable[[Any, ClassContext], list[tuple[str, Any]]] | None" = None
    document_class: "Callable[[Attributes, Shown, Clock], Document] | None" = None
    statistics: "Callable[[bytes, bool], Document] | None" = None
    default_handle: int = 0
    default_parent: int = 0


class Clock(NamedTuple):
    """/proc/net/psched: what a tick is."""

    ticks_per_microsecond: float
    hertz: int


class ClassContext(NamedTuple):
    """What encoding a class needs to know of the machine."""

    clock: Clock
    mtu: int
