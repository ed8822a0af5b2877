"""What the user asked for: one frozen value for each command, complete before anything is touched."""

from typing import Any, NamedTuple

from pytc.commands.shared.command import Command, Effect, Query, Requests
from pytc.handles import UNSPEC, Handle
from pytc.tc.actions.action import Action
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.interface import FilterOptions
from pytc.tc.qdiscs.selector import QdiscSelector


class ModifyFilter(Requests):
    """``verb`` is add, change, replace or delete; ``options`` is what the kind's parser made, None without kind and
    without options. ``estimator`` are the bytes of TCA_RATE."""

    verb: str
    selector: FilterSelector
    kind: str = ""
    options: FilterOptions | None = None
    estimator: bytes = b""


class GetFilter(Query):
    selector: FilterSelector
    kind: str


class ShowFilters(Query):
    """``ignored`` is a handle: tc takes one there, and shows filters with any."""

    selector: FilterSelector
    ignored: str = ""


class ModifyChain(Requests):
    """``verb`` is add or delete. With a kind and options, the filter is the chain's template."""

    verb: str
    filter: ModifyFilter


class GetChain(Query):
    selector: FilterSelector


class ShowChains(Query):
    selector: FilterSelector


class ModifyQdisc(Requests):
    """``verb`` is add, change, replace, link or delete. The blocks are those that the filters of clsact and ingress are
    shared through, 0 for none. ``estimator`` is TCA_RATE, ``stab`` a size table, None for none."""

    verb: str
    selector: QdiscSelector
    kind: str = ""
    options: Any = None
    ingress_block: int = 0
    egress_block: int = 0
    estimator: bytes = b""
    stab: Any = None


class ShowQdiscs(Query):
    """``parent`` or ``handle`` of the selector limit what is shown; ``invisible`` adds what the kernel made by
    itself."""

    selector: QdiscSelector
    invisible: bool = False


class ModifyClass(Requests):
    """``verb`` is add, change, replace or delete; ``estimator`` is TCA_RATE."""

    verb: str
    device: str
    parent: Handle
    classid: Handle
    kind: str = ""
    options: Any = None
    estimator: bytes = b""


class ShowClasses(Query):
    """``qdisc`` limits what is shown to the classes of one qdisc, and shows them without its major number."""

    device: str
    parent: Handle = UNSPEC
    classid: Handle = UNSPEC
    qdisc: Handle = UNSPEC


class ModifyActions(Requests):
    """``verb`` is add or replace."""

    verb: str
    actions: tuple[Action, ...]


class NamedActions(Command):
    """``verb`` is get or delete; ``which`` are kinds and indexes."""

    verb: str
    which: tuple[tuple[str, int], ...]

    @property
    def effect(self) -> Effect:
        return "asks" if self.verb == "get" else "requests"


class ActionCommands(Command):
    """Several of them in one line, done in their order; the last may get or delete."""

    commands: tuple[ModifyActions | NamedActions, ...]

    @property
    def effect(self) -> Effect:
        return "asks" if all(part.effect == "asks" for part in self.commands) else "requests"


class ShowActions(Query):
    """All actions of a kind; with ``since``, those that were used in the last so many milliseconds."""

    kind: str
    since: int = 0


class FlushActions(Requests):
    kind: str


class Monitor(Query):
    """``path`` is a file that rtmon(8) has written, empty for what happens now."""

    path: str = ""


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
