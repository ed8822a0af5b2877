"""Rules that some kernels enforce without a word are said by pytc, or by the kernel itself."""

from __future__ import annotations

import pytest

from tests.needs import missing
from tests.processes import pytc_here
from tests.vm.twins import new_network, tc

pytestmark = pytest.mark.kernel

#: What the line needs, lines that are done before it, separated by semicolons, and a word of the rule.
BROKEN = {
    "qdisc add dev em1 root prio bands 1": ("qdisc:prio", "", "bands"),
    "qdisc add dev em1 root prio bands 17": ("qdisc:prio", "", "bands"),
    "qdisc add dev em1 root sfq divisor 1000": ("qdisc:sfq", "", "divisor"),
    "qdisc add dev em1 root tbf rate 1mbit burst 10k latency 10ms peakrate 500kbit mtu 2k": (
        "qdisc:tbf",
        "",
        "peakrate",
    ),
    "qdisc add dev em1 root red limit 60k min 30k max 20k avpkt 1000 burst 40": ("qdisc:red", "", "max"),
    "qdisc add dev em1 root choke limit 200000 bandwidth 10mbit": ("qdisc:choke", "", "131071"),
    "qdisc add dev em1 root fq quantum 2000000000": ("qdisc:fq", "", "quantum"),
    "qdisc add dev em1 root fq initial_quantum 3000000000": ("qdisc:fq", "", "quantum"),
    "qdisc add dev em1 root fq buckets 1000000": ("qdisc:fq", "", "buckets"),
    "qdisc add dev em1 root fq_codel flows 70000": ("qdisc:fq_codel", "", "flows"),
    "qdisc add dev em1 root fq_codel quantum 2000000": ("qdisc:fq_codel", "", "quantum"),
    "qdisc change dev em1 root fq_codel flows 10": ("qdisc:fq_codel", "qdisc add dev em1 root fq_codel", "flows"),
    "qdisc add dev em1 root fq_pie flows 70000": ("qdisc:fq_pie", "", "flows"),
    "qdisc add dev em1 root hhf quantum 1000000 non_hh_weight 5000": ("qdisc:hhf", "", "quantum"),
    "qdisc add dev em1 root dsmark indices 3": ("qdisc:dsmark", "", "indices"),
    "qdisc add dev lo root mq": ("qdisc:mq", "", "queues"),
    "qdisc add dev lo root multiq": ("qdisc:multiq", "", "queues"),
    "qdisc add dev lo root mqprio num_tc 2": ("qdisc:mqprio", "", "queues"),
    "class add dev em1 parent 1: classid 1:1 qfq weight 2000": (
        "qdisc:qfq",
        "qdisc add dev em1 root handle 1: qfq",
        "weight",
    ),
    "class add dev em1 parent 1: classid 1:1 qfq maxpkt 100": (
        "qdisc:qfq",
        "qdisc add dev em1 root handle 1: qfq",
        "maxpkt",
    ),
    "filter add dev em1 ingress handle 1 flow map key src rshift 40 baseclass 1:1": ("filter:flow", "", "rshift"),
    "filter add dev em1 ingress handle 1 flow map key src perturb 10 baseclass 1:1": ("filter:flow", "", "perturb"),
    "filter add dev em1 ingress handle 1 tcindex shift 20 mask 1": ("filter:tcindex", "", "shift"),
    "filter add dev em1 ingress handle 2: u32 divisor 3": ("filter:u32", "", "ivisor"),
    "actions add action vlan push id 4095": ("action:vlan", "", "4094"),
    "filter add dev em1 ingress matchall action vlan push id 4095": ("action:vlan", "", "4094"),
    "actions add action police mtu 1000 avrate 1mbit": ("action:police", "", "avrate"),
}


@pytest.mark.parametrize("line", BROKEN)
def test_the_rule_is_said(line: str) -> None:
    need, before, word = BROKEN[line]
    if lack := missing((need,)):
        pytest.skip(lack)
    new_network()
    for step in filter(None, before.split(";")):
        assert tc(*step.split()).status == 0, step
    done = pytc_here(*line.split())
    if not done.status:
        pytest.skip("this kernel takes it")
    said = [text for text in done.err.splitlines() if text not in ("We have an error talking to the kernel",)]
    assert any(word in text and "RTNETLINK answers" not in text for text in said), done.err
