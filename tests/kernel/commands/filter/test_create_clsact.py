"""``--create-clsact``: the qdisc comes along with the filter, and goes with it when the command fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conftest import Compiler, pins
from tests.network import Network
from tests.processes import Outcome

pytestmark = pytest.mark.kernel

PASS = ("bpf", "bytecode", "1,6 0 0 0", "flowid", "1:1")


def created(network: Network, *words: str, options: tuple[str, ...] = ()) -> Outcome:
    return network.pytc("filter", *words, options=("--create-clsact", *options))


def kinds(network: Network) -> list[str]:
    """The qdiscs of em1 but for the default one, as the real tc tells."""
    found = json.loads(network.tc("qdisc", "show", "dev", "em1", options=("-j",)).out)
    return [qdisc["kind"] for qdisc in found if qdisc["kind"] != "noqueue"]


@pytest.mark.parametrize("verb", ["add", "replace"])
@pytest.mark.parametrize("hook", ["ingress", "egress"])
def test_made_when_it_is_missing_and_then_used(network: Network, verb: str, hook: str) -> None:
    for expected in (1, 2):
        assert created(network, verb, "dev", "em1", hook, *PASS) == (0, "", "")
        assert kinds(network) == ["clsact"]
        filters = json.loads(network.tc("filter", "show", "dev", "em1", hook, options=("-j",)).out)
        assert len([one for one in filters if "options" in one]) == expected


@pytest.mark.parametrize(
    "words",
    [
        ("bpf", "da", "obj", "/nonexistent"),
        ("bpf", "da", "obj", "REFUSED"),
        ("u32", "link", "5:", "match", "u32", "0", "0"),
    ],
)
def test_taken_away_when_the_command_fails(network: Network, build: Compiler, words: tuple[str, ...]) -> None:
    before = network.state()
    words = tuple(build("reject_verifier") if word == "REFUSED" else word for word in words)
    done = created(network, "add", "dev", "em1", "ingress", *words)
    assert done.status in (1, 2), done
    assert done.err
    assert network.state() == before
    assert not [path for path in pins(Path(network.env["TC_BPF_MNT"])) if "globals/" in path]


def test_taken_away_when_nobody_takes_the_maps(network: Network, tmp_path: Path) -> None:
    done = created(
        network,
        "add",
        "dev",
        "em1",
        "ingress",
        "bpf",
        "da",
        "obj",
        "examples/bpf/traffic.o",
        "export",
        str(tmp_path / "nobody"),
    )
    assert done.status == 1
    assert kinds(network) == []


def test_one_that_was_there_stays(network: Network) -> None:
    network.tc("qdisc", "add", "dev", "em1", "clsact")
    assert created(network, "add", "dev", "em1", "ingress", "bpf", "da", "obj", "/nonexistent").status == 1
    assert kinds(network) == ["clsact"]


def test_an_ingress_qdisc_takes_ingress_filters_and_no_others(network: Network) -> None:
    network.tc("qdisc", "add", "dev", "em1", "ingress")
    done = created(network, "add", "dev", "em1", "egress", *PASS)
    assert (done.status, done.out) == (1, "")
    assert "em1 has an ingress qdisc instead of clsact" in done.err
    assert network.tc("filter", "show", "dev", "em1", "ingress").out == ""
    done = created(network, "add", "dev", "em1", "ingress", *PASS, options=("-j",))
    assert done.status == 0
    assert "ingress qdisc" in json.loads(done.err)["note"]
    assert "bytecode" in network.tc("filter", "show", "dev", "em1", "ingress").out
    assert kinds(network) == ["ingress"]


def test_not_for_other_commands(network: Network) -> None:
    assert created(network, "change", "dev", "em1", "ingress", "pref", "1", "handle", "1", *PASS).status == 2
    assert created(network, "del", "dev", "em1", "ingress").status == 2
    assert created(network, "add", "dev", "em1", *PASS).status == 2
    assert created(network, "add", "dev", "nosuch", "ingress", *PASS).status == 1
    assert kinds(network) == []


def test_in_a_batch(network: Network, tmp_path: Path) -> None:
    batch = tmp_path / "batch"
    batch.write_text(
        "filter add dev em1 ingress bpf bytecode '1,6 0 0 0' flowid 1:1\n"
        "filter add dev em1 egress bpf bytecode '1,6 0 0 0' flowid 1:1\n"
        "filter add dev em1 egress bpf da obj /nonexistent\n"
    )
    assert network.pytc("-b", str(batch), options=("--create-clsact",)).status == 1
    assert kinds(network) == ["clsact"], "an earlier line has made it"
