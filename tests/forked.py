"""``python -m pytc``, and scripts that use pytc, in processes that are forked from one that has imported it.

To start Python and to import takes most of the time of a command, and the tests run thousands. Everything else is as in
a new process: arguments, environment, directory, network namespace, standard streams, signals, and how it ends.

The server (``python -m tests.forked SOCKET``) forks once for a request, which takes 40 ms in user-mode Linux, tells the
id of the process, and when it has ended its status.
"""

from __future__ import annotations

import array
import ctypes
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
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
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
    """Return whether it is pytc or a script (``python -c``), with an interpreter like the server's."""

    def of_python(environment: Mapping[str, str]) -> dict[str, str]:
        return {name: value for name, value in environment.items() if name.startswith(_OF_PYTHON)}

    python = words[0] == sys.executable and (words[1] == "-c" or tuple(words[1:3]) == ("-m", "pytc"))
    return python and of_python(environment) == of_python(_environment())


def run(
    words: Sequence[str], environment: Mapping[str, str], directory: str, *, input: str, seconds: float
) -> tuple[int, bytes, bytes]:
    """Run what can_run allows; return its status as subprocess does, its output, and its errors.

    Raise TimeoutError after so many seconds.
    """
    streams = [os.memfd_create(name) for name in ("in", "out", "err")]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    namespace = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        os.pwrite(streams[0], input.encode(), 0)
        request = json.dumps([words[1:], dict(environment), directory]).encode()
        socket.send_fds(start(), [request], [*streams, theirs.fileno(), namespace])
        theirs.close()
        ours.settimeout(seconds)
        number, status = _STATUS.unpack(ours.recv(_STATUS.size, socket.MSG_WAITALL))[0], None
        try:
            status = _STATUS.unpack(ours.recv(_STATUS.size, socket.MSG_WAITALL))[0]
        finally:
            if status is None:
                os.kill(number, signal.SIGKILL)
        out, err = (os.pread(stream, os.fstat(stream).st_size, 0) for stream in streams[1:])
        return status, out, err
    finally:
        for opened in (*streams, namespace):
            os.close(opened)
        ours.close()
        theirs.close()


def serve(requests: socket.socket) -> list[str]:
    """Fork for each request; return in the process that is to run the command, with the words behind python's."""
    running: dict[int, tuple[int, int]] = {}  # pidfd: process, socket for its status
    waiting = select.poll()
    waiting.register(requests, select.POLLIN)
    while True:
        for ready, _ in waiting.poll():
            if ready in running:
                number, answers = running.pop(ready)
                waiting.unregister(ready)
                os.write(answers, _STATUS.pack(os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])))
                os.close(answers)
                os.close(ready)
                continue
            data, ancillary, _, _ = requests.recvmsg(_MOST, socket.CMSG_SPACE(5 * array.array("i").itemsize))
            if not data:
                os._exit(0)
            [(_, _, packed)] = ancillary
            *streams, answers, namespace = array.array("i", packed)
            number = os.fork()
            if not number:
                words, environment, directory = json.loads(data)
                _become(environment, directory, streams, namespace)
                return [str(word) for word in words]
            os.write(answers, _STATUS.pack(number))
            for opened in (*streams, namespace):
                os.close(opened)
            process = os.pidfd_open(number)
            running[process] = number, answers
            waiting.register(process, select.POLLIN)


def _become(environment: dict[str, str], directory: str, streams: list[int], namespace: int) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
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
    option, what, *sys.argv[1:] = serve(socket.socket(fileno=int(sys.argv[1])))
    try:
        if option == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            sys.argv[0] = option
            exec(what, {"__name__": "__main__"})
        sys.exit(0)
    except SystemExit as end:
        if not isinstance(end.code, int):
            raise
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)  # to take the interpreter apart would take several times as long as the command
