"""Demonstrates the main use of pytc with real packets, in its own network namespaces.

Run by ``make demo``. Prints every command before running it, and cleans up even when interrupted.
"""

from __future__ import annotations

import os
import shlex
import signal
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from pytc.bpf import Map
from pytc.netns_pair import NetnsPair

OBJECTS = Path(__file__).resolve().parent / "bpf"
PYTC = [sys.executable, "-m", "pytc"]


class Network(NetnsPair):
    """Two namespaces with a veth pair, em1 (10.9.0.1) and em2 (10.9.0.2): only the packets of the tour are in it."""

    def configure(self, route: IPRoute, index: int, *, far: bool) -> None:
        """Set up one end without IPv6, which sends packets by itself."""
        ipv6 = Path("/proc/sys/net/ipv6/conf") / (self.far_device if far else self.device) / "disable_ipv6"
        if ipv6.exists():
            ipv6.write_text("1")
        super().configure(route, index, far=far)


NETWORK = Network(f"pytc-demo-{os.getpid()}")


def say(text: str) -> None:
    """Print a remark to the reader."""
    print(f"\n# {text}", flush=True)


def pytc(*words: str) -> None:
    """Print a pytc command as a user would type it, and run it in the demo's namespace."""
    shown = [os.path.relpath(word) if word.startswith(str(OBJECTS)) else word for word in words]
    print(f"$ pytc {shlex.join(['-n', 'demo', *shown])}", flush=True)
    subprocess.run([*PYTC, "-n", NETWORK.near, *words], check=True, timeout=60)


def ping(count: int, *, mark: int = 0) -> None:
    """Send real packets from em1 to the other namespace."""
    words = ["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "1", *(["-m", str(mark)] if mark else [])]
    words.append(NETWORK.far_address)
    print(f"$ {shlex.join(words)}", flush=True)
    answered = NETWORK.run(*words, check=False).returncode == 0
    print("  answered" if answered else "  no answer", flush=True)


def show_marks(mount: Path) -> None:
    """Read the counters of mark_stats.o through its pin."""
    pin = mount / "tc/globals/map_stats"
    print("  the map that is pinned at tc/globals/map_stats:", flush=True)
    with Map.from_pin(str(pin)) as stats:
        for key, value in stats.items():
            packets, size = struct.unpack("=QQ", value)
            if packets:
                print(f"    mark {struct.unpack('=I', key)[0]}: {packets} packets, {size} bytes", flush=True)


def run(mount: Path) -> None:
    """Give the tour."""
    say("A classifier with tc's own map layout (struct bpf_elf_map), which today's tc refuses, under an htb qdisc")
    pytc("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb", "default", "7")
    pytc("class", "add", "dev", "em1", "parent", "1:", "classid", "1:7", "htb", "rate", "10mbit")
    pytc(
        "filter",
        "add",
        "dev",
        "em1",
        "parent",
        "1:",
        "bpf",
        "obj",
        str(OBJECTS / "mark_stats.o"),
        "sec",
        "cls",
        "flowid",
        "1:7",
    )
    pytc("filter", "show", "dev", "em1", "parent", "1:")
    ping(3, mark=7)
    ping(2, mark=8)
    show_marks(mount)
    pytc("-s", "class", "show", "dev", "em1")

    say("A modern object (BTF maps, global variables, a subprogram) on ingress, in direct-action mode")
    pytc("qdisc", "add", "dev", "em1", "clsact")
    pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", str(OBJECTS / "traffic.o"))
    pytc("-d", "filter", "show", "dev", "em1", "ingress")

    say('The same object\'s section "drop" on egress: echo requests do not get out any more')
    pytc(
        "filter",
        "replace",
        "dev",
        "em1",
        "egress",
        "pref",
        "1",
        "handle",
        "1",
        "bpf",
        "da",
        "obj",
        str(OBJECTS / "traffic.o"),
        "sec",
        "drop",
    )
    ping(1)

    say("Taken away again")
    pytc("filter", "del", "dev", "em1", "egress")
    ping(1)
    pytc("qdisc", "del", "dev", "em1", "clsact")
    pytc("qdisc", "del", "dev", "em1", "root")
    say("That was it; the namespaces and pins of this demo are gone now.")


def main() -> int:
    """Run the tour; clean up whatever happens."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    status = 0
    with tempfile.TemporaryDirectory(prefix="pytc-demo-") as directory:
        mount = Path(directory) / "bpffs"
        mount.mkdir()
        os.environ["TC_BPF_MNT"] = str(mount)
        subprocess.run(["mount", "-t", "bpf", "bpf", str(mount)], check=True, timeout=60)
        try:
            NETWORK.make()
            run(mount)
        except subprocess.CalledProcessError as error:
            print(f"demo: {shlex.join(map(str, error.cmd))}: exit status {error.returncode}", file=sys.stderr)
            status = 1
        except (OSError, NetlinkError) as error:
            print(f"demo: {error}", file=sys.stderr)
            status = 1
        except KeyboardInterrupt:
            status = 130
        finally:
            NETWORK.remove()
            subprocess.run(["umount", "-l", str(mount)], check=True, timeout=60)
    return status


if __name__ == "__main__":
    sys.exit(main())
