"""What a batch of commands can change, as the real tc and the file system show it."""

from __future__ import annotations

import difflib
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tests.conftest import pins
from tests.network import Network
from tests.processes import ROOT, Outcome, run

#: What fails in the kernel, and only there.
FAILING = "class add dev em1 parent 9: classid 9:1 htb rate 1mbit"
TAKEN_BACK = "Note: all that was done is taken back\n"
#: What furnish() makes.
FURNITURE = (
    "qdisc add dev em1 clsact",
    "qdisc add dev em1 root handle 1: htb default 10",
    "class add dev em1 parent 1: classid 1:1 htb rate 10mbit ceil 20mbit prio 3",
    "class add dev em1 parent 1:1 classid 1:10 htb rate 5mbit burst 20k",
    "qdisc add dev em1 parent 1:10 handle 10: pfifo limit 5",
    "filter add dev em1 ingress pref 10 handle 1 bpf bytecode '1,6 0 0 1' flowid 1:1",
    "filter add dev em1 ingress pref 10 handle 2 bpf bytecode '1,6 0 0 2' flowid 1:2",
    "filter add dev em1 ingress pref 20 protocol ip handle 1 bpf bytecode '1,6 0 0 3' flowid 1:3",
    "filter add dev em1 ingress pref 30 u32 match ip dport 80 0xffff flowid 1:1",
    "filter add dev em1 ingress pref 50 bpf bytecode '1,6 0 0 5' action mirred egress mirror dev lo",
    "filter add dev em1 ingress chain 3 pref 1 handle 1 bpf bytecode '1,6 0 0 4' flowid 1:4",
    "chain add dev em1 ingress chain 4",
    "actions add action mirred egress mirror dev lo index 5",
)
PLACES = ("dev em1", "dev em1 ingress", "dev em1 egress")
#: Numbers that the kernel gives anew to each of a sort.
_AGES = re.compile(r'"(installed|last_used|first_used)":\d+,')
_NUMBERS = re.compile(r'(?<="id":)\d+|(?<="fh":")8[0-9a-f]{2}(?=:)|(?<="key_ht":")8[0-9a-f]{2}|(?<="index":)\d+')
_ACTIONS, _ACTION = "actions list action mirred", "mirred "
#: pytc, which says when it has left a descriptor open.
_SCRIPT = """
import os, sys
from pytc.cli.main import main
def descriptors():
    return sorted(os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")[:-1])
with open("/dev/null") as kept:
    before = descriptors()
    status = main(sys.argv[1:])
    assert descriptors() == before, (before, descriptors())
sys.exit(status)
"""


class State(NamedTuple):
    """``shown`` is what tc prints (of some kinds text, whatever it is asked for), ``pinned`` are (path, id of the map)
    in bpffs."""

    shown: list[str]
    pinned: list[tuple[str, int]]

    def alike(self) -> State:
        """Return the state without the numbers in which two runs of the same commands differ, and without the order of
        actions, which is that of such numbers."""
        shown = [_NUMBERS.sub("0", line) for line in self.shown]
        actions = sorted(re.sub(r'"order":\d+', "", line) for line in shown if line.startswith(_ACTION))
        rest = [line for line in shown if not line.startswith(_ACTION)]
        return State([*actions, *rest], [(path, 0) for path, _ in self.pinned])


def furnish(network: Network) -> None:
    """em1 gets something of each sort, made by tc, and no packets of the kernel's own."""
    for peer in (False, True):
        network.execute("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", peer=peer)
    done = _tc(network, *FURNITURE)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr


def clear(network: Network) -> None:
    """Takes all away again."""
    _tc(network, "qdisc del dev em1 root", "qdisc del dev em1 clsact")
    while "index" in _tc(network, "actions list action mirred").stdout:  # the kernel releases those of filters later
        _tc(network, "actions flush action mirred")
    for name in ("ip", "xdp"):
        (Path(network.env["TC_BPF_MNT"]) / name).unlink(missing_ok=True)
    shutil.rmtree(Path(network.env["TC_BPF_MNT"]) / "tc", ignore_errors=True)


def _tc(network: Network, *lines: str, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["tc", "-n", network.name, *options, "-force", "-batch", "-"],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def state(network: Network, *, statistics: bool = False) -> State:
    """All that tc knows of em1 and of mirred actions, and what is in bpffs. The order of classes is that of a table in
    the kernel which grows, and never shrinks; that of chains has no meaning."""
    shown = [
        *_asked(network, "qdisc show dev em1", statistics=statistics),
        *sorted(_asked(network, "class show dev em1", statistics=statistics, before='{"class":')),
        *(f"{_ACTION}{one}" for one in _asked(network, _ACTIONS, statistics=statistics, before='{"order":')),
        *(one for place in PLACES for one in _filters(network, place, statistics=statistics)),
        *(one for place in PLACES for one in sorted(_asked(network, f"chain show {place}"))),
    ]
    mount = Path(network.env["TC_BPF_MNT"])
    return State(shown, [(path, _map_id(mount / path)) for path in pins(mount)])


def _filters(network: Network, place: str, *, statistics: bool) -> list[str]:
    """The filters of a place, chain by chain."""
    shown = _tc(network, f"filter show {place}", options=("-j",)).stdout
    chains = sorted({int(number) for number in re.findall(r'"chain":(\d+)', shown)})
    return _asked(network, *(f"filter show {place} chain {chain}" for chain in chains), statistics=statistics)


def _asked(network: Network, *questions: str, statistics: bool = False, before: str = "{") -> list[str]:
    """In pieces that begin with ``before``."""
    if not questions:
        return []
    done = _tc(network, *questions, options=("-j", *["-s"] * statistics))
    return [piece.strip("[],\n") for piece in re.split(f"(?={before})", _AGES.sub("", done.stdout))]


def difference(before: State, after: State) -> str:
    """Return the differences, line by line."""
    one, other = ([*found.shown, *map(str, found.pinned)] for found in (before, after))
    return "\n".join(difflib.unified_diff(one, other, n=0, lineterm=""))


def changed(before: State, network: Network, *, statistics: bool = False) -> str:
    """Return the differences to an earlier state; the kernel may take a moment to release the actions of filters."""
    for _ in range(100):
        found = difference(before, state(network, statistics=statistics))
        if not found:
            break
        time.sleep(0.05)
    return found


def atomic(network: Network, lines: list[str], *options: str, path: str = "-") -> Outcome:
    """``pytc --atomic -batch``; fails where it leaves a descriptor open."""
    return _pytc(network, "--atomic", *options, "-n", network.name, "-batch", path, lines=lines)


def plain(network: Network, lines: list[str], *options: str) -> Outcome:
    """``pytc -batch``."""
    return _pytc(network, *options, "-n", network.name, "-batch", "-", lines=lines)


def _pytc(network: Network, *words: str, lines: list[str]) -> Outcome:
    text = "".join(f"{line}\n" for line in lines)
    done = run(sys.executable, "-c", _SCRIPT, *words, input=text, env=network.env, cwd=ROOT)
    assert "Traceback" not in done.err, done.err
    return done


def _map_id(path: Path) -> int:
    from pytc.transaction.owned_pins import pinned_map_id

    return pinned_map_id(str(path))
