"""The Ansible collection, by ansible-playbook, against three hosts that are network namespaces."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.network import Network
from tests.processes import ROOT, cannot

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

HOSTS = ("one", "two", "three")
FILTERS = 200
PLAYBOOK = """\
- hosts: all
  gather_facts: false
  tasks:
    - pytc.traffic.apply:
        state: "{{ lookup('file', 'desired') }}"
        owner: edge
        prune: own
        netns: "{{ netns }}"
        chdir: ROOT
        executable: EXECUTABLE
    - pytc.traffic.facts:
        devices: [em1]
        netns: "{{ netns }}"
        executable: EXECUTABLE
    - ansible.builtin.assert:
        that: ansible_facts.pytc_traffic.em1.ingress | map(attribute='pref') | unique | length == COUNT
"""
ROLE = """\
- hosts: one
  gather_facts: false
  roles:
    - role: pytc.traffic.agent
      vars: { pytc_agent_start: false, pytc_agent_unit_directory: DIRECTORY }
"""


class Played(NamedTuple):
    """What ansible-playbook has printed, and how many tasks of each host changed something; None where it failed."""

    text: str
    changed: dict[str, int | None]


class Fleet:
    """Three hosts with the local connection, each with a namespace of its own."""

    def __init__(self, directory: Path, networks: list[Network]) -> None:
        self.networks = networks
        self._directory = directory
        script = directory / "pytc"
        script.write_text(f'#!/bin/sh\nexec {sys.executable} -m pytc "$@"\n')
        script.chmod(0o755)
        rows = [
            f"{host} ansible_connection=local ansible_python_interpreter={sys.executable} netns={network.name}\n"
            for host, network in zip(HOSTS, networks, strict=True)
        ]
        (directory / "hosts").write_text("".join(rows))

    def apply(self, lines: list[str], *options: str) -> Played:
        """Play what makes each host what the lines say."""
        (self._directory / "desired").write_text("".join(f"{line}\n" for line in lines))
        count = sum("ingress" in line for line in lines)
        text = PLAYBOOK.replace("EXECUTABLE", f"{self._directory}/pytc").replace("ROOT", str(ROOT))
        return self.play(text.replace("COUNT", str(count)), *options)

    def play(self, text: str, *options: str) -> Played:
        (self._directory / "playbook.yml").write_text(text)
        program = Path(sys.executable).with_name("ansible-playbook")
        environment = {
            **os.environ,
            **self.networks[0].env,
            "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "deploy"),
            "ANSIBLE_HOME": str(self._directory / "home"),
            "ANSIBLE_NOCOLOR": "1",
            "LC_ALL": "C.UTF-8",
        }
        done = subprocess.run(
            [program, "-i", "hosts", "-f", "2", "playbook.yml", *options],
            cwd=self._directory, env=environment, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        recap = re.findall(
            r"^(\w+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=0\s+failed=(\d)", done.stdout, re.MULTILINE
        )
        return Played(done.stdout + done.stderr, {host: None if failed != "0" else int(n) for host, n, failed in recap})


@pytest.fixture
def fleet(root: None, tmp_path: Path, bpffs: Path) -> Iterator[Fleet]:
    if importlib.util.find_spec("ansible") is None:
        cannot("ansible-core is not installed")
    with ExitStack() as stack:
        networks = [stack.enter_context(Network(f"pytc-{os.getpid()}-{host}", bpffs)) for host in HOSTS]
        yield Fleet(tmp_path, networks)


def lines(count: int, prefix: str = "10") -> list[str]:
    return [
        "qdisc replace dev em1 clsact",
        "filter replace dev em1 ingress pref 1 bpf da obj examples/bpf/traffic.o",
        *(
            f"filter replace dev em1 ingress pref {pref} protocol ip u32 match ip dst {prefix}.0.0.{pref % 250} "
            "action mirred egress mirror dev lo"
            for pref in range(2, count + 1)
        ),
    ]


@pytest.mark.timeout(1200)
def test_the_second_run_changes_nothing(fleet: Fleet) -> None:
    played = fleet.apply(lines(FILTERS), "--check")
    assert "pytc.traffic.facts" in played.text and "fatal" in played.text  # there is no clsact, and so no filters
    assert not any("clsact" in network.state() for network in fleet.networks)
    played = fleet.apply(lines(FILTERS))
    assert played.changed == dict.fromkeys(HOSTS, 1), played.text
    states = [network.state() for network in fleet.networks]
    assert all(state.count("match") == FILTERS - 1 for state in states)
    played = fleet.apply(lines(FILTERS))
    assert played.changed == dict.fromkeys(HOSTS, 0), played.text
    assert [network.state() for network in fleet.networks] == states


@pytest.mark.timeout(600)
def test_check_mode_and_diff(fleet: Fleet) -> None:
    assert fleet.apply(lines(3)).changed == dict.fromkeys(HOSTS, 1)
    states = [network.state() for network in fleet.networks]
    played = fleet.apply(lines(3, "11"), "--check", "--diff")
    assert played.changed == dict.fromkeys(HOSTS, 1), played.text
    assert re.search(r'^-filter .*pref 2 .*"a000002', played.text, re.MULTILINE), played.text
    assert re.search(r'^\+filter .*pref 2 .*"b000002', played.text, re.MULTILINE), played.text
    assert [network.state() for network in fleet.networks] == states


@pytest.mark.timeout(600)
def test_what_pytc_refuses_is_said(fleet: Fleet) -> None:
    played = fleet.apply(["qdisc replace dev em7 clsact"])
    assert played.changed == dict.fromkeys(HOSTS, None)
    assert 'Cannot find device \\"em7\\"' in played.text


@pytest.mark.timeout(600)
def test_the_role_installs_the_agent(fleet: Fleet, tmp_path: Path) -> None:
    for changed in (1, 0):
        played = fleet.play(ROLE.replace("DIRECTORY", str(tmp_path)))
        assert played.changed == {"one": changed}, played.text
    assert "ExecStart=pytc exec bpf agent /run/pytc/maps\n" in (tmp_path / "pytc-agent.service").read_text()


def test_the_modules_document_their_options() -> None:
    yaml = pytest.importorskip("yaml")

    for path in sorted((ROOT / "deploy/ansible_collections/pytc/traffic/plugins/modules").glob("*.py")):
        text = path.read_text()
        (documentation,) = re.findall(r'^DOCUMENTATION = r"""\n(.*?)^"""', text, re.MULTILINE | re.DOTALL)
        options = yaml.safe_load(documentation)["options"]
        assert set(options) == set(re.findall(r'^            "(\w+)": \{"type"', text, re.MULTILINE))
        assert json.dumps(options)
