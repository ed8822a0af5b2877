"""A process in a cgroup and a network namespace, which does on demand what programs of cgroups act on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kernel.connections import join, python

_SCRIPT = r'''
import errno, os, socket, sys

HOSTS = {4: ("127.0.0.1", socket.AF_INET), 6: ("::1", socket.AF_INET6)}

def udp(version, port=0):
    host, family = HOSTS[version]
    made = socket.socket(family, socket.SOCK_DGRAM)
    made.bind((host, port))
    made.settimeout(0.3)
    return made

def bind(version):
    return udp(version).getsockname()[1] == 4242

def create():
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()

def datagram(version, to=""):
    """The port that a datagram came from, beside the one that it did come from."""
    with udp(version) as receiver, socket.socket(HOSTS[version][1], socket.SOCK_DGRAM) as sender:
        sender.settimeout(0.3)
        sender.sendto(b"x", (to or HOSTS[version][0], receiver.getsockname()[1]))
        port = receiver.recvfrom(10)[1][1]
        return "as it is" if port == sender.getsockname()[1] else port

def connect(version, to=""):
    host, family = HOSTS[version]
    with socket.create_server((host, 0), family=family) as listener, socket.socket(family) as client:
        client.settimeout(0.3)
        client.connect((to or host, listener.getsockname()[1]))
        return "connected"

def name(version, kind):
    host, family = HOSTS[version]
    with socket.create_server((host, 0), family=family) as listener:
        if kind == "sock":
            return listener.getsockname()[1] == 4242
        with socket.create_connection((host, listener.getsockname()[1])) as client:
            return client.getpeername()[1] == 4242

def ttl(value=0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        return one.setsockopt(0, 2, value) if value else one.getsockopt(0, 2)

def zero():
    with open("/dev/zero", "rb") as device:
        return len(device.read(1))

def sysctl():
    path = "/proc/sys/net/ipv4/ip_default_ttl"
    with open(path) as file:
        before = file.read()
    with open(path, "w") as file:
        file.write(before)

def unix(kind):
    address = chr(0) + "pytc-test-" + str(os.getpid())
    if kind == "datagram":
        kind = socket.AF_UNIX, socket.SOCK_DGRAM
        with socket.socket(*kind) as one, socket.socket(*kind) as two:
            one.bind(address)
            two.sendto(b"x", address)
            return len(one.recvfrom(10)[0])
    with socket.socket(socket.AF_UNIX) as one, socket.socket(socket.AF_UNIX) as two:
        one.bind(address)
        one.listen()
        two.connect(address)
        return two.getpeername() and one.getsockname() and "connected"

print("ready", flush=True)
for line in sys.stdin:
    try:
        said = eval(line)
    except OSError as error:
        said = errno.errorcode.get(error.errno, type(error).__name__)
    print(said, flush=True)
'''


class Worker:
    """``do("zero()")`` is what the expression is there, or the name of the errno that it failed with."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    def do(self, expression: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{expression}\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()


@contextmanager
def working(name: str, cgroup: Path) -> Iterator[Worker]:
    """A worker in a network namespace."""
    with subprocess.Popen(
        join(cgroup, *python(name, _SCRIPT)), text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "ready\n"
            yield Worker(process)
        finally:
            process.kill()
