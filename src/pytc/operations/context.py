"""What operations share during one run: the netlink session, how much to show, remarks for the user."""

from types import TracebackType

from pytc.documents import Shown
from pytc.errors import DeviceNotFoundError
from pytc.netlink.session import Session, interface_index


class Context:
    """Opens the session when it is first used, and closes it at the end of a ``with`` block.

    ``bpf_mount`` is what TC_BPF_MNT says, ``layout20`` what PYTC_MAP_LAYOUT says (see
    :func:`pytc.bpf.read_object`). ``notes`` are for stderr: remarks, and the verifier's log where it is asked for.
    ``status`` is the exit status of a command that did its work.
    """

    def __init__(self, *, shown: Shown | None = None, bpf_mount: str = "", layout20: str = "") -> None:
        self.shown = shown if shown is not None else Shown()
        self.bpf_mount = bpf_mount
        self.layout20 = layout20
        self.notes: list[str] = []
        self.status = 0
        self._session: Session | None = None

    @property
    def session(self) -> Session:
        if self._session is None:
            self._session = Session()
        return self._session

    def device_index(self, device: str) -> int:
        """The index of a device, 0 for an empty name; raises DeviceNotFoundError."""
        if not device:
            return 0
        index = interface_index(device)
        if index is None:
            raise DeviceNotFoundError(device)
        return index

    def close(self) -> None:
        if self._session is not None:
            self.notes += [f"Warning: {sentence}" for sentence in self._session.warnings]
            self._session.close()
            self._session = None

    def __enter__(self) -> "Context":
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()
