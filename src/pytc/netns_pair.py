"""Network namespaces joined by a veth pair, for tests and demonstrations with real packets.

pyroute2 makes and removes a pair in 8 ms, where five processes of ip(8) take 10 ms, and on a busy machine in half of
their time. To import it takes 250 ms, once for each process.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from pytc.contexts import ExitStack, contextmanager, suppress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyroute2 import IPRoute

_DIRECTORY = "/run/netns"
_PATIENCE = 60  # seconds
_LOOPBACK = 1  # the index of "lo" in each namespace


class NetnsPair:
    """Two network namespaces with a veth pair between them.

    ``near`` has the device ``em1`` with ``near_address``, ``far`` the device ``em2`` with ``far_address``; both are up.
    """

    device, far_device = "em1", "em2"
    near_address, far_address = "10.9.0.1", "10.9.0.2"

    def __init__(self, name: str) -> None:
        self.near, self.far = name, f"{name}-far"

    def run(self, *words: str, far: bool = False, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in a namespace, at most a minute long; raises CalledProcessError where it fails, unless
        ``check`` is False."""
        return subprocess.run(
            ["ip", "netns", "exec", self.far if far else self.near, *words],
            capture_output=True,
            text=True,
            timeout=60,
            check=check,
            stdin=subprocess.DEVNULL,
        )

    @contextmanager
    def inside(self, *, far: bool = False) -> Iterator[None]:
        """Move this thread into a namespace until the block ends."""
        from pytc.netlink.namespaces import namespace

        with namespace(self.far if far else self.near):
            yield

    def make(self) -> None:
        """Make both; raises OSError or pyroute2's NetlinkError."""
        from pyroute2 import IPRoute

        for name in (self.near, self.far):
            _create_namespace(name)
        with ExitStack() as sockets:
            ends = []
            for far, device in ((False, self.device), (True, self.far_device)):
                with self.inside(far=far):
                    route = sockets.enter_context(IPRoute())
                    if not far:
                        peer = {"ifname": self.far_device, "net_ns_fd": self.far}
                        route.link("add", ifname=self.device, kind="veth", peer=peer)
                    route.link("set", index=_LOOPBACK, state="up")
                    (index,) = route.link_lookup(ifname=device)
                    self.configure(route, index, far=far)
                    ends.append((route, index))
            for route, index in ends:
                wait_until_up(route, index)

    def configure(self, route: IPRoute, index: int, *, far: bool) -> None:
        """Give one end of the pair its address, and set it up. Runs in the end's namespace.

        Subclasses override it to do more; ``index`` is the device's, ``route`` a socket in the namespace.
        """
        route.addr("add", index=index, address=self.far_address if far else self.near_address, prefixlen=24)
        route.link("set", index=index, state="up")

    def remove(self) -> None:
        """Remove the namespaces that are there, and with them their devices, qdiscs and filters."""
        from pyroute2 import netns

        for name in (self.near, self.far):
            with suppress(FileNotFoundError):
                netns.remove(name)


def wait_until_up(route: IPRoute, index: int) -> None:
    """Wait until a device sends; raises TimeoutError.

    Until a work queue of the kernel, linkwatch, has noticed the carrier, the device drops its packets: 30 ms on a busy
    machine.
    """
    deadline = time.monotonic() + _PATIENCE
    while route.link("get", index=index)[0].get_attr("IFLA_OPERSTATE") != "UP":
        if time.monotonic() > deadline:
            raise TimeoutError("the veth pair does not come up")
        time.sleep(0.001)


def _create_namespace(name: str) -> None:
    """Create an empty namespace below /run/netns, as "ip netns add" does.

    A thread enters the new namespace and names it; pyroute2's netns.create() forks this process for that, which takes
    ten milliseconds and more.
    """
    from pyroute2 import netns

    from pytc.libc import enter_new_network_namespace

    def create() -> None:
        enter_new_network_namespace()
        netns.attach(name, threading.get_native_id())

    os.makedirs(_DIRECTORY, exist_ok=True)
    directory = os.open(_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # ip(8) holds it, too: the first one to come makes the directory a mount of its own.
        fcntl.flock(directory, fcntl.LOCK_EX)
        with ThreadPoolExecutor(1) as thread:
            thread.submit(create).result()
    finally:
        os.close(directory)
