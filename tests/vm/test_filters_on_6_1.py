"""Filters that the development machine's kernel lacks: what tests/compat/test_filter_lines.py does, on Linux 6.1."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.compat.differential import Namespace
from tests.compat.filter_twins import Twins, commands, compare_json, compare_state, compare_text, lacking, masked
from tests.compat.lines import Case, cases

pytestmark = pytest.mark.kernel

CHOSEN = [case for case in cases("filters") if {"fw", "matchall"} & set(case.kinds)]
DUMP_ENDED = "Error: Buffer too small for object.\nDump terminated\n"
#: What counts packets: -s shows how often it was asked, and what matched.
COUNTING = [
    "filter add dev D egress protocol ip u32 match ip protocol 17 0xff match ip dst 10.0.0.2 match ip src 1.2.3.4",
    "filter add dev D egress pref 1 protocol ip u32 match ip protocol 17 0xff flowid 1:1",
    "filter add dev D egress pref 1 protocol ip u32 match mark 0 0xff match ip protocol 6 0xff flowid 1:1",
    "filter add dev D egress pref 1 matchall classid 1:1",
    "filter add dev D egress pref 1 protocol ip u32 match u32 0 0 action pass",
    "filter add dev D egress pref 1 matchall action pipe",
    "filter add dev D egress pref 1 protocol ip u32 match u32 0 0 police rate 8bit burst 200 drop flowid 1:1",
]
#: Filters of kinds that pytc does not know.
OTHERS = [
    "filter add dev D ingress pref 1 protocol ip handle 5 flower ip_proto tcp dst_port 80 action drop index 501",
    "filter add dev D ingress pref 1 protocol ip basic match u32(u32_0_0_at_0) action pass index 502",
    "filter add dev D egress pref 1 handle 1 cgroup action pass index 503",
    "filter add dev D parent 1: pref 1 protocol ip handle 7 flow map key dst divisor 8 baseclass 1:1",
    "filter add dev D parent 1: pref 1 protocol ip route from 5 classid 1:1",
]


@pytest.fixture
def twins(in_vm: None, tmp_path: Path) -> Iterator[Twins]:
    """A network namespace for tc, and one for pytc."""
    for name in ("one", "other"):
        subprocess.run(["ip", "netns", "add", name], check=True)
        (tmp_path / name).mkdir()
    yield Twins(Namespace("one", tmp_path / "one"), Namespace("other", tmp_path / "other"))
    for name in ("one", "other"):
        subprocess.run(["ip", "netns", "delete", name], check=True)


def of_lines(lines: list[str]) -> list[Case]:
    return [Case((), (tuple(line.split()),)) for line in lines]


def test_lines(twins: Twins) -> None:
    """What the lines make, and how pytc shows it."""
    twins.prepare(CHOSEN)
    assert not lacking(twins.one, ("fw", "matchall", "gact", "police"))
    compare_state(twins, CHOSEN)
    compare_text(twins, CHOSEN, [(), ("-s", "-d"), ("-p",)])
    compare_json(twins, CHOSEN, [("-j", "-s", "-d")])


def test_counters(twins: Twins) -> None:
    chosen = of_lines(COUNTING)
    twins.prepare(chosen)
    compare_state(twins, chosen)
    twins.one.send([f"t{number}" for number in range(len(chosen))])
    shown = "".join(twins.one.tc_each([["filter", "show", "dev", f"t{number}", "egress"] for number in (1, 3)], "-s"))
    assert "(rule hit 12 success 12)" in shown
    assert "(rule hit 12)" in shown
    compare_text(twins, chosen, [(), ("-s",)])
    compare_json(twins, chosen, [("-j", "-s")])
    [*_, counted] = json.loads(twins.one.pytc([["-j", "-s", "filter", "show", "dev", "t0", "egress"]])[0].out)
    options = counted["options"]
    assert (options["rule_hit"], options["rule_success"], options["success"]) == (12, 0, 0)
    assert [key["success"] for key in options["matches"]] == [12, 12, 0]


def test_kinds_without_a_module(twins: Twins) -> None:
    """They can be added, got, shown and deleted; their actions are found, and their options are bytes."""
    chosen = of_lines(OTHERS)
    twins.prepare(chosen)
    for number, case in enumerate(chosen):
        words = [word.replace("_", " ") if "(" in word else word for word in commands(number, case)[0]]
        done = twins.one.execute("tc", *words)
        assert done.status == 0, (words, done.err)
        [refused] = twins.other.pytc([words])
        assert refused.status == 1
        assert refused.err.startswith(f'Unknown filter "{case.commands[0][words_before(case)]}", hence option')
        assert "pytc knows the options of bpf, fw, matchall, u32" in refused.err
    hooks = ["ingress", "ingress", "egress", "parent 1:", "parent 1:"]
    lines = [f"-j filter show dev t{number} {hook}" for number, hook in enumerate(hooks)]
    shown = twins.one.pytc([line.split() for line in lines])
    for number, outcome in enumerate(shown):
        assert outcome.out != "[]\n", lines[number]
        [*_, record] = json.loads(outcome.out)
        options = record["options"]
        assert bytes.fromhex(options["raw"]), outcome.out
        assert len(options["raw"]) == 2 * options["optlen"]
        if number < 3:
            [action] = options["actions"]
            assert (action["kind"], action["index"]) == ("gact", 501 + number)
    [text, got, deleted, left] = twins.one.pytc([line.split() for line in (
        "filter show dev t0 ingress", "filter get dev t0 ingress pref 1 protocol ip handle 5 flower",
        "filter del dev t0 ingress pref 1 protocol ip handle 5 flower", "filter show dev t0 ingress")])
    assert "flower chain 0 fh 00000005 [Unknown filter, optlen=" in text.out
    assert "\n\taction order 1: gact action drop\n" in text.out
    assert got.out.split("flower", 1)[1] in text.out
    assert (deleted.status, deleted.out, left.out) == (0, "", "")


def words_before(case: Case) -> int:
    """Where the kind is among the words."""
    kinds = {"flower", "basic", "cgroup", "flow", "route"}
    return next(place for place, word in enumerate(case.commands[0]) if word in kinds)


def test_brief(twins: Twins) -> None:
    """As tc where the kernel can do it; else pytc leaves out what is not brief."""
    lines = ["filter add dev D ingress pref 1 matchall skip_hw action pass index 601",
             "filter add dev D ingress pref 1 handle 6 fw action pass index 602"]
    chosen = of_lines(lines)
    twins.prepare(chosen)
    for number, case in enumerate(chosen):
        assert twins.one.tc(commands(number, case)).status == 0
    show = ["filter", "show", "dev", "t0", "ingress"]
    for options in (["-br"], ["-br", "-s"], ["-j", "-br"]):
        [ours], theirs = twins.one.pytc([[*options, *show]]), twins.one.execute("tc", *options, *show)
        assert masked(ours.out) == masked(theirs.out)
    assert twins.one.execute("tc", "-br", "filter", "show", "dev", "t1", "ingress").status == 1
    [shortened] = twins.one.pytc([["-br", "filter", "show", "dev", "t1", "ingress"]])
    assert (shortened.status, shortened.err) == (0, "")
    assert "fw chain 0 handle 0x6 \n\n\taction order 1: gact \t index 602\n" in shortened.out


def test_a_dump_that_the_kernel_ends(twins: Twins) -> None:
    """Filters of fw from before there were options: Linux 6.1 makes them, and cannot show them."""
    twins.prepare(of_lines(["chain show"]))
    assert twins.one.execute("tc", "filter", "add", "dev", "t0", "parent", "1:", "fw").status == 0
    show = ["filter", "show", "dev", "t0"]
    expected, [found] = twins.one.execute("tc", *show), twins.one.pytc([show])
    assert (found.status, found.err) == (expected.status, expected.err) == (1, DUMP_ENDED)


def test_templates(twins: Twins) -> None:
    twins.prepare(of_lines(["chain show"]))
    template = "chain add dev t0 ingress chain 7 protocol ip flower dst_ip 0.0.0.0/16"
    assert twins.one.execute("tc", *template.split()).status == 0
    text, listed = twins.one.pytc([["chain", "show", "dev", "t0", "ingress"], ["-j", "chain", "show", "dev", "t0"]])
    assert "chain parent ffff: flower chain 7 fh 00000000 [Unknown filter, optlen=" in text.out
    assert text.status == listed.status == 0
