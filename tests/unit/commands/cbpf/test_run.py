"""``pytc cbpf run``: verdicts on the packets of a capture, in one go and step by step."""

from __future__ import annotations

import io
import os
import pty
import select
import subprocess
from pathlib import Path

import pytest

from pytc.packets import open_capture
from pytc.packets.link_types import RAW
from tests.captures import TCP, as_pcap, captures, eth, ip4, packets, raw, tcp
from tests.conftest import PATIENCE
from tests.processes import PYTC, ROOT, json_of, printed, refused

ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "ipv6.pcapng"
    path.write_bytes(captures()["ipv6"][1])
    return str(path)


def test_run(capture: str) -> None:
    out = printed("cbpf", "run", capture, ARP)
    assert out.startswith("packet 1: no match\n")
    assert out.endswith("packet 19: match (0xffffffff)\n19 packets, 1 matched, 18 did not\n")
    assert printed("cbpf", "run", capture, ARP, "summary") == "19 packets, 1 matched, 18 did not\n"
    assert printed("cbpf", "run", capture, ARP, "summary", "count", "18").startswith("18 packets, 0 matched")
    (found,) = json_of("cbpf", "run", capture, ARP)
    assert found["count"] == 19
    assert found["matched"] == 1
    assert found["packets"][18] == {"number": 19, "match": True, "value": 0xFFFFFFFF}


def test_the_manual_shows_what_is_printed() -> None:
    page = (ROOT / "docs" / "cbpf.md").read_text()
    example = ROOT / "examples" / "cbpf"
    for words in (("disasm", ARP), ("run", str(example / "traffic.pcap"), str(example / "ssh.asm"))):
        assert f"```text\n{printed('cbpf', *words)}```" in page


def test_run_with_extensions(capture: str) -> None:
    mark = "2,32 0 0 4294963220,22 0 0 0"
    assert "match (0x7)" in printed("cbpf", "run", capture, mark, "set", "mark=7", "count", "1")
    assert "no match" in printed("cbpf", "run", capture, mark, "count", "1")


def test_run_an_expression_over_what_the_capture_holds(capture: str, libpcap: None) -> None:
    assert printed("cbpf", "run", capture, "expression", "arp", "summary").startswith("19 packets, 1 matched")
    assert "0 matched" in printed("cbpf", "run", capture, "expression", "udp", "dlt", "RAW", "summary")


def test_matching_packets_are_written(capture: str, tmp_path: Path) -> None:
    target = tmp_path / "out.pcapng"
    printed("cbpf", "run", capture, ARP, "summary", "write", str(target))
    with open_capture(str(target)) as packets:
        assert [packet.data for packet in packets] == [captures()["ipv6"][0][18].data]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ipv6.pcapng", "out.pcapng"]


def test_a_run_that_fails_leaves_nothing_behind(capture: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(Path(capture).read_bytes()[:-3])
    target = tmp_path / "out"
    target.write_text("as it was")
    text = refused("cbpf", "run", str(damaged), ARP, "write", str(target))
    assert "it ends within a block" in text
    assert target.read_text() == "as it was"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
def test_only_regular_files_are_written_over(tmp_path: Path, kind: str) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    other.write_text("precious")
    if kind == "link":
        target.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        target.mkdir()
    text = refused("cbpf", "to-ebpf", ARP, "write", str(target))
    assert f'cannot write "{target}"' in text
    assert other.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_stepping_reads_commands(capture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("step\nrun\nnext 99\n"))
    out = printed("cbpf", "run", capture, ARP, "step")
    assert out.startswith("packet 1, 74 bytes\nl0:     ldh [12]\n")
    assert "no match\nThe capture has 19 packets.\npacket 19, " in out


def test_stepping_through_an_expression_ends_with_the_input(
    capture: str, libpcap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("run"))
    out = printed("cbpf", "run", capture, "expression", "ip6", "step")
    assert "returned 0xffffffff" in out


def test_stepping_through_an_expression_takes_what_the_capture_holds(
    tmp_path: Path, libpcap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "raw"
    path.write_bytes(as_pcap(packets(raw([eth(ip4(tcp(1, 80), TCP))]), RAW), RAW))
    monkeypatch.setattr("sys.stdin", io.StringIO("run\n"))
    out = printed("cbpf", "run", str(path), "expression", "tcp port 80", "step")
    assert out.startswith("packet 1, 40 bytes\nl0:     ldb [0]\n")
    assert out.endswith("returned 0xffffffff (4294967295): match\n")


@pytest.mark.parametrize("path", ["/etc/passwd", "/none", "/dev/null", "/"])
def test_what_is_no_capture(path: str) -> None:
    assert f'capture "{path}"' in refused("cbpf", "run", path, ARP)


@pytest.mark.parametrize(
    ("keys", "shown", "status"),
    [
        (b"step\n\x04", "A 0x000086dd", 0),
        (b"bre l1\nrun\nquit\n", "breakpoint 1", 0),
        (b"\x03", "> ", 130),
    ],
)
def test_stepping_at_a_terminal(capture: str, keys: bytes, shown: str, status: int) -> None:
    """With a prompt; the end of the input ends it, and Ctrl-C does."""
    ours, theirs = pty.openpty()
    words = ("setsid", "--ctty", "--wait", *PYTC, "cbpf", "run", capture, ARP, "step")
    with subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src", "TERM": "dumb"},
    ) as shell:
        os.close(theirs)
        try:
            said = _until(ours, "> ")
            assert "l0:     ldh [12]" in said
            os.write(ours, keys)
            said += _until(ours, "", keys[-1:] if status else b"")
        finally:
            os.close(ours)  # hangs up: nothing waits for a key for ever
        assert shell.wait(timeout=PATIENCE) == status, said
    assert shown in said
    assert "Traceback" not in said


def _until(terminal: int, text: str, again: bytes = b"") -> str:
    """What a terminal shows up to a text, or to the end. ``again`` is typed where nothing comes for a second: a signal
    may come before anybody waits for a key."""
    said = ""
    for _ in range(20):
        while select.select([terminal], [], [], 1)[0]:
            try:
                said += os.read(terminal, 1 << 12).decode()
            except OSError:
                return said
            if text and text in said:
                return said
        if again:
            os.write(terminal, again)
    raise AssertionError(f"no end in sight: {said}")
