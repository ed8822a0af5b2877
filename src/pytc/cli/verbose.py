"""``--verbose``: each step of a command on standard error, with the time that it took.

The steps are calls at pytc's two doors to the kernel, bpf(2) and netlink, and the reading of object files. They are
wrapped before a command is parsed, and only with the option: without it, nobody asks whether somebody listens.
"""

from __future__ import annotations

import time
from functools import wraps

from pytc.render.terminal import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    _Function = Callable[..., Any]


class Steps:
    """The steps so far: those that repeat are told together, when another follows."""

    def __init__(self, say: Callable[[str], object]) -> None:
        self._say = say
        self._begun = time.perf_counter()
        self._label = ""
        self._count = 0
        self._seconds = 0.0
        self._failure = ""

    def timed(self, function: _Function, label: Callable[..., str]) -> _Function:
        """Return a function that notes how long each call takes, and what it raises."""

        @wraps(function)
        def call(*words: Any, **named: Any) -> Any:
            before = time.perf_counter()
            failure = ""
            try:
                return function(*words, **named)
            except Exception as error:
                failure = type(error).__name__ if not str(error) else printable(str(error).splitlines()[0])
                raise
            finally:
                self._note(label(*words, **named), time.perf_counter() - before, failure)

        return call

    def _note(self, label: str, seconds: float, failure: str) -> None:
        if label != self._label or failure or self._failure:
            self.flush()
            self._label = label
        self._count += 1
        self._seconds += seconds
        self._failure = failure

    def flush(self) -> None:
        """Tell the last step."""
        if self._count:
            times = f" x {self._count}" if self._count > 1 else ""
            failure = f": {self._failure}" if self._failure else ""
            since = (time.perf_counter() - self._begun) * 1000
            self._say(f"[{since:9.3f} ms] {self._label}{times} ({self._seconds * 1000:.3f} ms){failure}")
        self._label, self._count, self._seconds, self._failure = "", 0, 0.0, ""

    def end(self) -> None:
        """Tell the last step, and how long all took."""
        self.flush()
        self._say(f"[{(time.perf_counter() - self._begun) * 1000:9.3f} ms] done")


def watch(say: Callable[[str], object]) -> Steps:
    """Wrap the doors to the kernel, and return the steps that are noted from now on."""
    from pytc.bpf.object import reader
    from pytc.bpf.sys import syscall
    from pytc.netlink import constants as c
    from pytc.netlink.session import Session
    from pytc.transaction.request_text import NAMES

    names = NAMES | {
        c.GETQDISC: "RTM_GETQDISC",
        c.GETTCLASS: "RTM_GETTCLASS",
        c.GETTFILTER: "RTM_GETTFILTER",
        c.GETACTION: "RTM_GETACTION",
        c.GETCHAIN: "RTM_GETCHAIN",
    }

    def of_message(_: Session, message: Any, **__: Any) -> str:
        return f"netlink {names.get(message.type, f'message {message.type}')}"

    from pytc.bpf.sys.constants import Command

    walks = (
        Command.MAP_GET_NEXT_ID,
        Command.MAP_GET_FD_BY_ID,
        Command.PROG_GET_NEXT_ID,
        Command.PROG_GET_FD_BY_ID,
        Command.OBJ_GET_INFO_BY_FD,
    )

    def of_bpf(_: int, command: Any, attr: Any, __: int) -> str:
        if Command(command) in walks:
            return "bpf(2) descriptions of objects"
        structure = attr._obj
        name = getattr(structure, "map_name", b"") or getattr(structure, "prog_name", b"")
        text = printable(name.decode("ascii", "replace")) if isinstance(name, bytes) else ""
        return f"bpf(2) {Command(command).name}" + (f" {text}" if text else "")

    steps = Steps(say)
    syscall.bpf_syscall = steps.timed(syscall.bpf_syscall, of_bpf)  # type: ignore[assignment,attr-defined]
    reader.read_object = steps.timed(reader.read_object, lambda path, **_: f"read {printable(path)}")
    Session.request = steps.timed(Session.request, of_message)  # type: ignore[method-assign]
    Session._dump_once = steps.timed(  # type: ignore[method-assign]
        Session._dump_once, lambda *words, **named: f"{of_message(*words, **named)}, all"
    )
    return steps
