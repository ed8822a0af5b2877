"""What docs/compatibility.md says of tc is what tc says."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.manual.words import ANY, SECTIONS, places
from tests.conftest import Compiler
from tests.network import Network
from tests.processes import must
from tests.toolchains import TC_DIRECTORY, old_tc

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

    def understands(self, tc: str, line: list[str]) -> bool:
        """Whether a tc has nothing against the words of a line."""
        (self._directory / "NEW").unlink(missing_ok=True)
        words = [self._put_in.get(word, word) for word in line]
        waits = line[0] in _WAITING
        done = self._network.execute("timeout", "1.5" if waits else "30", tc, *words)
        return done.status in _UNDERSTOOD or (waits and done.status == _TIME_IS_UP) or bool(_AT_WORK.search(done.err))


def _version() -> tuple[int, int]:
    """Return the version of tc; skip the test where it is older than those whose words are listed."""
    printed = must("tc", "-V")
    found = _VERSION.search(printed)
    version = (int(found[1]), int(found[2])) if found else (0, 0)
    if version < _OLDEST:
        pytest.skip(f"the words listed are not those of {printed.strip()}")
    return version


def _tc_with(version: tuple[int, int], since: str) -> str:
    """Return the tc that has what came with a version, or has been dropped since 6.1; empty for none."""
    if since == "-":
        return old_tc()
    return "tc" if not since or version >= tuple(map(int, since.split("."))) else ""


@pytest.fixture
def asked(network: Network, build: Compiler, tmp_path: Path) -> Iterator[Asked]:
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
    _version()
    program = (TC_DIRECTORY / "tc").read_text().split()[-2]
    found = re.findall(rb"\0([a-z0-9_]+)_(qdisc|filter|action)_util(?=\0)", Path(program).read_bytes())
    assert len(found) >= 55
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
            if not (tc := _tc_with(version, entry.since)):
                continue
            line, broken = place.line(entry), place.line(entry, broken=True)
            if not asked.understands(tc, line):
                faults.append(f"tc refuses: {' '.join(line)}")
            if " ".join(line) not in ANY and asked.understands(tc, broken):
                faults.append(f"tc takes: {' '.join(broken)}")
    assert not faults, "\n".join(faults)
