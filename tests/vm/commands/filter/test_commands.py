"""Filters and qdiscs of kinds that pytc does not know, and what the kernel cannot dump."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from pytc.tc.filters import records
from pytc.tc.kinds import filters as kinds
from pytc.tc.kinds import qdiscs
from tests.compat.lines import words_of
from tests.processes import pytc_here
from tests.vm.twins import masked_text, new_network, run_all, tc

pytestmark = [pytest.mark.kernel, pytest.mark.needs("qdisc:htb", "action:gact")]

DUMP_ENDED = "Error: Buffer too small for object.\nDump terminated\n"
#: Filters of kinds that pytc is made not to know, and the kind.
OTHERS = {
    "flower": "filter add dev em1 ingress pref 1 protocol ip handle 5 flower ip_proto tcp dst_port 80 "
    "action drop index 501",
    "basic": "filter add dev em1 ingress pref 2 protocol ip basic match u32(u32_0_0_at_0) action pass index 502",
    "cgroup": "filter add dev em1 egress pref 1 handle 1 cgroup action pass index 503",
    "flow": "filter add dev em1 parent 1: pref 1 protocol ip handle 7 flow map key dst divisor 8 baseclass 1:1",
    "route": "filter add dev em1 parent 1: pref 2 protocol ip route from 5 classid 1:1",
}
SHOW = "filter show dev em1 ingress"


@pytest.fixture
def classful() -> None:
    """em1 has clsact, and htb with a class at its root."""
    new_network()
    assert run_all(
        tc, ["qdisc add dev em1 root handle 1: htb", "class add dev em1 parent 1: classid 1:1 htb rate 1mbit"]
    ) == [0, 0]


@pytest.fixture
def unknown(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """pytc knows none of OTHERS, as it does not know kinds of other kernels."""
    find = kinds.find
    monkeypatch.setattr(kinds, "find", lambda name: None if name in OTHERS else find(name))
    records._options.cache_clear()
    yield
    records._options.cache_clear()


@pytest.mark.parametrize("kind", [pytest.param(kind, marks=pytest.mark.needs(f"filter:{kind}")) for kind in OTHERS])
def test_kinds_without_a_module(classful: None, unknown: None, kind: str) -> None:
    """They can be got, shown and deleted; their options are bytes."""
    words = [word.replace("_", " ") if "(" in word else word for word in words_of(OTHERS[kind])]
    refused = pytc_here(*words)
    assert refused.status == 1
    assert refused.err.startswith(f'Unknown filter "{kind}", hence option')
    assert "\nHint: " in refused.err
    assert tc(*words).status == 0
    where = " ".join(words[2 : 6 if words[4] == "parent" else 5])
    [*_, record] = json.loads(pytc_here("-j", "filter", "show", *where.split()).out)
    options = record["options"]
    assert bytes.fromhex(options["raw"])
    assert len(options["raw"]) == 2 * options["optlen"]


@pytest.mark.needs("filter:flower")
def test_an_unknown_kind_as_text(classful: None, unknown: None) -> None:
    assert tc(*words_of(OTHERS["flower"])).status == 0
    text, got, deleted, left = (
        pytc_here(*line.split())
        for line in (
            SHOW,
            "filter get dev em1 ingress pref 1 protocol ip handle 5 flower",
            "filter del dev em1 ingress pref 1 protocol ip handle 5 flower",
            SHOW,
        )
    )
    assert "flower chain 0 fh 00000005 [Unknown filter, optlen=" in text.out
    assert got.out.split("flower", 1)[1] in text.out
    assert (deleted.status, deleted.out, left.out) == (0, "", "")


@pytest.mark.needs("qdisc:codel")
def test_an_unknown_qdisc(classful: None, monkeypatch: pytest.MonkeyPatch) -> None:
    find = qdiscs.find
    monkeypatch.setattr(qdiscs, "find", lambda name: None if name == "codel" else find(name))
    assert tc("qdisc", "replace", "dev", "em1", "root", "handle", "9:", "codel").status == 0
    as_json, text = (
        pytc_here("-j", "qdisc", "show", "dev", "em1").out,
        pytc_here("-s", "qdisc", "show", "dev", "em1").out,
    )
    assert '"kind":"codel","handle":"9:","root":true' in as_json
    assert '"optlen":' in as_json
    assert "[Unknown qdisc, optlen=" in text
    assert "Sent 0 bytes" in text
    refused = pytc_here("qdisc", "change", "dev", "em1", "root", "codel", "limit", "5")
    assert refused.status == 1
    assert refused.err.startswith('Unknown qdisc "codel", hence option "limit" is unparsable\nHint: ')


@pytest.mark.needs("filter:matchall", "filter:fw")
def test_brief(classful: None) -> None:
    """As tc where the kernel can do it; else pytc leaves out what is not brief."""
    assert tc(*"filter add dev em1 ingress pref 1 matchall skip_hw action pass index 601".split()).status == 0
    for options in ("-br", "-br -s", "-j -br"):
        words = f"{options} {SHOW}".split()
        assert masked_text(pytc_here(*words).out) == masked_text(tc(*words).out)
    assert tc(*"filter add dev em1 ingress pref 2 handle 6 fw action pass index 602".split()).status == 0
    assert tc("-br", *SHOW.split()).status == 1
    shortened = pytc_here("-br", *SHOW.split())
    assert (shortened.status, shortened.err) == (0, "")
    assert "fw chain 0 handle 0x6 \n\n\taction order 1: gact \t index 602\n" in shortened.out


@pytest.mark.needs("filter:fw")
def test_a_dump_that_the_kernel_ends(classful: None) -> None:
    """Filters of fw from before there were options: Linux 6.1 makes them, and cannot show them."""
    assert tc("filter", "add", "dev", "em1", "parent", "1:", "fw").status == 0
    expected, found = (run("filter", "show", "dev", "em1") for run in (tc, pytc_here))
    assert (found.status, found.err) == (expected.status, expected.err) == (1, DUMP_ENDED)


@pytest.mark.needs("filter:flower")
def test_templates(classful: None, unknown: None) -> None:
    template = "chain add dev em1 ingress chain 7 protocol ip flower dst_ip 0.0.0.0/16"
    assert tc(*template.split()).status == 0
    text, listed = pytc_here("chain", "show", "dev", "em1", "ingress"), pytc_here("-j", "chain", "show", "dev", "em1")
    assert "chain parent ffff: flower chain 7 fh 00000000 [Unknown filter, optlen=" in text.out
    assert text.status == listed.status == 0
