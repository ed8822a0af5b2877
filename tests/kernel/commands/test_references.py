"""What keeps maps and programs is shown with them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.network import Network
from tests.processes import PYTC

pytestmark = pytest.mark.kernel


@pytest.fixture
def firewall(network: Network) -> Network:
    object = str(Path("examples/bpf/firewall.o").resolve())
    network.ok("--create-clsact", "filter", "add", "dev", "em1", "ingress", "pref", "7", "bpf", "da", "obj", object)
    return network


def test_maps_have_their_pins_and_users(firewall: Network, bpffs: Path) -> None:
    shown = firewall.pytc("map", "show", "pinned", "m:globals/verdicts").out
    assert f"\n  pinned {bpffs}/tc/globals/verdicts\n" in shown
    assert " firewall (filter em1 ingress pref 7)" in shown
    (map,) = json.loads(firewall.pytc("-j", "map", "show", "pinned", "m:globals/verdicts").out)
    assert map["pinned"] == [f"{bpffs}/tc/globals/verdicts"]
    (user,) = [user for user in map["used_by"] if user["attached"] == ["filter em1 ingress pref 7"]]
    (program,) = json.loads(firewall.pytc("-j", "prog", "show", "id", str(user["id"])).out)
    assert (program["name"], program["attached"]) == ("firewall", ["filter em1 ingress pref 7"])


def test_flags_have_names(firewall: Network) -> None:
    firewall.ok("map", "show", "pinned", "m:globals/settings")
    (map,) = json.loads(firewall.pytc("-j", "map", "show", "pinned", "m:globals/settings").out)
    assert bool(map["flags"]) == bool(map["flag_names"])


def test_hooks_of_all_devices_are_shown(firewall: Network) -> None:
    assert firewall.pytc("hooks").out == firewall.pytc("hooks", "dev", "em1").out != ""


def test_a_pin_that_is_gone_is_not_shown(firewall: Network, bpffs: Path) -> None:
    (map,) = json.loads(firewall.pytc("-j", "map", "show", "pinned", "m:globals/verdicts").out)
    firewall.ok("map", "unpin", "m:globals/verdicts")
    (left,) = json.loads(firewall.pytc("-j", "map", "show", "id", str(map["id"])).out)
    assert (left["pinned"], len(left["used_by"])) == ([], 1)


@pytest.mark.parametrize("line", ["filter del dev em1 ingress", "qdisc del dev em1 clsact"])
def test_pins_that_a_deletion_leaves_are_named_on_a_terminal(firewall: Network, bpffs: Path, line: str) -> None:
    leader, follower = pty.openpty()
    command = ("ip", "netns", "exec", firewall.name, *PYTC, *line.split())
    done = subprocess.run(
        command, stdout=follower, stderr=subprocess.PIPE, env={**os.environ, **firewall.env}, timeout=60, check=True
    )
    os.close(leader)
    os.close(follower)
    assert done.stderr.startswith(b"Note: pins keep maps of what was removed: ")
    assert f"{bpffs}/tc/globals/verdicts".encode() in done.stderr


def test_scripts_are_not_told(firewall: Network) -> None:
    outcome = firewall.pytc("filter", "del", "dev", "em1", "ingress")
    assert (outcome.status, outcome.out, outcome.err) == (0, "", "")
