"""The size of an export's entries: that of the object's own definitions, or the one that is asked for."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Compiler
from tests.network import Network
from tests.processes import PYTC, cannot, finish, running
from tests.waiting import until

pytestmark = pytest.mark.kernel

_ADD = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj")


def _received(agent: str, clsact: Network, path: Path, size: str, *words: str) -> list[tuple[str, str]]:
    """Add a filter whose maps an agent of an entry size takes; return their ids and types."""
    with running(agent, "receive", str(path), size) as receiver:
        until(path.exists, "the socket")
        clsact.ok(*_ADD, *words)
        status, out, err = finish(receiver)
    assert (status, err) == (0, "")
    return re.findall(r"^map id (\d+) type (\d+) ", out, re.MULTILINE)


@pytest.mark.parametrize(
    ("object", "size", "words"),
    [
        ("legacy20", "20", ()),
        ("legacy20", "36", ("entries", "36")),
        ("legacy16", "36", ()),
        ("legacy24", "36", ()),
        ("legacy28", "36", ()),
        ("legacy36", "36", ()),
        ("legacy36", "20", ("entries", "20")),
    ],
)
def test_an_agent_of_that_layout_reads_it(
    clsact: Network, build: Compiler, agent: str, tmp_path: Path, object: str, size: str, words: tuple[str, ...]
) -> None:
    path = tmp_path / "bpf"
    found = _received(agent, clsact, path, size, build(object), "export", str(path), *words)
    assert found == [("0", "1"), ("1", "2"), ("2", "6")]


def test_bpf_map_def_has_as_many_bytes_and_no_id(clsact: Network, build: Compiler, agent: str, tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    assert _received(agent, clsact, path, "36", build("bpf_map_def"), "export", str(path))


def test_the_environment_exports_in_the_same_way(clsact: Network, build: Compiler, agent: str, tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    with running(agent, "receive", str(path), "20") as receiver:
        until(path.exists, "the socket")
        clsact.ok(*_ADD, build("legacy20"), env={"TC_BPF_UDS": str(path)})
        assert finish(receiver)[0] == 0


@pytest.mark.parametrize("receiver", ["pytc", "tc"])
def test_import_gets_the_ids(clsact: Network, build: Compiler, tmp_path: Path, receiver: str) -> None:
    """tc's import reads entries of 36 bytes alone; pytc's reads both."""
    if receiver == "tc" and shutil.which("tc") is None:
        cannot("tc is not installed")
    path = tmp_path / "bpf"
    command, words = (("tc",), ("entries", "36")) if receiver == "tc" else (PYTC, ())
    with running(*command, "exec", "bpf", "import", str(path), "run", "env") as shell:
        until(path.exists, "the socket")
        clsact.ok(*_ADD, build("legacy20"), "export", str(path), *words)
        status, out, err = finish(shell)
    assert (status, err) == (0, "")
    assert {
        name for name in ("BPF_MAP0=", "BPF_MAP1=", "BPF_MAP2=", "BPF_NUM_MAPS=3") if f"\n{name}" in f"\n{out}"
    } == {
        "BPF_MAP0=",
        "BPF_MAP1=",
        "BPF_MAP2=",
        "BPF_NUM_MAPS=3",
    }


def test_another_size_is_refused(clsact: Network, build: Compiler, tmp_path: Path) -> None:
    done = clsact.pytc(*_ADD, build("legacy20"), "export", str(tmp_path / "bpf"), "entries", "24")
    assert (done.status, 'Illegal "entries": "24" is neither 20 nor 36' in done.err) == (1, True), done.err
