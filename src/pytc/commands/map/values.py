"""What the user asked of maps: one frozen value for each command."""

from collections.abc import Mapping
from typing import NamedTuple, Union

from pytc.commands.shared.command import Command, Query

#: A value as its words say it: text, elements in brackets, members in braces, or bytes in hex.
Words = Union[str, bytes, list["Words"], Mapping[str, "Words"]]  # noqa: UP007 (names itself)


class Target(NamedTuple):
    """Which map, and what is in it. ``kind`` is fd, map (a variable of the environment), pinned, id or name;
    ``key_type`` and ``value_type`` are formats, empty for the map's own types."""

    kind: str
    text: str
    key_type: str = ""
    value_type: str = ""


class Change(NamedTuple):
    """A part of a value, like ``.packets``, and what is done to it; the operator is ``=``, ``+=``, ``-=``, ``|=``,
    ``&=`` or ``^=``."""

    path: str
    operator: str
    operand: Words


class ShowMaps(Query):
    """One map, all without a target."""

    target: Target | None = None


class GetElement(Query):
    """``path`` is the part of the value that is wanted; ``value`` is what a bloom filter is asked for."""

    target: Target
    key: Words | None = None
    path: str = ""
    value: Words | None = None
    sum: bool = False
    lock: bool = False


class SetElement(Command):
    """Either a whole ``value``, or ``changes`` of what is there; ``flags`` as of bpf(2)."""

    target: Target
    key: Words | None = None
    value: Words | None = None
    changes: tuple[Change, ...] = ()
    flags: int = 0
    lock: bool = False


class UpdateElements(Command):
    target: Target
    entries: tuple[tuple[Words, Words], ...]
    flags: int = 0
    lock: bool = False


class DeleteElements(Command):
    """The elements of some keys, or all."""

    target: Target
    keys: tuple[Words, ...] = ()
    all: bool = False


class DumpMap(Query):
    target: Target
    csv: bool = False
    sum: bool = False
    lock: bool = False


class LoadMap(Command):
    """``path`` is a file, ``-`` standard input; ``format`` is json, csv, or empty: what it looks like."""

    target: Target
    path: str
    format: str = ""
    flags: int = 0
    lock: bool = False


class NextKey(Query):
    target: Target
    key: Words | None = None


class WatchMap(Command):
    """``interval`` in seconds; ``limit`` rounds, 0 for ever."""

    target: Target
    interval: float = 1.0
    limit: int = 0
    sum: bool = False


class PinMap(Command):
    target: Target
    path: str


class UnpinMap(Command):
    path: str


class PushValues(Command):
    target: Target
    values: tuple[Words, ...]
    flags: int = 0


class TakeValues(Command):
    """``remove`` for pop; ``limit`` values, 0 for all."""

    target: Target
    remove: bool
    limit: int = 1


class ReadEvents(Command):
    """``limit`` events, 0 for all; until ``timeout`` seconds went by without one, None for ever. ``object`` is a file
    in which the type is looked up."""

    target: Target
    limit: int = 0
    timeout: float | None = None
    object: str = ""
