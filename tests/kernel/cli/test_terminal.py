"""Names of others on a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from pathlib import Path

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.maps.map import create_map
from tests.network import Network
from tests.processes import PYTC

pytestmark = pytest.mark.kernel

DEVICE = "e\x1b[31m\x7f"
ANNOTATION = "x\x1b[31m.o\nNote: forged"


def on_terminal(network: Network, *words: str) -> str:
    """Return what a command prints whose standard output is a terminal."""
    leader, follower = pty.openpty()
    command = ("ip", "netns", "exec", network.name, *PYTC, *words)
    with subprocess.Popen(command, stdout=follower, env={**os.environ, **network.env}) as process:
        os.close(follower)
        printed = b""
        try:
            while data := os.read(leader, 1 << 16):
                printed += data
        except OSError:  # EIO: nobody has it open any more
            pass
        assert process.wait() == 0
    os.close(leader)
    return printed.decode().replace("\r\n", "\n")


@pytest.fixture
def hostile(network: Network, bpffs: Path) -> Network:
    """A device and a filter with names that control a terminal."""
    assert network.execute("ip", "link", "add", DEVICE, "type", "veth", "peer", "name", "other").status == 0
    network.ok("qdisc", "add", "dev", DEVICE, "clsact")
    object = bpffs.parent / ANNOTATION
    object.write_bytes(Path("examples/bpf/traffic.o").read_bytes())
    network.ok("filter", "add", "dev", DEVICE, "ingress", "bpf", "da", "obj", str(object), "sec", "drop")
    return network


@pytest.mark.parametrize("options", [(), ("-d",), ("-c=always",), ("-j",), ("-j", "-p"), ("--dry-run",)])
@pytest.mark.parametrize("words", ["qdisc show", "filter show dev DEVICE ingress", "hooks show dev DEVICE"])
def test_do_not_control_it(hostile: Network, options: tuple[str, ...], words: str) -> None:
    text = on_terminal(hostile, *options, *(word.replace("DEVICE", DEVICE) for word in words.split()))
    plain = re.sub(r"\x1b\[(?:0|36|1;36)m", "", text)  # the colours of devices
    assert DEVICE not in text and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain)
    assert not any(line.startswith("Note:") for line in text.splitlines())


@pytest.mark.parametrize("form", ["csv", "text", "json"])
def test_values_of_maps_do_not_control_it(network: Network, bpffs: Path, form: str) -> None:
    with create_map(MapSpec("text", MapType.HASH, 4, 8, 1), "text") as found:
        found[bytes(4)] = b"a\x1b[31m\x7f\0"
        found.pin(str(bpffs / "text"))
    options = ("-j",) if form == "json" else ()
    shown = ("csv",) if form == "csv" else ()
    text = on_terminal(network, *options, "map", "dump", "pinned", str(bpffs / "text"), "valuetype", "str[8]", *shown)
    assert "[31m" in text and not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def test_events_do_not_control_it(hostile: Network) -> None:
    leader, follower = pty.openpty()
    command = ("ip", "netns", "exec", hostile.name, *PYTC, "monitor")
    with subprocess.Popen(command, stdout=follower, env={**os.environ, **hostile.env}) as process:
        os.close(follower)
        printed = b""
        # The listener is not told when it is ready: filters come and go until it has seen one.
        while b"deleted" not in printed:
            hostile.ok("filter", "add", "dev", DEVICE, "egress", "pref", "7", "u32", "match", "u32", "0", "0")
            hostile.ok("filter", "del", "dev", DEVICE, "egress", "pref", "7")
            while select.select([leader], [], [], 0.2)[0]:
                printed += os.read(leader, 1 << 16)
        process.kill()
    os.close(leader)
    assert b"dev e?[31m? egress" in printed and not re.search(rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", printed)


def test_are_as_they_are_in_a_file(hostile: Network) -> None:
    assert f"dev {DEVICE} " in hostile.ok("qdisc", "show")
    assert ANNOTATION in hostile.ok("filter", "show", "dev", DEVICE, "ingress")


def test_forge_no_line_of_an_error(network: Network, tmp_path: Path) -> None:
    for words in (
        ("filter", "add", "dev", "q\nNote: forged", "ingress", "bpf", "da", "obj", "x.o"),
        ("object", "show", f"{tmp_path}/\nNote: forged"),
        ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", "x\nHint: forged"),
        ("map", "get", "name", "a\nHint: forged", "key", "0"),
        ("qdisc\nHint: forged",),
    ):
        outcome = network.pytc(*words)
        assert outcome.status in (1, 2, 255)
        assert not re.search(r"^(Note|Hint): forged", outcome.err, re.MULTILINE)
