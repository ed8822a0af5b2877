"""What refusals say about the words of a command, each the kernel's own."""

from __future__ import annotations

import pytest

from tests.conftest import EXAMPLES
from tests.network import Network
from tests.processes import PYTC

pytestmark = pytest.mark.kernel


def refusal(network: Network, line: str, *, status: int) -> str:
    outcome = network.pytc(*line.split())
    assert (outcome.status, outcome.out) == (status, "")
    return outcome.err


@pytest.mark.parametrize("line", ["filter add dev em1 ingress bpf da", "filter replace dev em1 ingress bpf"])
def test_a_filter_without_a_program(clsact: Network, line: str) -> None:
    assert "Hint: name the program: object-file FILE" in refusal(clsact, line, status=2)


def test_the_place_of_an_ingress_qdisc(clsact: Network) -> None:
    line = "filter add dev em1 parent ffff: u32 match u32 0 0"
    assert 'the places of clsact are "ingress" and "egress"' in refusal(clsact, line, status=2)
    assert "the places of clsact are" in refusal(clsact, "chain add dev em1 parent ffff: chain 3", status=2)
    clsact.ok("qdisc", "del", "dev", "em1", "clsact")
    clsact.ok("qdisc", "add", "dev", "em1", "ingress")
    clsact.ok(*line.split())


@pytest.mark.parametrize("kind", ["", " htb"])
def test_a_default_qdisc_cannot_be_deleted(network: Network, kind: str) -> None:
    message = refusal(network, f"qdisc del dev em1 root{kind}", status=2)
    assert "Hint: nobody has added a qdisc there: noqueue is the default of em1, and stays\n" in message


def test_the_word_in_front_of_a_device(network: Network) -> None:
    outcome = network.execute(*PYTC, "filter", "show", "em1", "ingress")
    assert outcome.err == ' What is "em1"? Try "pytc filter help"\nHint: "dev" is missing: dev em1\n'


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("map dump pinned m:globals/verdict", "verdicts"),
        ("map unpin m:globals/setings", "settings"),
        ("filter add dev em1 egress bpf da pinned m:programs/firewal", "firewall"),
        ("prog show pinned m:programs/firwall", "firewall"),
        ("prog unpin m:programs/fierwall", "firewall"),
    ],
)
def test_pins_that_were_meant(clsact: Network, line: str, name: str) -> None:
    object = str(EXAMPLES / "firewall.o")
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", object)
    clsact.ok("prog", "pin", "dev", "em1", "ingress", "m:programs/firewall")
    assert f'Hint: did you mean "{name}"?\n' in refusal(clsact, line, status=1)
