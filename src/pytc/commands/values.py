"""What the user asked for: one frozen value for each command, complete before anything is touched."""

from typing import Any, NamedTuple

from pytc.commands.shared.command import Command, Query
from pytc.tc.filters.selector import FilterSelector


class ShowObject(Query):
    path: str


class LintObject(Query):
    """``kernel`` is the version to check for, like ``5.4``, empty for any; ``type`` the number of the type of programs
    whose section says none."""

    path: str
    kernel: str = ""
    type: int = 0


class ConvertObject(Query):
    path: str


class ClassicSource(NamedTuple):
    """Where a classic program comes from. ``mode`` is text (``text`` is the program), file (its path), expression
    (tcpdump's, for packets of ``link_type``; empty: what fits) or filter (one that is attached)."""

    mode: str
    text: str = ""
    link_type: str = ""
    selector: FilterSelector | None = None


class CompileExpression(Query):
    """``link_type`` is empty for that of ``device``, and for Ethernet; ``form`` is one of pytc.cbpf.formats."""

    expression: str
    link_type: str = ""
    device: str = ""
    snaplen: int = 0xFFFFFFFF
    form: str = ""


class AssembleProgram(Query):
    path: str
    form: str = ""


class DisassembleProgram(Query):
    source: ClassicSource
    form: str = ""


class RunProgram(Command):
    """``values`` are what extensions give; ``limit`` 0 is for all packets; matching packets are written to
    ``write``."""

    path: str
    source: ClassicSource
    values: tuple[tuple[str, int], ...] = ()
    untagged: bool = False
    limit: int = 0
    summary: bool = False
    write: str = ""


class StepProgram(Command):
    path: str
    source: ClassicSource
    values: tuple[tuple[str, int], ...] = ()
    untagged: bool = False


class TranslateProgram(Command):
    """``verdict`` is None for a program that returns what the classic one does."""

    source: ClassicSource
    write: str
    verdict: int | None = None


class SocketRights(NamedTuple):
    """Who may use a socket that is made: ``mode`` of its file; ``user`` is a number or name, empty for root and this
    user alone."""

    mode: int = 0o600
    user: str = ""


class ImportMaps(Command):
    """Waits for ``exports`` exports at ``path``, ``timeout`` seconds (None: for ever), and becomes ``words``."""

    path: str
    words: tuple[str, ...] = ()
    read_only: bool = False
    timeout: float | None = None
    exports: int = 1
    rights: SocketRights = SocketRights()


class FetchMaps(Command):
    """Asks the agent at ``path`` for the maps of ``object`` (all for an empty one), and becomes ``words``."""

    path: str
    words: tuple[str, ...] = ()
    read_only: bool = False
    object: str = ""


class ServeMaps(Command):
    path: str
    rights: SocketRights = SocketRights()


class ListKept(Query):
    """What the agent at ``path`` keeps."""

    path: str


class DropKept(Command):
    path: str
    object: str


class ReadTrace(Command):
    """The trace pipe, until somebody ends it."""


class GraftProgram(Command):
    """Puts a program into slot ``key`` (None: the section says) of the pinned program array; ``source`` is what the
    words of a bpf filter make of them."""

    path: str
    key: int | None
    source: Any
