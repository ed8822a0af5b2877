"""The context of a run of commands: the kernel's session, display options, and what a batch caches."""

from __future__ import annotations

from pytc.closing import Closing
from pytc.errors import DeviceNotFoundError
from pytc.render.documents import Display
from pytc.typing import Protocol, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytc.bpf.analyse.returns import Returned
    from pytc.bpf.loader.load import Loaded
    from pytc.bpf.loader.object_cache import ObjectCache
    from pytc.bpf.maps.pin_lock import PinLock
    from pytc.bpf.object.spec import ObjectSpec
    from pytc.bpf.sys.descriptions import ProgramDescription
    from pytc.commands.shared.attacher import Attacher
    from pytc.commands.shared.opened_programs import OpenedPrograms, ProgramRequest
    from pytc.netlink.messages import TcMessage
    from pytc.netlink.session import Session
    from pytc.tc.filters.selector import FilterSelector


class Closeable(Protocol):
    """A resource that has to be closed."""

    def close(self) -> None: ...


class Plan(Protocol):
    """The plan of a dry run, which notes changes in place of making them (:mod:`pytc.transaction.plan`)."""

    def session(self) -> Session:
        """Return a session that asks the kernel, and notes requests that would change something."""
        ...

    def absent_device(self, device: str, note: Callable[[str], object]) -> int:
        """Return a number for a device that is not there; may raise DeviceNotFoundError."""
        ...

    def open_programs(self, context: Context, requests: Sequence[ProgramRequest]) -> OpenedPrograms:
        """Return what stands for programs; raises BpfError and its kin, InvalidOptionsError."""
        ...

    def attacher(self, context: Context) -> Attacher:
        """Return what notes the changes to attached programs."""
        ...

    def description(self, number: int) -> ProgramDescription | None:
        """Return the description of a pinned program that a number stands for."""
        ...


class Journal(Protocol):
    """The record of an atomic batch, by which changes are undone (:mod:`pytc.transaction.journal`)."""

    pin_lock: PinLock

    def session(self) -> Session:
        """Return the session that records what it changes."""
        ...

    def keep_pins(self, loaded: Loaded) -> None:
        """Record the pins that a load has made, and is about to move."""
        ...

    def record(self, left: str, undo: Callable[[], None], *held: Closeable) -> None:
        """Record how a change is undone that no request has made; ``left`` says what stays where that fails. What is
        ``held`` for it is closed with the journal."""
        ...


class FilterObserver(Protocol):
    """An object that looks at new filters, for --warn."""

    def observe(self, context: Context, request: TcMessage, answers: Sequence[TcMessage]) -> None:
        """Look at a request about a filter, and at the echo of what the kernel did."""
        ...


class FilterSearch(Protocol):
    """The filters that packets never get past, at the hooks of a run (:mod:`pytc.commands.shared.search_order`)."""

    def before(self, context: Context, selector: FilterSelector) -> str:
        """Return the name of such a filter in front of one that is to be added, empty for none."""
        ...

    def report(self, selector: FilterSelector) -> None:
        """Keep quiet about a hook from now on."""
        ...

    def added(self, selector: FilterSelector) -> None:
        """Remember a filter that has been added, and that packets never get past."""
        ...


class Connection:
    """The way to the kernel's traffic control: a session that is opened when it is first used.

    With a ``plan``, nothing is changed; a ``journal`` records what is. ``notes`` are remarks for the user,
    ``with_egress`` the devices that are known to have a hook for packets that leave.
    """

    def __init__(self, plan: Plan | None = None, journal: Journal | None = None) -> None:
        self.plan = plan
        self.journal = journal
        self.notes: list[str] = []
        self.with_egress: set[str] = set()
        self._indexes: dict[str, int] = {}
        self._session: Session | None = journal.session() if journal is not None else None
        self._pin_lock: PinLock | None = None

    @property
    def pin_lock(self) -> PinLock:
        """The lock of pins for a command; an atomic batch holds it to its end."""
        if self.journal is not None:
            return self.journal.pin_lock
        if self._pin_lock is None:
            from pytc.bpf.maps.pin_lock import PinLock

            self._pin_lock = PinLock()
        return self._pin_lock

    @property
    def session(self) -> Session:
        """The session, which is opened when it is first used; raises NetlinkError."""
        if self._session is None:
            from pytc.netlink.session import Session

            self._session = Session() if self.plan is None else self.plan.session()
        return self._session

    def device_index(self, device: str) -> int:
        """Return the index of a device, 0 for an empty name; raises DeviceNotFoundError."""
        if not device:
            return 0
        index = self._indexes.get(device)
        if index is None:
            index = self.session.interface_index(device)
            if index is not None:
                self._indexes[device] = index
        if index is None and self.plan is not None:
            return self.plan.absent_device(device, self.notes.append)
        if index is None:
            raise DeviceNotFoundError(device)
        return index

    @property
    def device_indexes(self) -> Mapping[str, int]:
        """The indexes of devices that have been looked up, by name."""
        return dict(self._indexes)

    def forget_devices(self) -> None:
        """Look devices and their hooks up again: a device may be another of that name by now."""
        self._indexes.clear()
        self.with_egress.clear()

    def note_warnings(self) -> None:
        """Move the kernel's remarks on accepted requests to the notes."""
        if self._session is not None and self._session.warnings:
            self.notes += [f"Warning: {sentence}" for sentence in self._session.warnings]
            self._session.warnings.clear()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None


