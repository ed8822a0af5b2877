"""``make demo``: shows every command before it runs, and leaves nothing behind, also when interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processes import ROOT, run
from tests.tiers import slow

pytestmark = pytest.mark.kernel
DEMO = [sys.executable, str(ROOT / "examples" / "demo.py")]


def leftovers(number: int) -> list[str]:
    """Return the namespaces and mounts that a demo with that process id has left behind."""
    names = [path.name for path in Path("/run/netns").glob(f"pytc-demo-{number}*")]
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if "/pytc-demo-" in line]
    return names + mounts


def test_the_demo_runs_to_its_end(root: None) -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as demo:
        out, err = demo.communicate(timeout=120)
    assert demo.returncode == 0, err
    assert err == ""
    for shown in (
        "$ pytc -n demo filter add dev em1 parent 1: bpf obj examples/bpf/mark_stats.o sec cls flowid 1:7",
        "mark_stats.o:[cls]",
        "Sent ",
        "key 7 |@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@| 3\n",
        "used by prog ",
        "attached filter em1 ingress pref 49152\n",
        "no answer",
        "tcx dev em1 ingress order 1 ",
        "filter dev em1 egress protocol all pref 1 ",
        "3 packets, 0 failed\n",
        "FAILED: the packet is not that of examples/packets/hops-less.pcap",
        "refused by the verifier: `count` may be NULL\n",
        "Suggestion: if (!count) return TC_ACT_OK; after line 29\n",
    ):
        assert shown in out
    assert out.count("  answered") == 4
    assert not leftovers(demo.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_demo_cleans_up(root: None, number: signal.Signals) -> None:
    with subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as demo:
        assert demo.stdout is not None
        for line in demo.stdout:
            if line.startswith("$ ping"):
                break
        demo.send_signal(number)
        demo.communicate(timeout=60)
    assert demo.returncode == 128 + number
    assert not leftovers(demo.pid)


def test_without_root_it_says_so_in_one_line(root: None, tmp_path: Path) -> None:
    for goal in ("demo", "test"):
        outcome = run("setpriv", "--reuid=65534", "--clear-groups", "sh", str(ROOT / ".ci" / "prepare"), goal, ".venv")
        assert outcome.status == 1
        assert outcome.err.count("\n") == 1
        assert "root is needed" in outcome.err


@pytest.mark.parametrize("goal", ["demo", "test", "check"])
def test_elsewhere_than_on_linux_it_says_so_in_one_line(tmp_path: Path, goal: str) -> None:
    uname = tmp_path / "uname"
    uname.write_text("#!/bin/sh\necho Darwin\n")
    uname.chmod(0o755)
    outcome = run("sh", str(ROOT / ".ci" / "prepare"), goal, ".venv", env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert (outcome.status, outcome.err) == (1, f"make {goal}: Linux is needed; this is Darwin\n")


def test_elsewhere_it_names_the_packages(root: None, tmp_path: Path) -> None:
    """A machine without apt-get and without clang: a PATH with the bare necessities."""
    for tool in ("uname", "id", "sh", "ip", "ping", "tc", "python3", "llc", "bpftool"):
        found = run("sh", "-c", f"command -v {tool} || ls /usr/sbin/{tool}").out.strip()
        (tmp_path / tool).symlink_to(found)
    outcome = run("sh", str(ROOT / ".ci" / "prepare"), "test", ".venv", env={"PATH": str(tmp_path)}, cwd=ROOT)
    assert outcome.status == 1
    assert outcome.err.startswith("make test: please install:")
    assert " clang" in outcome.err


@pytest.mark.parametrize(
    ("script", "words", "shown"),
    [
        (
            "command_line.py",
            ("1",),
            ("python -c pass", "tc filter replace", "pytc filter replace", "pytc --help", "pytc -V"),
        ),
        slow(("maps.py", ("1", "20000"), ("dump as JSON", "bpftool map dump -j", "load from CSV", "C, updates only"))),
        ("prog_run.py", ("1", "20", "1000"), ("20000 runs", "bpftool, ns per run", "own time, us per packet")),
        slow(("loader.py", ("1",), ("whole command", "own, ms", "small", "large"))),
    ],
)
def test_bench(root: None, script: str, words: tuple[str, ...], shown: tuple[str, ...]) -> None:
    outcome = run(sys.executable, str(ROOT / "bench" / script), *words)
    assert outcome.status == 0, outcome.err
    for title in shown:
        assert title in outcome.out
