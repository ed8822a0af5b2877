"""The commands of the documentation that need actions of the kernel."""

from __future__ import annotations

import json
import os
import shlex
from pathlib import Path

import pytest

from pytc.packets.build import build
from tests.kernel.docs.test_docs import NEEDS_MODULES, PAGES, blocks, commands
from tests.processes import ROOT, pytc_here
from tests.vm.commands.action.test_commands import send_packets
from tests.vm.twins import new_network

pytestmark = [pytest.mark.kernel, pytest.mark.needs("action:bpf", "action:gact", "action:skbedit", "action:vlan")]

_BLOCKS = [block for page in PAGES for block in blocks(page, "sh") if NEEDS_MODULES in block]


@pytest.mark.parametrize("block", _BLOCKS)
def test_every_shown_command_works(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    new_network()
    for command in commands(block):
        words = shlex.split(command)
        assert words[0] == "pytc"
        done = pytc_here(*words[1:])
        assert (done.status, done.err) == (0, ""), command


def test_the_example_with_actions(bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its three programs share their maps: one counts, one marks, one drops a part of what is marked."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
    new_network()
    [block] = [block for block in _BLOCKS if "action bpf obj" in block]
    for command in commands(block)[:2]:
        assert pytc_here(*shlex.split(command)[1:]).status == 0
    received = send_packets(100, build("eth ip udp"))
    [*_, shown] = json.loads(pytc_here("-j", "-s", "filter", "show", "dev", "em1").out)
    assert [action["stats"]["packets"] for action in shown["options"]["actions"]] == [100, 100]
    [counted] = json.loads(pytc_here("-j", "map", "dump", "name", "map_proto").out)
    assert (counted["value"]["packets"], counted["value"]["marked"]) == (100, 100)
    [drops] = json.loads(pytc_here("-j", "map", "get", "name", "map_drops", "key", str(counted["key"])).out)
    assert drops["value"]["seen"] == 100
    assert drops["value"]["dropped"] == 100 - received, os.uname()
    assert 50 <= received <= 95, os.uname()
