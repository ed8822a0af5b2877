"""Demonstrates the main use of pytc with real packets, in its own network namespaces.

Run by ``make demo``. Prints every command before running it, and cleans up even when interrupted.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from pytc.netns_pair import NetnsPair

ROOT = Path(__file__).resolve().parents[1]
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


def pytc(line: str, *, status: int = 0) -> None:
    """Print a pytc command as a user would type it, and run it in the demo's namespace."""
    print(f"$ pytc -n demo {line}", flush=True)
    words = [*PYTC, "-n", NETWORK.near, *shlex.split(line)]
    done = subprocess.run(words, check=False, cwd=ROOT, stderr=subprocess.STDOUT, timeout=60)
    if done.returncode != status:
        raise subprocess.CalledProcessError(done.returncode, words)


def ping(count: int, *, mark: int = 0) -> None:
    """Send real packets from em1 to the other namespace."""
    words = ["ping", "-q", "-c", str(count), "-i", "0.05", "-W", "1", *(["-m", str(mark)] if mark else [])]
    words.append(NETWORK.far_address)
    print(f"$ {shlex.join(words)}", flush=True)
    answered = NETWORK.run(*words, check=False).returncode == 0
    print("  answered" if answered else "  no answer", flush=True)


def run() -> None:
    """Give the tour."""
    say("A classifier with tc's own map layout (struct bpf_elf_map), which today's tc refuses, under an htb qdisc")
    pytc("qdisc add dev em1 root handle 1: htb default 7")
    pytc("class add dev em1 parent 1: classid 1:7 htb rate 10mbit")
    pytc("filter add dev em1 parent 1: bpf obj examples/bpf/mark_stats.o sec cls flowid 1:7")
    pytc("filter show dev em1 parent 1:")
    ping(3, mark=7)
    ping(2, mark=8)
    pytc("-s class show dev em1")

    say("Its map is pinned, so its counters can be read by their types at any time; it says who uses it")
    pytc("map dump pinned m:globals/map_stats valuetype '{u64 packets, u64 bytes}' hist")
    pytc("map show pinned m:globals/map_stats")

    say("A modern object (BTF maps, global variables, a subprogram) on ingress, in direct-action mode")
    pytc("qdisc add dev em1 clsact")
    pytc("filter add dev em1 ingress bpf da obj examples/bpf/traffic.o")
    ping(2)
    pytc("prog show dev em1 ingress")

    say('The same object\'s section "drop" on egress: echo requests do not get out any more')
    pytc("filter replace dev em1 egress pref 1 handle 1 bpf da obj examples/bpf/traffic.o sec drop")
    ping(1)

    say("All that packets meet at the device, in order, whoever has put it there")
    pytc("tcx attach dev em1 ingress obj examples/bpf/traffic.o")
    pytc("hooks dev em1")

    say("A program on captured packets, attached to nothing: the test fails as it forgets the checksum")
    expected = "pcap examples/packets/hops.pcap expect-pcap examples/packets/hops-less.pcap"
    pytc(f"prog run obj examples/bpf/next_hop.o {expected} summary")
    pytc(f"prog run obj examples/bpf/next_hop.o sec forgetful {expected} summary", status=1)

    say("A program that the verifier refuses, and why, in terms of its C")
    pytc("filter add dev em1 ingress bpf da obj examples/bpf/unchecked.o", status=1)

    say("Taken away again")
    pytc("filter del dev em1 egress")
    ping(1)
    pytc("qdisc del dev em1 clsact")
    pytc("qdisc del dev em1 root")
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
            run()
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
