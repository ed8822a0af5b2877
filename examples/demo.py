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

from pytc.bpf import Map

OBJECTS = Path(__file__).resolve().parent / "bpf"
PYTC = [sys.executable, "-m", "pytc"]
NETNS = f"pytc-demo-{os.getpid()}"
PEER = f"{NETNS}-peer"


def quiet(*words: str, check: bool = True) -> int:
    """A command of the set-up."""
    return subprocess.run(words, check=check, stdout=subprocess.DEVNULL, timeout=60).returncode


def say(text: str) -> None:
    """A remark to the reader."""
    print(f"\n# {text}", flush=True)


def pytc(*words: str) -> None:
    """Prints a pytc command as a user would type it, and runs it in the demo's namespace."""
    shown = [os.path.relpath(word) if word.startswith(str(OBJECTS)) else word for word in words]
    print(f"$ pytc {shlex.join(['-n', 'demo', *shown])}", flush=True)
    subprocess.run([*PYTC, "-n", NETNS, *words], check=True, timeout=60)


def ping(count: int, *, mark: int = 0) -> None:
    """Real packets, from em1 to the other namespace."""
    words = ["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "1", *(["-m", str(mark)] if mark else []), "10.9.0.2"]
    print(f"$ {shlex.join(words)}", flush=True)
    answered = quiet("ip", "netns", "exec", NETNS, *words, check=False) == 0
    print("  answered" if answered else "  no answer", flush=True)


def make_network() -> None:
    """Two namespaces with a veth pair: em1 (10.9.0.1) and em2 (10.9.0.2)."""
    for name in (NETNS, PEER):
        quiet("ip", "netns", "add", name)
    quiet("ip", "-n", NETNS, "link", "add", "em1", "type", "veth", "peer", "name", "em2", "netns", PEER)
    for name, device, address in ((NETNS, "em1", "10.9.0.1/24"), (PEER, "em2", "10.9.0.2/24")):
        quiet("ip", "-n", name, "link", "set", device, "addrgenmode", "none")  # only the packets of the tour
        quiet("ip", "-n", name, "addr", "add", address, "dev", device)
        quiet("ip", "-n", name, "link", "set", device, "up")


def remove_network() -> None:
    """Deletes the namespaces, and with them their devices, qdiscs and filters."""
    for name in (NETNS, PEER):
        subprocess.run(["ip", "netns", "delete", name], check=False, stderr=subprocess.DEVNULL, timeout=60)


def show_marks(mount: Path) -> None:
    """Reads the counters of mark_stats.o through its pin."""
    pin = mount / "tc/globals/map_stats"
    print("  the map that is pinned at tc/globals/map_stats:", flush=True)
    with Map.from_pin(str(pin)) as stats:
        for key, value in stats.items():
            packets, size = struct.unpack("=QQ", value)
            if packets:
                print(f"    mark {struct.unpack('=I', key)[0]}: {packets} packets, {size} bytes", flush=True)


def run(mount: Path) -> None:
    """The tour."""
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
    """Runs the tour; cleans up whatever happens."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    status = 0
    with tempfile.TemporaryDirectory(prefix="pytc-demo-") as directory:
        mount = Path(directory) / "bpffs"
        mount.mkdir()
        os.environ["TC_BPF_MNT"] = str(mount)
        quiet("mount", "-t", "bpf", "bpf", str(mount))
        try:
            make_network()
            run(mount)
        except subprocess.CalledProcessError as error:
            print(f"demo: {shlex.join(map(str, error.cmd))}: exit status {error.returncode}", file=sys.stderr)
            status = 1
        except KeyboardInterrupt:
            status = 130
        finally:
            remove_network()
            quiet("umount", "-l", str(mount))
    return status


if __name__ == "__main__":
    sys.exit(main())
