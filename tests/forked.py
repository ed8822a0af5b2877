"""Commands in processes that another process than pytest's starts.

``python -m pytc``, and scripts that use pytc, are forked from one that has imported it: to start Python and to import
takes most of the time of a command, and the tests run thousands. Everything else is as in a new process: arguments,
environment, directory, network namespace, standard streams, signals, and how it ends.

Other commands come from a small process, in guests: what it takes user-mode Linux to start one grows with the process
that does, ten times from nothing to 100 MB.

The server (``python -m tests.forked KIND SOCKET``) forks once for a request, tells the id of the process, and when it
has ended its status; or -1, and why there is none.
"""

from __future__ import annotations

import array
import ctypes
import errno
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What the interpreter looks at when it starts.
_OF_PYTHON = ("PYTHON", "LC_", "LANG")
_MOST = 1 << 20
_STATUS = struct.Struct("=i")
#: Kinds of servers: of Python with pytc, and of any command.
PYTC, COMMANDS = "pytc", "commands"
_servers: dict[str, socket.socket] = {}


def start(kind: str = PYTC) -> socket.socket:
    """Start a server, unless it has been; it ends when this process does."""
    if kind not in _servers:
        _servers[kind], theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _servers[kind].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
        subprocess.Popen(
            [sys.executable, "-m", "tests.forked", kind, str(theirs.fileno())],
            cwd=ROOT,
            env=_environment(),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
    return _servers[kind]


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def can_run(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether it is pytc or a script (``python -c``), with an interpreter like the server's."""

    def of_python(environment: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in environment.items() if name.startswith(_OF_PYTHON)}

    python = words[0] == sys.executable and (words[1] == "-c" or tuple(words[1:3]) == ("-m", "pytc"))
    return python and of_python(environment) == of_python(_environment())


def run(
    words: Sequence[str],
    environment: Mapping[str, str],
    directory: str,
    *,
    input: str,
    seconds: float,
    kind: str = PYTC,
) -> tuple[int, bytes, bytes]:
    """Run a command; return its status as subprocess does, its output, and its errors. PYTC can what can_run allows.

    Raise TimeoutError after so many seconds, and OSError where the command cannot be run.
    """
    streams = [os.memfd_create(name) for name in ("in", "out", "err")]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        os.pwrite(streams[0], input.encode(), 0)
        request = json.dumps([list(words), dict(environment), directory]).encode()
        socket.send_fds(start(kind), [request], [*streams, theirs.fileno(), namespace])
        theirs.close()
        ours.settimeout(seconds)
        number = _answer(ours)
        try:
            status = _answer(ours)
        except BaseException:
            if number > 0:
                os.kill(number, signal.SIGKILL)
            raise
        if number < 0:
            raise OSError(status, os.strerror(status), words[0])
        out, err = (os.pread(stream, os.fstat(stream).st_size, 0) for stream in streams[1:])
        return status, out, err
    finally:
        for opened in (*streams, namespace):
            os.close(opened)
        ours.close()
        theirs.close()


def _answer(answers: socket.socket) -> int:
    (number,) = _STATUS.unpack(answers.recv(_STATUS.size, socket.MSG_WAITALL))
    return int(number)


def serve(kind: str, requests: socket.socket) -> list[str]:
    """Start a process for each request; return in one that is forked, with the words behind python's."""
    running: dict[int, tuple[Callable[[], int], int]] = {}  # pidfd: what waits for its status, socket for that
    waiting = select.poll()
    waiting.register(requests, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready in running:
                status, answers = running.pop(ready)
                waiting.unregister(ready)
                os.write(answers, _STATUS.pack(status()))
                os.close(answers)
                os.close(ready)
                continue
            data, ancillary, _, _ = requests.recvmsg(_MOST, socket.CMSG_SPACE(5 * array.array("i").itemsize))
            if not data:
                os._exit(0)
            [(_, _, packed)] = ancillary
            *streams, answers, namespace = array.array("i", packed)
            try:
                number, wait = (_forked if kind == PYTC else _spawned)(data, streams, namespace)
            except _Forked as forked:
                return forked.words
            except OSError as error:
                os.write(answers, _STATUS.pack(-1) + _STATUS.pack(error.errno or 0))
                os.close(answers)
            else:
                os.write(answers, _STATUS.pack(number))
                process = os.pidfd_open(number)
                running[process] = wait, answers
                waiting.register(process, select.POLLIN)
            for opened in (*streams, namespace):
                os.close(opened)


class _Forked(Exception):
    """This is the process that is to run a command."""

    def __init__(self, words: list[str]) -> None:
        super().__init__()
        self.words = words


def _forked(data: bytes, streams: list[int], namespace: int) -> tuple[int, Callable[[], int]]:
    """Fork; return the id of the process, and what waits for it. Raise _Forked there."""
    number = os.fork()
    if not number:
        words, environment, directory = json.loads(data)
        _become(environment, directory, streams, namespace)
        raise _Forked([str(word) for word in words[1:]])
    return number, lambda: os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def _spawned(data: bytes, streams: list[int], namespace: int) -> tuple[int, Callable[[], int]]:
    """Start a command; return the id of the process, and what waits for it. Raise OSError where it cannot be run."""
    words, environment, directory = json.loads(data)
    _enter(namespace)  # and stay: the next request brings its own
    process = subprocess.Popen(
        words, env=environment, cwd=directory, stdin=streams[0], stdout=streams[1], stderr=streams[2]
    )
    return process.pid, process.wait


def _enter(namespace: int) -> None:
    if os.fstat(namespace).st_ino != os.stat("/proc/self/ns/net").st_ino and ctypes.CDLL(None).setns(namespace, 0):
        raise OSError(errno.EINVAL, "cannot enter the network namespace")


def _become(environment: dict[str, str], directory: str, streams: list[int], namespace: int) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    try:
        _enter(namespace)
    except OSError:
        os._exit(126)
    os.closerange(3, 64)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(directory)


def _import_all() -> None:
    import pytc

    for module in pkgutil.walk_packages(pytc.__path__, "pytc."):
        if not module.name.endswith("__main__") and module.name != "pytc.testing":
            import_module(module.name)
    gc.freeze()  # no collection touches, and so copies, their memory


if __name__ == "__main__":
    if sys.argv[1] == PYTC:
        _import_all()
    option, what, *sys.argv[1:] = serve(sys.argv[1], socket.socket(fileno=int(sys.argv[2])))
    try:
        if option == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv[0] = option
            exec(what, {"__name__": "__main__"})  # noqa: S102  what "python -c" does
        sys.exit(0)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)  # to take the interpreter apart would take several times as long as the command
