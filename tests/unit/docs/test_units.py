"""The units of systemd that the documentation offers."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.processes import ROOT, cannot

UNITS = [ROOT / "docs" / "pytc-agent.service", *sorted((ROOT / "docs" / "systemd").glob("*.service"))]
SOCKET = ROOT / "docs" / "systemd" / "pytc-agent.socket"
ROLE = ROOT / "deploy" / "ansible_collections" / "pytc" / "traffic" / "roles" / "agent"


def verify(path: Path) -> subprocess.CompletedProcess[str]:
    if shutil.which("systemd-analyze") is None:
        cannot("systemd-analyze is not installed")
    words = ["systemd-analyze", "verify", "--man=no", str(path)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def instance(unit: Path, text: str, directory: Path) -> Path:
    """Write a unit, an instance for em1 of a template, that runs a program which exists."""
    path = directory / unit.name.replace("@.", "@em1.")
    path.write_text(re.sub(r"(Exec\w+=)pytc ", rf"\1{shutil.which('true') or '/bin/true'} ", text))
    return path


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_looks_for_pytc_where_pip_and_packages_put_it(unit: Path) -> None:
    """A name without a slash is looked for in /usr/local/bin and /usr/bin (systemd.service(5))."""
    commands = re.findall(r"^Exec\w+=(.*)", unit.read_text(), re.MULTILINE)
    assert commands and all(command.startswith("pytc ") for command in commands)


@pytest.mark.parametrize("unit", [*UNITS, SOCKET], ids=lambda unit: unit.name)
def test_wheels_bring_the_unit(unit: Path) -> None:
    assert f'"{unit.relative_to(ROOT)}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_understands_the_unit(unit: Path, tmp_path: Path) -> None:
    done = verify(instance(unit, unit.read_text(), tmp_path))
    assert (done.returncode, done.stderr) == (0, "")


def test_systemd_understands_the_socket_of_the_agent(tmp_path: Path) -> None:
    """The sockets are those of the service."""
    (agent, *_) = UNITS
    service = instance(agent, agent.read_text(), tmp_path)
    (socket := tmp_path / SOCKET.name).write_text(SOCKET.read_text())
    assert (tmp_path / SOCKET.name).stem == service.stem
    done = verify(socket)
    assert (done.returncode, done.stderr) == (0, "")
    path = re.findall(r"exec bpf agent (\S+)", agent.read_text())[-1]
    assert re.findall(r"^Listen\w+=(.*)", SOCKET.read_text(), re.MULTILINE) == [path, f"{path}.control"]


def test_the_agent_may_do_little() -> None:
    """What systemd thinks an intruder could do, from 0 to 10; needs a systemd of 250."""
    if shutil.which("systemd-analyze") is None:
        cannot("systemd-analyze is not installed")
    words = ["systemd-analyze", "security", "--offline=yes", "--threshold=25", str(UNITS[0])]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_systemd_would_say_what_it_does_not_understand(tmp_path: Path) -> None:
    (unit, *_) = UNITS
    done = verify(instance(unit, unit.read_text().replace("NoNewPrivileges", "NoNewPriviledges"), tmp_path))
    assert "NoNewPriviledges" in done.stderr


def test_the_unit_of_the_role_is_that_of_the_documentation() -> None:
    own = (ROLE / "templates" / "pytc-agent.service.j2").read_text()
    for name, value in (("executable", "pytc"), ("socket", "/run/pytc/maps")):
        own = own.replace(f"{{{{ pytc_agent_{name} }}}}", value)
    lines = (ROOT / "docs" / "pytc-agent.service").read_text().splitlines()
    assert own.splitlines() == [line for line in lines if not line.startswith("#")][1:]
