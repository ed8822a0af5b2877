"""Commands ``pytc prog``, what they print, and the packets of their tests."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pytc.bpf import Loaded
from pytc.packets import open_capture
from tests.conftest import EXAMPLES
from tests.processes import ROOT, Outcome, pytc

PACKETS = ROOT / "examples" / "packets"
NEXT_HOP = ("obj", str(EXAMPLES / "next_hop.o"))
HOPS, LESS = str(PACKETS / "hops.pcap"), str(PACKETS / "hops-less.pcap")
UDP, ICMP, ARP = "ip ttl 64 udp payload abc", "ip icmp type 8", "arp"


def prog(*words: str, options: tuple[str, ...] = (), mount: Path | None = None) -> Outcome:
    """Run ``pytc prog``, with a bpffs of its own if there is one."""
    return pytc(*options, "prog", *words, env={"TC_BPF_MNT": str(mount)} if mount else None)


def prog_json(*words: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Run ``pytc -j prog``, which has to succeed; return its documents."""
    outcome = prog(*words, options=("-j", *options))
    assert outcome.status == 0, outcome.err
    return list(json.loads(outcome.out))


def id_of(loaded: Loaded) -> str:
    """Return the id of a program as a word."""
    return str(loaded.program.description.id)


def report(*words: str, status: int = 0, env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run ``pytc -j prog run``, which has to end with a status; return its document."""
    outcome = pytc("-j", "prog", "run", *words, env=env)
    assert outcome.status == status, outcome.err
    (document,) = json.loads(outcome.out)
    return dict(document)


def rows(*words: str, status: int = 0) -> list[dict[str, Any]]:
    """Return what ``pytc -j prog run`` prints of each packet."""
    packets = report(*words, status=status)["packets"]
    assert isinstance(packets, list)
    return packets


def verdicts(*words: str) -> list[object]:
    """Return the verdict on each packet."""
    return [row["verdict"] for row in rows(*words)]


def data_of(path: str) -> list[bytes]:
    """Return the packets of a capture."""
    with open_capture(path) as packets:
        return [packet.data for packet in packets]
