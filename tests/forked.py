"""``python -m pytc`` in processes that are forked from one that has imported pytc.

To start Python and to import takes most of the time of a command, and the tests run thousands. Everything else is as in
a new process: arguments, environment, directory, network namespace, standard streams, signals, and how it ends.

The server (``python -m tests.forked SOCKET``) forks twice for a request: a process for the command, and one that waits
for it and tells its id and then its status.
"""

from __future__ import annotations

import array
import ctypes
import gc
import json
import os
import pkgutil
import runpy
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_PYTC = (sys.executable, "-m", "pytc")
#: What the interpreter looks at when it starts.
_OF_PYTHON = ("PYTHON", "LC_", "LANG")
_MOST = 1 << 20
_STATUS = struct.Struct("=i")
_server: socket.socket | None = None


def start() -> socket.socket:
    """Start the server, unless it has been; it ends when this process does."""
    global _server
    if _server is None:
        _server, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        _server.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _MOST)
        subprocess.Popen(
            [sys.executable, "-m", "tests.forked", str(theirs.fileno())],
            cwd=ROOT,
            env=_environment(),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()
    return _server


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src")}


def can_run(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Return whether it is pytc, with an interpreter like the server's."""

    def of_python(environment: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in environment.items() if name.startswith(_OF_PYTHON)}

    return tuple(words[:3]) == _PYTC and of_python(environment) == of_python(_environment())


def run(
    words: Sequence[str], environment: Mapping[str, str], directory: str, seconds: float
) -> tuple[int, bytes, bytes]:
    """Run pytc; return its status as subprocess does, its output, and its errors. Raise TimeoutError after a while."""
    streams = [os.memfd_create(name) for name in ("out", "err")]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        request = json.dumps([words[3:], dict(environment), directory]).encode()
        socket.send_fds(start(), [request], [*streams, theirs.fileno(), namespace])
        theirs.close()
        ours.settimeout(seconds)
        number, status = _STATUS.unpack(ours.recv(_STATUS.size, socket.MSG_WAITALL))[0], None
        try:
            status = _STATUS.unpack(ours.recv(_STATUS.size, socket.MSG_WAITALL))[0]
        finally:
            if status is None:
                os.kill(number, signal.SIGKILL)
        out, err = (os.pread(stream, os.fstat(stream).st_size, 0) for stream in streams)
        return status, out, err
    finally:
        for opened in (*streams, namespace):
            os.close(opened)
        ours.close()
        theirs.close()


def serve(requests: socket.socket) -> list[str]:
    """Fork for each request; return in the process that is to run the command, with its words."""
    while True:
        data, ancillary, _, _ = requests.recvmsg(_MOST, socket.CMSG_SPACE(4 * array.array("i").itemsize))
        if not data:
            os._exit(0)
        [(_, _, packed)] = ancillary
        out, err, answers, namespace = array.array("i", packed)
        if not os.fork():
            requests.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            number = os.fork()
            if not number:
                words, environment, directory = json.loads(data)
                _become(environment, directory, out, err, namespace)
                return [str(word) for word in words]
            os.write(answers, _STATUS.pack(number))
            os.write(answers, _STATUS.pack(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])))
            os._exit(0)
        for opened in (out, err, answers, namespace):
            os.close(opened)


def _become(environment: dict[str, str], directory: str, out: int, err: int, namespace: int) -> None:
    os.dup2(out, 1)
    os.dup2(err, 2)
    if os.fstat(namespace).st_ino != os.stat("/proc/self/ns/net").st_ino and ctypes.CDLL(None).setns(namespace, 0):
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
    _import_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    sys.argv[1:] = serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        runpy.run_module("pytc", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)  # to take the interpreter apart would take several times as long as the command
