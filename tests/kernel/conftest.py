"""Fixtures of the tests that attach programs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf.sys.cgroups import mounts
from tests.conftest import Compiler
from tests.needs import missing
from tests.network import Network
from tests.processes import cannot, run

_numbers = itertools.count()


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """``build("legacy16")`` is the path of the object, for tests that load it."""
    return Compiler(tmp_path_factory.mktemp("objects"), for_kernel=True)


@pytest.fixture
def kernel_with_tcx() -> None:
    """Skip a test where the kernel has no tcx."""
    if reason := missing(("tcx",)):
        pytest.skip(reason)


@pytest.fixture
def tcx(kernel_with_tcx: None, network: Network, build: Compiler) -> str:
    """The object; em1 has an address of its peer, so that pings are IPv4 and nothing else."""
    for name, device in ((network.name, "em1"), (network.peer, "em2")):
        run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{device}.disable_ipv6=1")
    assert network.ping()
    return build("tcx")


@pytest.fixture
def cgroup(root: None) -> Iterator[Path]:
    """A cgroup of the test's own; a test may remove it."""
    if not mounts():
        cannot("no cgroup2 is mounted")
    made = Path(mounts()[0]) / f"pytc-test-{os.getpid()}-{next(_numbers)}"
    made.mkdir()
    try:
        yield made
    finally:
        if made.exists():
            for below in sorted(made.rglob("cgroup.procs"), reverse=True):
                below.parent.rmdir()