class Cache(Closing):
    """Object files and filters that earlier commands of the run have read.

    Who gives ``objects`` closes them; with ``keeps_objects``, the cache makes its own when the first is read.
    ``returned`` is what the programs of an object return, by its path and their name.
    """

    def __init__(
        self, objects: ObjectCache | None = None, filters: FilterObserver | None = None, *, keeps_objects: bool = False
    ) -> None:
        self.filters = filters
        self.search: FilterSearch | None = None
        self.returned: dict[tuple[str, str], tuple[ObjectSpec, Returned]] = {}
        self._given = objects
        self._own: ObjectCache | None = None
        self._keeps_objects = keeps_objects

    @property
    def objects(self) -> ObjectCache | None:
        """Object files that are read again and again; None where no command follows."""
        if self._given is None and self._own is None and self._keeps_objects:
            from pytc.bpf.loader.object_cache import ObjectCache

            self._own = ObjectCache()
        return self._given if self._given is not None else self._own

    def close(self) -> None:
        if self._own is not None:
            self._own.close()
            self._own = None


_Resource = TypeVar("_Resource", bound=Closeable)


class Context(Closing):
    """The surroundings of a run of commands; closed at the end of a ``with`` block.

    ``environment`` is that of the process. ``notes`` are for stderr: remarks, and the verifier's log where it is asked
    for. A command that runs for long does not wait for its end: it calls ``say`` for a remark, ``write`` for bytes of
    its output, ``ask(prompt)`` for the next line of its input, which is None at the end, and ``progress(done, total)``,
    where ``total`` is 0 when nobody knows it. ``has_failed`` is set by a
    command that did its work, and has bad news. With ``create_clsact``, a filter of ingress or egress brings its qdisc
    along; with ``replaces_own``, ``filter replace`` without a handle replaces the filter of the same owner and program.
    With ``warns``, filters and programs that do not do what they appear to do are remarked on. ``location`` is
    FILE:LINE of the command in a batch, empty elsewhere.
    """

    def __init__(
        self,
        connection: Connection | None = None,
        display: Display | None = None,
        cache: Cache | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        say: Callable[[str], object] | None = None,
        write: Callable[[bytes], object] = bytes,
        ask: Callable[[str], str | None] = lambda prompt: None,
        progress: Callable[[int, int], object] | None = None,
        create_clsact: bool = False,
        warns: bool = True,
        replaces_own: bool = False,
    ) -> None:
        self.connection = connection if connection is not None else Connection()
        self.display = display if display is not None else Display()
        self.cache = cache if cache is not None else Cache()
        self.environment: Mapping[str, str] = environment if environment is not None else {}
        self.notes = self.connection.notes
        self.say: Callable[[str], object] = say if say is not None else self.notes.append
        self.write: Callable[[bytes], object] = write
        self.ask: Callable[[str], str | None] = ask
        self.progress: Callable[[int, int], object] = progress if progress is not None else (lambda done, total: None)
        self.create_clsact = create_clsact
        self.warns = warns
        self.replaces_own = replaces_own
        self.location = ""
        self.has_failed = False
        self._owned: list[Closeable] = []

    @property
    def session(self) -> Session:
        """The session with the kernel's traffic control; raises NetlinkError."""
        return self.connection.session

    def device_index(self, device: str) -> int:
        """Return the index of a device, 0 for an empty name; raises DeviceNotFoundError."""
        return self.connection.device_index(device)

    @property
    def bpf_mount(self) -> str:
        """The bpffs for pins, empty for the usual one."""
        return self.environment.get("TC_BPF_MNT", "")

    @property
    def layout20(self) -> str:
        """The layout of map declarations of 20 bytes (see :func:`pytc.bpf.read_object`)."""
        return self.environment.get("PYTC_MAP_LAYOUT", "")

    def warn(self, sentence: str) -> None:
        """Note a warning; in a batch, with its line."""
        self.notes.append(f"Warning: {f'{self.location}: ' if self.location else ''}{sentence}")

    def own(self, resource: _Resource) -> _Resource:
        """Close a resource at the end of the command."""
        self._owned.append(resource)
        return resource

    def release(self) -> None:
        """End a command: close what it opened, but for the session, and note the kernel's remarks."""
        while self._owned:
            self._owned.pop().close()
        self.connection.note_warnings()

    def close(self) -> None:
        try:
            self.release()
        finally:
            self.cache.close()
            self.connection.close()
