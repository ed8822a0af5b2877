"""Objects from standard input, and the kernel's facts from files."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, Compiler
from tests.network import Network
from tests.processes import ROOT

pytestmark = pytest.mark.kernel

IN = ("dev", "em1", "ingress")
TRAFFIC = EXAMPLES / "traffic.o"
_BTF = Path("/sys/kernel/btf/vmlinux")


def pytc(
    network: Network, *words: str, input: bytes = b"", cwd: Path = ROOT, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        (sys.executable, "-m", "pytc", "-n", network.name, *words),
        input=input,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **network.env, **(env or {})},
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("path", ["-", "/dev/stdin", "/dev/fd/0"])
def test_an_object_comes_through_a_pipe(network: Network, path: str) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    done = pytc(network, "filter", "add", *IN, "bpf", "da", "obj", path, input=TRAFFIC.read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    name = {"-": "stdin", "/dev/stdin": "stdin", "/dev/fd/0": "0"}[path]
    assert f"{name}:[classifier]" in network.tc("filter", "show", *IN).out


def test_a_file_of_that_name_comes_first(network: Network, tmp_path: Path) -> None:
    shutil.copy(TRAFFIC, tmp_path / "-")
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    done = pytc(network, "filter", "add", *IN, "bpf", "da", "obj", "-", input=b"no object", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_it_is_read_once_for_a_desired_state(network: Network, tmp_path: Path) -> None:
    """It is loaded after it has been compared; a second run compares what a file holds."""
    (state := tmp_path / "state").write_text(
        "qdisc add dev em1 clsact\nfilter add dev em1 ingress pref 1 bpf da obj -\n"
    )
    first = pytc(network, "apply", str(state), input=TRAFFIC.read_bytes())
    assert (first.returncode, first.stderr) == (0, b"") and b"+ filter" in first.stdout
    again = pytc(network, "apply", str(state), input=TRAFFIC.read_bytes())
    assert again.stdout == b"unchanged\n"


def test_nothing_there_is_no_object(network: Network) -> None:
    done = pytc(network, "prog", "load", "-")
    assert done.returncode == 1 and b'"-"' in done.stderr


def test_settings_come_from_a_file(network: Network, build: Compiler, tmp_path: Path) -> None:
    settings = (
        "CONFIG_HZ=4321\nCONFIG_NET=y\nCONFIG_NF_CONNTRACK=m\nCONFIG_BPF=y\n# CONFIG_X is not set\n"
        'CONFIG_CC_VERSION_TEXT="gcc"\n'
    )
    (plain := tmp_path / "config").write_text(settings)
    (packed := tmp_path / "config.gz").write_bytes(gzip.compress(settings.encode()))
    run = ("prog", "run", "obj", build("kconfig"), "packet", "ip udp")
    for path in (plain, packed):
        done = pytc(network, *run, env={"PYTC_KERNEL_CONFIG": str(path)})
        assert done.returncode == 0 and b"4321" in done.stdout, done.stderr
    missing = pytc(network, *run, env={"PYTC_KERNEL_CONFIG": str(tmp_path / "none")})
    assert missing.returncode and b"cannot read PYTC_KERNEL_CONFIG" in missing.stderr


@pytest.mark.skipif(not _BTF.exists(), reason="this kernel offers no types")
def test_types_come_from_a_file(network: Network, build: Compiler, tmp_path: Path) -> None:
    (types := tmp_path / "vmlinux").write_bytes(_BTF.read_bytes())
    run = ("prog", "run", "obj", build("core_field"), "packet", "ip udp")
    given = pytc(network, *run, env={"PYTC_KERNEL_BTF": str(types)})
    assert given.returncode == 0 and b"1 packet" in given.stdout, given.stderr
    wrong = pytc(network, *run, env={"PYTC_KERNEL_BTF": "/dev/null"})
    assert wrong.returncode and b'cannot read kernel types from "/dev/null"' in wrong.stderr
