"""What the user asked for: one frozen value for each command, complete before anything is touched."""

from typing import TYPE_CHECKING, Any, NamedTuple

from pytc.commands.shared.command import Command, Effect, Query, Requests
from pytc.handles import UNSPEC, Handle

if TYPE_CHECKING:
    pass


class Action(NamedTuple):
    """An action beside a filter, or one of its own: ``options`` is what the kind's parser made.

    ``flags`` are TCA_ACT_FLAGS_*; ``hw_stats`` TCA_ACT_HW_STATS_* (0: disabled), None for what the kernel does by
    itself.
    """

    kind: str
    options: Any = None
    cookie: bytes = b""
    flags: int = 0
    hw_stats: int | None = None


class FilterSelector(NamedTuple):
    """Which filters: of a device, or of a block, whose filters several devices share. ``protocol`` 0, ``pref`` 0,
    ``block`` 0 and ``chain`` None mean not given."""

    device: str = ""
    parent: Handle = UNSPEC
    pref: int = 0
    protocol: int = 0
    chain: int | None = None
    handle: str = ""
    block: int = 0


class ModifyFilter(Requests):
    """``verb`` is add, change, replace or delete; ``options`` is what the kind's parser made, None without kind and
    without options. ``estimator`` are the bytes of TCA_RATE."""

    verb: str
    selector: FilterSelector
    kind: str = ""
    options: Any = None
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


class QdiscSelector(NamedTuple):
    device: str = ""
    parent: Handle = UNSPEC
    handle: Handle = UNSPEC


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
