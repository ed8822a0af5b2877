"""What docs/compatibility.md says of tc is what tc says."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.manual.words import ANY, SECTIONS, places
from tests.compat.stepping import TC
from tests.conftest import Compiler
from tests.network import Network
from tests.processes import cannot, must

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

#: Exit codes of tc when the words were right, whatever the kernel said.
_UNDERSTOOD = (0, 2)
#: What waits for somebody, and the exit code of timeout(1) then.
_WAITING, _TIME_IS_UP = ("monitor", "exec"), 124
#: What it says when it got as far as that with other exit codes.
_AT_WORK = re.compile("error talking to the kernel|error flushing|BPF program load failed|No trace pipe")
_VERSION = re.compile(r"iproute2-(\d+)\.(\d+)")
#: The oldest tc whose words are listed.
_OLDEST = (6, 1)


class Asked:
    """tc in a namespace that has all that the lines name."""

    def __init__(self, network: Network, directory: Path) -> None:
        self._network, self._directory = network, directory
        self._put_in = {
            "NAME": network.name,
            "PIN": f"{network.env['TC_BPF_MNT']}/pin",
            **{name: str(directory / name) for name in ("FILE", "CODE", "PATH", "NEW", "EMPTY")},
        }

    def understands(self, line: list[str]) -> bool:
        """Whether tc has nothing against the words of a line."""
        (self._directory / "NEW").unlink(missing_ok=True)
        words = [self._put_in.get(word, word) for word in line]
        waits = line[0] in _WAITING
        done = self._network.execute("timeout", "1.5" if waits else "30", TC, *words)
        return done.status in _UNDERSTOOD or (waits and done.status == _TIME_IS_UP) or bool(_AT_WORK.search(done.err))


def _version() -> tuple[int, int]:
    """Return the version of tc; skip the test where it is older than those whose words are listed."""
    printed = must(TC, "-V")
    found = _VERSION.search(printed)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < _OLDEST:
        pytest.skip(f"the words listed are not those of {printed.strip()}")
    return version


def _has(version: tuple[int, int], since: str) -> bool:
    """Report whether a version of tc has what came with another; ``-`` is what has been dropped since 6.1."""
    if since == "-":
        return version == _OLDEST
    return not since or version >= tuple(map(int, since.split(".")))


@pytest.fixture
def asked(network: Network, build: Compiler, tmp_path: Path) -> Iterator[Asked]:
    if shutil.which(TC) is None:
        cannot("tc is not installed")
    _version()
    pin = network.env["TC_BPF_MNT"]
    (tmp_path / "FILE").symlink_to(build("cls_and_act"))
    (tmp_path / "CODE").write_text("1,6 0 0 0\n")
    (tmp_path / "EMPTY").write_bytes(b"")
    must("mkdir", "-p", f"{pin}/tc/globals")
    must(
        "bpftool",
        "map",
        "create",
        f"{pin}/tc/globals/jmp",
        "type",
        "prog_array",
        "key",
        "4",
        "value",
        "4",
        "entries",
        "4",
        "name",
        "jmp",
    )
    must("bpftool", "prog", "loadall", str(tmp_path / "FILE"), f"{pin}/both")
    must("mv", f"{pin}/both/match", f"{pin}/pin")
    must("ip", "-n", network.name, "link", "add", "em3", "type", "veth")
    network.tc("qdisc", "add", "dev", "em3", "ingress_block", "5", "clsact")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as waiting:
        waiting.bind(str(tmp_path / "PATH"))
        yield Asked(network, tmp_path)


def test_all_kinds_of_tc_are_there() -> None:
    """tc finds a kind by the name of a symbol that it exports, like fq_codel_qdisc_util."""
    path = shutil.which("tc", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if path is None:
        cannot("tc is not installed")
    _version()
    found = re.findall(rb"\0([a-z0-9_]+)_(qdisc|filter|action)_util(?=\0)", Path(str(path)).read_bytes())
    assert len(found) >= 60
    listed = {
        (place.kind, section.lower().removesuffix("s"))
        for section in ("Qdiscs", "Filters", "Actions")
        for place in places(section)
    }
    assert {(name.decode(), sort.decode()) for name, sort in found} <= listed


@pytest.mark.parametrize("section", SECTIONS)
def test_tc_takes_every_word_and_no_other_in_its_place(asked: Asked, section: str) -> None:
    faults, version = [], _version()
    for place in places(section):
        for entry in place.entries:
            if not _has(version, entry.since):
                continue
            line, broken = place.line(entry), place.line(entry, broken=True)
            if not asked.understands(line):
                faults.append(f"tc refuses: {' '.join(line)}")
            if " ".join(line) not in ANY and asked.understands(broken):
                faults.append(f"tc takes: {' '.join(broken)}")
    assert not faults, "\n".join(faults)
