"""What operations share during one run: the netlink session, how much to show, remarks for the user."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from pytc.closing import Closing
from pytc.errors import DeviceNotFoundError
from pytc.render.documents import Shown

if TYPE_CHECKING:
    from pytc.bpf.loader.object_cache import ObjectCache
    from pytc.commands.filter.warnings import FilterWarnings
    from pytc.netlink.session import Session
    from pytc.transaction.journal import Journal
    from pytc.transaction.plan import Plan


class Closeable(Protocol):
    """What has to be closed."""

    def close(self) -> None: ...


Owned = TypeVar("Owned", bound=Closeable)


class Context(Closing):
    """Opens the session when it is first used, and closes it at the end of a ``with`` block.

    ``bpf_mount`` is what TC_BPF_MNT says, ``layout20`` what PYTC_MAP_LAYOUT says (see
    :func:`pytc.bpf.read_object`). ``notes`` are for stderr: remarks, and the verifier's log where it is asked for.
    ``status`` is the exit status of a command that did its work. ``environment`` is that of the process.
    ``progress(done, total)`` is told how far a long piece of work is; ``total`` is 0 when nobody knows. A command that
    runs for long does not wait for its end: it calls ``say`` for a remark, ``write`` for bytes of its output, and
    ``ask(prompt)`` for the next line of its input, which is None at the end. With
    ``echo``, a command that changes something shows what the kernel says that it has done. With ``create_clsact``, a
    filter of ingress or egress brings its qdisc along. With a ``plan``, nothing is changed: it notes what would be. A
    ``journal`` is the session then, and knows how what is done is taken back. With ``warnings``, new filters are looked
    at for what is easily overlooked. ``place`` is FILE:LINE of the command in a batch, empty elsewhere. ``objects``
    keeps what is known of object files from one command to the next; a context of a single command has none.
    """

    def __init__(
        self,
        *,
        shown: Shown | None = None,
        bpf_mount: str = "",
        layout20: str = "",
        environment: Mapping[str, str] | None = None,
        progress: Callable[[int, int], object] | None = None,
        say: Callable[[str], object] | None = None,
        write: Callable[[bytes], object] | None = None,
        ask: Callable[[str], str | None] | None = None,
        echo: bool = False,
        create_clsact: bool = False,
        plan: "Plan | None" = None,
        journal: "Journal | None" = None,
        warnings: "FilterWarnings | None" = None,
    ) -> None:
        self.shown = shown if shown is not None else Shown()
        self.echo = echo
        self.create_clsact = create_clsact
        self.plan = plan
        self.journal = journal
        self.warnings = warnings
        self.place = ""
        self.bpf_mount = bpf_mount
        self.layout20 = layout20
        self.notes: list[str] = []
        self.say: Callable[[str], object] = say if say is not None else self.notes.append
        self.write: Callable[[bytes], object] = write if write is not None else bytes
        self.ask: Callable[[str], str | None] = ask if ask is not None else (lambda prompt: None)
        self.status = 0
        self.environment: Mapping[str, str] = environment if environment is not None else {}
        self.progress: Callable[[int, int], object] = progress if progress is not None else (lambda done, total: None)
        self.objects: ObjectCache | None = None
        self._session: Session | None = journal
        self._owned: list[Closeable] = []

    def own(self, resource: Owned) -> Owned:
        """Closes a resource at the end of the ``with`` block."""
        self._owned.append(resource)
        return resource

    @property
    def session(self) -> "Session":
        if self._session is None:
            from pytc.netlink.session import Session

            self._session = Session() if self.plan is None else self.plan.session()
        return self._session

    @contextmanager
    def in_full(self) -> Iterator[None]:
        """In such a block, filters are asked for all that they have, also with -brief: to be looked at, not shown."""
        shown, self.shown = self.shown, self.shown._replace(brief=False)
        try:
            yield
        finally:
            self.shown = shown

    def keep_objects(self) -> None:
        """More commands will follow."""
        from pytc.bpf.loader.object_cache import ObjectCache

        self.objects = ObjectCache()

    def device_index(self, device: str) -> int:
        """The index of a device, 0 for an empty name; raises DeviceNotFoundError."""
        if not device:
            return 0
        index = self.session.interface_index(device)
        if index is None and self.plan is not None:
            return self.plan.absent_device(self, device)
        if index is None:
            raise DeviceNotFoundError(device)
        return index

    def release(self) -> None:
        """The end of a command: closes what it opened, but for the session, and notes what the kernel remarked."""
        while self._owned:
            self._owned.pop().close()
        if self._session is not None:
            self.notes += [f"Warning: {sentence}" for sentence in self._session.warnings]
            self._session.warnings.clear()

    def close(self) -> None:
        try:
            self.release()
        finally:
            if self.objects is not None:
                self.objects.close()
            if self._session is not None:
                self._session.close()
                self._session = None
