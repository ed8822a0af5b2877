"""Desired states of em1 as files, and what "pytc apply" makes of them."""

from __future__ import annotations

import time
from pathlib import Path

from hypothesis import strategies as st

from tests.kernel.transaction.atomic_state import State, clear, difference, state
from tests.network import Network
from tests.processes import Outcome

_HTB = ("", "qdisc add dev em1 root handle 1: htb default 10\n", "qdisc add dev em1 root handle 1: htb default 20\n")
_CLASSES = (
    "",
    "class add dev em1 parent 1: classid 1:1 htb rate 10mbit ceil 20mbit\n",
    "class add dev em1 parent 1: classid 1:1 htb rate 10mbit ceil 30mbit prio 3\n"
    "class add dev em1 parent 1:1 classid 1:10 htb rate 5mbit burst 20k\n"
    "qdisc add dev em1 parent 1:10 handle 10: pfifo limit 5\n",
    "class add dev em1 parent 1: classid 1:1 htb rate 10mbit\n"
    "class add dev em1 parent 1:1 classid 1:10 htb rate 6mbit\n"
    "class add dev em1 parent 1:1 classid 1:20 htb rate 2mbit\n"
    "qdisc add dev em1 parent 1:10 handle 10: tbf rate 1mbit burst 10k limit 20k\n"
    "filter add dev em1 parent 1: pref 3 protocol ip u32 match ip dport 80 0xffff flowid 1:10\n"
    "filter add dev em1 parent 1: pref 3 protocol ip u32 match ip dport 81 0xffff flowid 1:20\n",
)
_OTHER_ROOTS = (
    "qdisc add dev em1 root handle 2: tbf rate 1mbit burst 10k limit 20k\n",
    "qdisc add dev em1 root handle 1: pfifo limit 7\n",
)
_FILTERS = (
    "pref 1 handle 1 bpf da obj {traffic} owner apply",
    "pref 1 handle 1 bpf da obj {verdicts} section tc/count owner apply",
    "pref 1 handle 2 bpf da obj {verdicts} section tc/stolen owner apply",
    "pref 2 handle 1 bpf bytecode '1,6 0 0 1' flowid 1:1",
    "pref 2 handle 1 bpf bytecode '1,6 0 0 2' flowid 1:2",
    "pref 2 protocol ip handle 1 bpf bytecode '1,6 0 0 2' flowid 1:2",
    "pref 3 u32 match ip dport 80 0xffff action mirred egress mirror dev lo",
    "pref 3 u32 match ip dport 82 0xffff action mirred ingress redirect dev lo",
    "pref 1 u32 match ip dport 83 0xffff",
    "chain 4 pref 1 handle 1 bpf bytecode '1,6 0 0 4'",
)


@st.composite
def files(draw: st.DrawFn) -> str:
    """The lines of a desired state of em1, {traffic} and {verdicts} in place of objects."""
    root = draw(st.sampled_from((*_HTB, *_OTHER_ROOTS)))
    text = root + (draw(st.sampled_from(_CLASSES)) if "htb" in root else "")
    if not draw(st.booleans()):
        return text + "qdisc add dev em1 clsact\n"
    text += "qdisc add dev em1 clsact\n"
    for hook in ("ingress", "egress"):
        taken: dict[tuple[str, ...], str] = {}
        for filter in draw(st.lists(st.sampled_from(_FILTERS), max_size=4, unique=True)):
            words = filter.split()
            place = tuple(words[: words.index("bpf" if "bpf" in words else "u32")])
            chain_pref = (*place[place.index("pref") : place.index("pref") + 2], str("chain" in place))
            kind = f"{'bpf' if 'bpf' in words else 'u32'} {'protocol' in words}"
            if place not in taken and taken.setdefault(chain_pref, kind) == kind:
                taken[place] = kind
                text += f"filter add dev em1 {hook} {filter}\n"
    return text


def apply(network: Network, text: str, *words: str, options: tuple[str, ...] = ()) -> Outcome:
    path = Path(network.env["TC_BPF_MNT"]).parent / "desired"
    path.write_text(text)
    return network.pytc("apply", str(path), *words, options=options)


def applied(network: Network, text: str, *words: str) -> str:
    outcome = apply(network, text, *words)
    assert outcome.status == 0, outcome.err
    return outcome.out


def made_by_batch(network: Network, text: str) -> State:
    """The state that the file's lines make in an empty place."""
    clear(network)
    path = Path(network.env["TC_BPF_MNT"]).parent / "batch"
    path.write_text(text)
    network.ok("-b", str(path))
    return state(network).alike()


def differing(network: Network, wanted: State) -> str:
    """Return what differs, pins aside; the kernel may take a moment to release the actions of filters."""
    for _ in range(100):
        found = difference(State(wanted.shown, []), State(state(network).alike().shown, []))
        if not found:
            break
        time.sleep(0.05)
    return found
