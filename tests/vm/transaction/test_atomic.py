"""``--atomic`` with kinds that other kernels of these tests lack: drr, sfq, fq_codel, fw, matchall, and actions."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.processes import pytc_here
from tests.vm.twins import masked_text, new_network

FURNITURE = (
    "qdisc add dev em1 root handle 1: drr",
    "class add dev em1 parent 1: classid 1:1 drr quantum 2000",
    "class add dev em1 parent 1: classid 1:2 drr",
    "qdisc add dev em1 parent 1:1 handle 10: fq_codel limit 1000",
    "filter add dev em1 ingress pref 10 handle 1 bpf bytecode '1,6 0 0 1' flowid 1:1",
    "filter add dev em1 ingress pref 40 handle 7 fw classid 1:1",
    "filter add dev em1 ingress pref 50 matchall action gact drop",
    "actions add action gact drop index 5",
    "actions add action bpf bytecode '1,6 0 0 1' index 5",
)
CHANGES = (
    "class change dev em1 parent 1: classid 1:1 drr quantum 3000",
    "class replace dev em1 parent 1: classid 1:3 drr",
    "qdisc change dev em1 parent 1:1 handle 10: fq_codel limit 100 target 3ms ce_threshold 2ms",
    "filter replace dev em1 ingress pref 40 handle 7 fw classid 1:2",
    "filter del dev em1 ingress pref 40 handle 7 fw",
    "actions replace action gact pass index 5",
    "qdisc add dev em1 parent 1:2 handle 20: sfq perturb 10",
    "qdisc add dev em1 parent 1:2 handle 20: prio",
    "filter add dev em1 ingress pref 40 handle 8 fw classid 1:1",
    "filter add dev em1 egress handle 8 fw classid 1:1",
    "filter add dev em1 egress matchall flowid 1:1",
    "filter add dev em1 egress matchall action gact drop",
    "filter add dev em1 egress matchall action gact index 5",
    "filter add dev em1 egress matchall action bpf bytecode '1,6 0 0 2' index 6",
    "filter add dev em1 egress bpf bytecode '1,6 0 0 1' action police rate 1mbit burst 10k drop",
    "filter replace dev em1 ingress pref 10 handle 1 bpf bytecode '1,6 0 0 1' action gact drop",
    "actions add action gact pass index 6 action bpf bytecode '1,6 0 0 3' index 7",
    "actions add action gact pass action gact drop",
    "actions replace action bpf bytecode '1,6 0 0 3' index 8",
    "actions add action police rate 1mbit burst 10k index 9",
)
REFUSED = (
    "class change dev em1 parent 1: classid 1:2 est 1sec 4sec drr",
    "qdisc change dev em1 parent 1:1 handle 10: fq_codel ce_threshold_selector 1/2",
    "filter replace dev em1 ingress pref 40 handle 7 fw classid 1:2 indev lo",
    "filter add dev em1 ingress pref 40 fw",
    "filter del dev em1 ingress pref 50",
    "filter del dev em1 ingress",
    "filter change dev em1 ingress pref 10 handle 1 bpf bytecode '1,6 0 0 1' action gact pass index 5",
    "actions replace action gact pass index 5 cookie 1234",
    "actions del action gact index 5",
    "actions flush action gact",
    "actions replace action bpf bytecode '1,6 0 0 2' index 5",
    "actions del action bpf index 5",
)
FAILING = "class add dev em1 parent 9: classid 9:1 drr"
QUESTIONS = (
    "qdisc show dev em1",
    "class show dev em1",
    "filter show dev em1 ingress",
    "filter show dev em1 egress",
    "chain show dev em1 ingress",
    "actions list action gact",
    "actions list action bpf",
    "actions list action police",
)


def tc(*lines: str) -> str:
    done = subprocess.run(
        ["tc", "-s", "-batch", "-"],
        input="".join(f"{line}\n" for line in lines),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return re.sub(r"Action statistics.*", "", masked_text(done.stdout))


def atomic(batch: Path, *lines: str) -> tuple[int, str]:
    batch.write_text("".join(f"{line}\n" for line in lines))
    done = pytc_here("--atomic", "-batch", str(batch))
    assert done.out == ""
    return done.status, done.err


@pytest.mark.kernel
@pytest.mark.needs(
    "qdisc:drr", "qdisc:sfq", "qdisc:fq_codel", "filter:fw", "filter:matchall", "action:bpf", "action:police"
)
def test_all_or_nothing(tmp_path: Path) -> None:
    new_network()
    tc(*FURNITURE)
    batch, before = tmp_path / "batch", tc(*QUESTIONS)
    for change in CHANGES:
        status, said = atomic(batch, change, FAILING)
        assert (status, said.endswith(":2\nNote: all that was done is taken back\n")) == (1, True), (change, said)
        assert tc(*QUESTIONS) == before, change
    for line in REFUSED:
        status, said = atomic(batch, CHANGES[0], line)
        assert said.startswith("This could not be taken back: "), (line, said)
        assert said.endswith(":2\nNote: nothing has been done\n"), (line, said)
        assert tc(*QUESTIONS) == before, line
    assert atomic(batch, *CHANGES[:3]) == (0, "")
    assert "quantum 3000" in tc(*QUESTIONS)
