"""``pytc apply`` of kinds that the test machine's kernel lacks: a second run finds what the first has made unchanged.

What the kernel rounds, and what it fills in, is the kernel's; no kind has code for this comparison.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.network import Network

pytestmark = [pytest.mark.kernel, pytest.mark.needs("action:gact", "action:skbedit", "action:vlan", "qdisc:cake")]

QDISCS = (
    "fq_codel limit 1000 target 3ms ecn",
    "fq_codel",
    "sfq perturb 10",
    "fq limit 5000 quantum 3000",
    "prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1",
    "tbf rate 1mbit burst 10k latency 50ms",
    "netem delay 10ms 2ms loss 1%",
    "netem delay 10ms seed 7",
    "netem delay 10ms seed 8",
    "red limit 60000 min 10000 max 30000 avpkt 1000 burst 20 bandwidth 10mbit",
    "hfsc default 10",
    "drr",
    "pie limit 500 target 20ms",
    "cake bandwidth 10mbit",
)
FILTERS = (
    "pref 1 matchall action gact drop",
    "pref 2 protocol ip flower dst_ip 10.0.0.0/8 ip_proto tcp dst_port 80 action gact pass",
    "pref 3 protocol ip flower src_ip 10.1.0.0/16 action skbedit mark 7 pipe action mirred egress mirror dev lo",
    "pref 4 protocol all basic match 'meta(nf_mark eq 7)' action gact drop",
    "pref 5 handle 6 fw action gact pass",
    "pref 6 protocol ip flower dst_mac 02:00:00:00:00:07 action vlan push id 7",
    "pref 7 u32 match ip dport 80 0xffff action police rate 1mbit burst 10k conform-exceed drop",
)


def applied(network: Network, text: str) -> str:
    path = Path(network.env["TC_BPF_MNT"]).parent / "desired"
    path.write_text(text)
    outcome = network.pytc("apply", str(path), "prune", "all")
    assert outcome.status == 0, (text, outcome.err)
    assert "otherwise than in an empty namespace" not in outcome.err, text
    return outcome.out


def check_export(network: Network, *, is_complete: bool = True) -> None:
    """The exported state is found unchanged; what no words make is left out."""
    outcome = network.pytc("export-state", "dev", "em1")
    assert outcome.status == (0 if is_complete else 2), outcome.out
    if is_complete:
        assert applied(network, outcome.out) == "unchanged\n", outcome.out


def test_qdiscs_are_found_unchanged_and_replace_one_another(network: Network) -> None:
    for options in QDISCS:
        text = f"qdisc add dev em1 root handle 1: {options}\n"
        out = applied(network, text)
        before = network.state()
        is_kept = "seed" not in options or "seed" in before  # Linux 6.6
        assert out.split()[0] in "+~" or not is_kept, options
        assert applied(network, text) == "unchanged\n", options
        assert network.state() == before
        check_export(network, is_complete=not options.startswith("red"))


def test_filters_and_their_actions_are_found_unchanged(network: Network) -> None:
    for hook in ("ingress", "egress"):
        text = "qdisc add dev em1 clsact\n" + "".join(f"filter add dev em1 {hook} {filter}\n" for filter in FILTERS)
        applied(network, text)
        assert applied(network, text) == "unchanged\n"
        fewer = "".join(text.splitlines(keepends=True)[::2])
        applied(network, fewer)
        assert applied(network, fewer) == "unchanged\n"
        changed = text.replace("dst_port 80", "dst_port 81").replace("mark 7", "mark 8").replace("id 7", "id 8")
        applied(network, changed)
        assert applied(network, changed) == "unchanged\n"
        check_export(network)
        shown = network.tc("filter", "show", "dev", "em1", hook).out
        assert "dst_port 81" in shown and "dst_port 80" not in shown and "id 8" in shown


def test_shared_blocks_and_actions_with_an_index(network: Network) -> None:
    text = (
        "qdisc add dev em1 ingress_block 7 clsact\n"
        "actions add action gact drop index 77\n"
        "filter add block 7 pref 1 protocol ip flower dst_ip 10.0.0.1 action gact index 77\n"
    )
    assert [line[:1] for line in applied(network, text).splitlines()] == ["+"] * 3
    assert applied(network, text) == "unchanged\n"
    changed = text.replace("10.0.0.1", "10.0.0.2").replace("drop", "pass")
    assert [line[:1] for line in applied(network, changed).splitlines()] == ["~"] * 2
    assert applied(network, changed) == "unchanged\n"
