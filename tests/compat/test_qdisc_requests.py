"""The requests that pytc sends for ``qdisc`` and ``class`` are those of tc: also for kinds that this kernel lacks."""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.kinds import qdiscs as kinds
from pytc.netlink.messages import split_attributes
from tests.compat.lines import cases
from tests.conftest import ROOT, Network, cannot, must

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

#: RTM_NEWQDISC to RTM_DELTCLASS without the requests that show.
_MODIFYING = (36, 37, 40, 41)
_KIND, _OPTIONS = 1, 2
_HEADER = struct.Struct("=IHHIIBBHiIII")
#: Tables of times that kernels since v3.8 compute themselves; tc sends them for older ones.
_TABLES = {"htb": (3, 4), "tbf": (2, 3)}


class Request(NamedTuple):
    """``options`` are the attributes in TCA_OPTIONS, behind the bytes of a structure."""

    type: int
    flags: int
    ifindex: int
    handle: int
    parent: int
    attributes: tuple[tuple[int, bytes], ...]
    structure: bytes
    options: tuple[tuple[int, bytes], ...]


def test_requests_are_those_of_tc(network: Network, tmp_path: Path) -> None:
    if shutil.which("strace") is None:
        cannot("strace is not installed")
    must("ip", "-n", network.name, "link", "add", "twin0", "numtxqueues", "4", "type", "veth", "peer", "name", "twin1")
    must("ip", "-n", network.name, "link", "set", "twin0", "up")
    commands = [command for case in cases("qdiscs") for command in case.on("twin0") if "show" not in command]
    (tmp_path / "batch").write_text("".join(" ".join(command) + "\n" for command in commands))
    expected = traced(network, tmp_path, ["tc", "-force", "-batch", str(tmp_path / "batch")])
    words = "".join(json.dumps(command) + "\n" for command in commands)
    found = traced(network, tmp_path, [sys.executable, "-m", "tests.compat.runner"], words)
    assert len(commands) > 150
    assert len(expected) == len(commands)
    assert len(found) == len(commands)
    for command, one, other in zip(commands, expected, found, strict=True):
        assert other == one, " ".join(command)


def traced(network: Network, directory: Path, command: list[str], words: str = "") -> list[Request]:
    """The requests that a command sends."""
    log = directory / "strace"
    strace = ["strace", "-qq", "-o", str(log), "-e", "trace=sendmsg,sendto", "-e", "write=all", "-s", "0"]
    done = subprocess.run(["ip", "netns", "exec", network.name, *strace, *command], input=words, text=True, cwd=ROOT,
                          capture_output=True, timeout=300, check=False)
    assert log.exists(), done.stderr
    return [request for message in _dumped(log.read_text()) if (request := _request(message)) is not None]


def _dumped(log: str) -> Iterator[bytes]:
    for dump in re.split(r"^ \* \d+ bytes in buffer \d+$|^send.*$", log, flags=re.MULTILINE):
        rows = re.findall(r"^ \| [0-9a-f]{5,}  ((?:[0-9a-f]{2} {1,2}){1,16})", dump, flags=re.MULTILINE)
        if rows:
            yield bytes.fromhex(" ".join(rows))


def _request(message: bytes) -> Request | None:
    length, number, flags, _, _, _, _, _, ifindex, handle, parent, _ = _HEADER.unpack_from(message)
    if number not in _MODIFYING:
        return None
    attributes = list(split_attributes(message[_HEADER.size:length]))
    name = dict(attributes).get(_KIND, b"").rstrip(b"\0").decode()
    kind = kinds.find(name)
    header = kind.header if kind is not None and number < 40 else 0
    raw = dict(attributes).get(_OPTIONS, b"")
    options = tuple(option for option in split_attributes(raw[header:]) if option[0] not in _TABLES.get(name, ()))
    rest = tuple((attribute, payload) for attribute, payload in attributes if attribute != _OPTIONS)
    return Request(number, flags, ifindex, handle, parent, rest, raw[:header], options)
