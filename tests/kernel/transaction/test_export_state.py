"""``pytc export-state``: lines that ``apply`` finds unchanged, and that make the same state on a fresh device."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.kernel.transaction.atomic_state import clear, furnish, state
from tests.kernel.transaction.desired_states import applied, differing, files
from tests.network import Network
from tests.processes import Outcome
from tests.tiers import examples

pytestmark = pytest.mark.kernel

_SETTINGS = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
_HASHED = """\
qdisc add dev em1 clsact
filter add dev em1 ingress protocol ip pref 5 handle 1: u32 divisor 4
filter add dev em1 ingress protocol ip pref 5 handle 1:2:3 u32 ht 1:2: match ip src 10.0.0.0/8 match ip dport 80 0xffff
filter add dev em1 ingress protocol ip pref 5 u32 match ip protocol 6 0xff offset at 0 mask 0f00 shift 6 eat hashkey \
mask 0x000000ff at 12 link 1:
"""


_ROUNDED = """\
qdisc add dev em1 root handle 1: stab overhead 10 linklayer atm mtu 2048 htb default 10 r2q 3
class add dev em1 parent 1: classid 1:1 htb rate 12345kbit ceil 19999kbit burst 12345 cburst 4321 mpu 64 overhead 4
class add dev em1 parent 1:1 classid 1:2 htb rate 7mbit quantum 4001 prio 3
qdisc add dev em1 parent 1:2 handle 5: tbf rate 7654kbit burst 12345 limit 54321 peakrate 20mbit mtu 1999
"""


def exported(network: Network, *words: str) -> Outcome:
    return network.pytc("export-state", "dev", "em1", *words)


def check(network: Network, *words: str) -> str:
    """Return the lines of what is there, after they have been found unchanged, and made the same on a fresh device."""
    wanted = state(network).alike()
    outcome = exported(network, *words)
    assert (outcome.status, outcome.err) == (0, "")
    assert applied(network, outcome.out, "prune", "all") == ("unchanged\n" if outcome.out else ""), outcome.out
    clear(network)
    applied(network, outcome.out)
    assert differing(network, wanted) == "", outcome.out
    return outcome.out


def test_what_is_there_becomes_lines_that_make_it(plain_network: Network) -> None:
    furnish(plain_network)
    plain_network.ok("actions", "delete", "action", "mirred", "index", "5")  # of no device
    lines = check(plain_network)
    assert "class add dev em1 parent 1:1 classid 1:10 htb " in lines
    assert lines.index("chain 4") < lines.index("filter add")


def test_tables_of_filters_come_before_those_in_them(plain_network: Network) -> None:
    applied(plain_network, _HASHED)
    check(plain_network)


def test_no_number_is_rounded(plain_network: Network) -> None:
    applied(plain_network, _ROUNDED)
    assert "54321b" in check(plain_network)


@settings(_SETTINGS, max_examples=examples(0.06))
@given(text=files())
def test_any_state_is_exported(plain_network: Network, objects: dict[str, str], text: str) -> None:
    clear(plain_network)
    if text:
        applied(plain_network, text.format(**objects))
    check(plain_network, "object", objects["traffic"], "object", objects["verdicts"])


def test_a_filter_of_nobody_stays_nobodys(plain_network: Network, objects: dict[str, str]) -> None:
    plain_network.ok("qdisc", "add", "dev", "em1", "clsact")
    plain_network.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", objects["traffic"])
    assert " unowned " in check(plain_network, "object", objects["traffic"])


def test_filters_of_a_preference_keep_their_order(plain_network: Network, objects: dict[str, str]) -> None:
    plain_network.ok("qdisc", "add", "dev", "em1", "clsact")
    for handle in ("3", "1", "2"):
        words = ("pref", "7", "handle", handle, "bpf", "bytecode", f"1,6 0 0 {handle}")
        plain_network.ok("filter", "add", "dev", "em1", "ingress", *words)
    check(plain_network)


def test_a_pinned_program_is_named_by_its_pin(plain_network: Network, objects: dict[str, str]) -> None:
    path = str(Path(plain_network.env["TC_BPF_MNT"]) / "mine")
    plain_network.ok("qdisc", "add", "dev", "em1", "clsact")
    plain_network.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", objects["traffic"])
    number = plain_network.json("filter", "show", "dev", "em1", "egress")[1]["options"]["prog"]["id"]
    plain_network.ok("prog", "pin", "id", str(number), path)
    plain_network.ok("filter", "del", "dev", "em1", "egress")
    plain_network.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "object-pinned", path)
    lines = exported(plain_network).out
    assert f"object-pinned {path} unowned direct-action" in lines
    assert applied(plain_network, lines) == "unchanged\n"


def test_what_cannot_be_made_again_is_a_comment(
    plain_network: Network, objects: dict[str, str], tmp_path: Path
) -> None:
    plain_network.ok("qdisc", "add", "dev", "em1", "clsact")
    plain_network.ok("filter", "add", "dev", "em1", "ingress", "pref", "1", "bpf", "da", "obj", objects["traffic"])
    outcome = exported(plain_network, str(tmp_path / "state"))
    assert (outcome.status, outcome.out) == (2, "")
    assert "1 object is left out" in outcome.err
    qdisc, filter = (tmp_path / "state").read_text().splitlines()
    assert qdisc == "qdisc add dev em1 clsact"
    assert filter.startswith("# filter dev em1 parent ingress protocol all pref 1 ")
    assert filter.endswith('its program is of traffic.o, whose path the kernel does not keep: add "object PATH"')
    other = exported(plain_network, "object", objects["verdicts"])
    assert (other.status, "whose path the kernel does not keep" in other.out) == (2, True)


def test_a_program_that_the_file_does_not_hold_any_more_is_a_comment(
    plain_network: Network, objects: dict[str, str], tmp_path: Path
) -> None:
    (changed := tmp_path / "traffic.o").write_bytes(Path(objects["verdicts"]).read_bytes())
    plain_network.ok("qdisc", "add", "dev", "em1", "clsact")
    plain_network.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", objects["traffic"])
    outcome = exported(plain_network, "object", str(changed))
    assert outcome.status == 2 and "no words give its program the name" in outcome.out


def test_an_unknown_device_is_an_error(plain_network: Network, tmp_path: Path) -> None:
    outcome = plain_network.pytc("export-state", "dev", "nosuch", str(tmp_path / "state"))
    assert (outcome.status, (tmp_path / "state").exists()) == (1, False)
    assert 'Cannot find device "nosuch"' in outcome.err
