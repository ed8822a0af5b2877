"""A command that a signal ends leaves nothing behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import pins
from tests.network import Network
from tests.processes import PYTC, ROOT, SOURCE, Outcome, cannot, run
from tests.tiers import rounds

pytestmark = pytest.mark.kernel

_QUIET: dict[str, Any] = {"cwd": ROOT, "capture_output": True, "text": True, "timeout": 60}
PLACE = "dev em1 ingress pref 1 handle 1 bpf da"
#: pytc, with a signal to itself right before or right after the second map is pinned.
SCRIPT = """
import os, sys
from pytc.bpf.sys import pins as maps
from pytc.bpf.sys.constants import Command
from pytc.cli.main import end_process, run_process
door, pinned = maps.bpf, []
def bpf(command, *words, **more):
    if command == Command.OBJ_PIN:
        pinned.append(command)
        if when == "after":
            door(command, *words, **more)
        if len(pinned) == 2:
            os.kill(os.getpid(), int(number))
        if when == "after":
            return 0
    return door(command, *words, **more)
maps.bpf = bpf
number, when = sys.argv[1:3]
del sys.argv[1:3]
end_process(run_process())
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("batch", [False, True])
def test_a_load_that_a_signal_ends(
    network: Network, number: signal.Signals, status: int, when: str, batch: bool
) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    words = "filter add dev em1 ingress bpf da obj examples/bpf/firewall.o"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            SCRIPT,
            str(int(number)),
            when,
            "-n",
            network.name,
            *(["-b"] if batch else words.split()),
        ],
        input=f"{words}\n",
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=network.env,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    assert not [path for path in pins(Path(network.env["TC_BPF_MNT"])) if "globals/" in path]
    assert network.ok("filter", "show", "dev", "em1", "ingress") == ""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("call", ["sendto", "recvfrom"])
@pytest.mark.parametrize(("options", "verb"), [((), "add"), (("--create-clsact",), "add"), ((), "replace")])
def test_a_signal_while_the_kernel_works_on_a_request(
    network: Network, name: str, call: str, options: tuple[str, ...], verb: str
) -> None:
    """Either the filter is there with its pins and its qdisc, or nothing is."""
    if shutil.which("strace") is None:
        cannot("strace is not installed")
    words = f"filter {verb} dev em1 ingress pref 1 handle 1 bpf da obj examples/bpf/firewall.o".split()
    if not options:
        network.ok("qdisc", "add", "dev", "em1", "clsact")
    ends = set()
    for count in range(1, 9):
        done = subprocess.run(
            [
                *("strace", "-f", "-o", "/dev/null", "-e", f"inject={call}:signal={name}:when={count}"),
                *(sys.executable, "-m", "pytc", *options, "-n", network.name, *words),
            ],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            env={**os.environ, **network.env},
        )
        filters = network.ok("filter", "show", "dev", "em1", "ingress")
        made = [path for path in pins(Path(network.env["TC_BPF_MNT"])) if "globals/" in path]
        assert bool(filters) == bool(made), (count, done.stderr)
        qdisc = network.ok("qdisc", "show", "dev", "em1", "clsact")
        assert bool(qdisc) == (bool(filters) or not options)
        ends.add((done.returncode != 0, bool(filters)))
        if filters:
            network.ok("filter", "del", "dev", "em1", "ingress")
        if options and qdisc:
            network.ok("qdisc", "del", "dev", "em1", "clsact")
        shutil.rmtree(Path(network.env["TC_BPF_MNT"]) / "tc", ignore_errors=True)
        if not done.returncode:
            break
    assert (True, True) in ends, "a request that a signal met"


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_while_a_program_is_pinned(network: Network, name: str) -> None:
    """Either there is the pin, with all that is made for it, or nothing."""
    if shutil.which("strace") is None:
        cannot("strace is not installed")
    mount = Path(network.env["TC_BPF_MNT"])
    command = [sys.executable, "-m", "pytc", "-n", network.name]
    words = ["prog", "pin", "dev", "em1", "ingress", "pref", "1", "m:others/x"]
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok(*f"filter add {PLACE} obj examples/bpf/traffic.o".split())
    network.ok(*words)
    whole, ends = _tree(mount), set()
    for count in range(1, 20):
        for path in (mount / "ip", mount / "xdp"):
            path.unlink(missing_ok=True)
        shutil.rmtree(mount / "tc", ignore_errors=True)
        done = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", f"inject=bpf:signal={name}:when={count}", *command, *words],
            check=False,
            **_QUIET,
            env={**os.environ, **network.env},
        )
        assert _tree(mount) in (whole, []), (count, done.stderr)
        ends.add((done.returncode != 0, _tree(mount) == whole))
        if not done.returncode:
            break
    assert {(True, True), (False, True)} <= ends, "a signal that met the call"


def _tree(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*") if path.suffix != ".debug")


@pytest.mark.parametrize("program", [("-m", "pytc"), (str(ROOT / "src/pytc/cli/pytc"),)])
def test_an_interrupt_while_modules_are_imported_shows_no_traceback(network: Network, program: tuple[str, ...]) -> None:
    if shutil.which("strace") is None:
        cannot("strace is not installed")
    command = (sys.executable, *program, "-n", network.name, "qdisc", "add", "dev", "em9", "clsact")
    log = subprocess.run(
        ["strace", "-f", "-e", "openat", *command],
        check=False,
        **_QUIET,
        env={**os.environ, **SOURCE},
    ).stderr
    opened = [line for line in log.splitlines() if line.startswith(("openat(", "[pid"))]
    begun = next(number for number, line in enumerate(opened) if "/pytc/cli/" in line and ".pyc" in line)
    ours = [number for number, line in enumerate(opened, 1) if number > begun and "/pytc/" in line and ".pyc" in line]
    assert len(ours) > 20, log
    for number in ours[:: len(ours) // 12]:
        done = subprocess.run(
            ["strace", "-f", "-o", "/dev/null", "-e", f"inject=openat:signal=SIGINT:when={number}", *command],
            check=False,
            **_QUIET,
            env={**os.environ, **SOURCE},
        )
        assert (done.returncode, done.stderr) == (130, ""), number


#: pytc, with SIGTERM to itself before some line of what loads programs, counted from the first pin on; for line 0 it
#: prints how many there are.
#: Python takes no signal at a line without code of its own, like that of "try:", which is no part of what it guards.
AT_LINE = """
import dis, os, sys
from pytc.bpf.sys import pins
from pytc.cli.main import run_process
number, count, pinned = int(sys.argv.pop(1)), 0, pins.pin
def trace(frame, event, _):
    global count
    if not frame.f_code.co_filename.endswith(("shared/programs.py", "loader/load.py", "exec/graft.py")):
        return None
    if event == "line" and frame.f_code.co_code[frame.f_lasti] != dis.opmap["NOP"]:
        count += 1
        if count == number:
            os.kill(os.getpid(), 15)
    return trace
def pin(*words):
    frame = sys._getframe()
    while frame is not None:
        frame.f_trace, frame = trace, frame.f_back
    sys.settrace(trace)
    return pinned(*words)
import pytc.bpf.maps.pinning as pinning
pinning.pin = pin
try:
    status = run_process()
finally:
    sys.settrace(None)
    if not number:
        print(count)
sys.exit(status)
"""


@pytest.mark.timeout(9000)
@pytest.mark.parametrize("every", [11, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", ["filter", "tcx", "graft"])
def test_a_signal_before_any_line_of_a_load(network: Network, case: str, every: int) -> None:
    """Either the program is there with its pins, or nothing is."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    mount, words = Path(network.env["TC_BPF_MNT"]), f"filter add {PLACE} obj examples/bpf/firewall.o"
    if case == "tcx":
        words = "tcx attach dev em1 ingress obj examples/bpf/firewall.o"
    if case == "graft":
        words = "exec bpf graft m:globals/map_versions key 2 obj examples/bpf/firewall.o sec classifier"
        network.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", "examples/bpf/tailcall.o")

    def state() -> tuple[str, list[str]]:
        shown = network.ok("filter", "show", "dev", "em1", "ingress") + network.ok("tcx", "show", "dev", "em1")
        return "program" * bool(shown), pins(mount)

    def command(line: int) -> Outcome:
        return run(sys.executable, "-c", AT_LINE, str(line), "-n", network.name, *words.split(), env=network.env)

    before, former = state(), set(pins(mount))
    done = command(0)
    assert done.status == 0, done.err
    after, count = state(), int(done.out)
    assert count > 20 and after != before
    for line in range(1, count + 1, every):
        network.pytc("filter", "del", "dev", "em1", "ingress")
        network.pytc("tcx", "detach", "dev", "em1", "ingress", "all")
        for path in sorted(mount.rglob("*"), reverse=True):
            if str(path.relative_to(mount)) not in former and path.suffix != ".debug":
                path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        assert state() == before
        outcome = command(line)
        assert outcome.status == -signal.SIGTERM, (line, outcome)
        assert outcome.err == "" and state() in (before, after), (line, state())


@pytest.mark.timeout(9000)
@pytest.mark.parametrize("rounds", [3, pytest.param(rounds(20), marks=pytest.mark.slow)])
def test_signals_while_others_keep_the_kernel_busy(network: Network, tmp_path: Path, rounds: int) -> None:
    """Requests wait for the lock of traffic control, which others hold most of the time: a signal comes right then."""
    batch = tmp_path / "busy"
    busy = [f"filter add dev em2 ingress pref {pref} handle 1 bpf bytecode '1,6 0 0 0'" for pref in range(1, 1500)]
    batch.write_text("".join(f"{line}\n" for line in (*busy, "filter del dev em2 ingress")))
    assert run("tc", "-n", network.peer, *"qdisc add dev em2 clsact".split()).status == 0
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    loop = f"while :; do tc -n {network.peer} -force -b {batch}; done"
    globals = Path(network.env["TC_BPF_MNT"]) / "tc" / "globals"
    words = [*PYTC, "-n", network.name, *f"filter add {PLACE} obj examples/bpf/firewall.o".split()]
    chance, ends = random.Random(rounds), Counter[tuple[str, bool]]()
    others = [
        subprocess.Popen(
            ["sh", "-c", loop], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        for _ in range(2)
    ]
    try:
        for _ in range(rounds):
            number = chance.choice((signal.SIGINT, signal.SIGTERM))
            with subprocess.Popen(
                words, cwd=ROOT, stderr=subprocess.PIPE, text=True, env={**os.environ, **network.env}
            ) as command:
                while command.poll() is None and not (globals / "passed_dropped").exists():
                    time.sleep(0.0005)
                time.sleep(chance.random() * 0.02)
                command.send_signal(number)
                errors = command.communicate(timeout=60)[1]
            filters = network.ok("filter", "show", "dev", "em1", "ingress")
            made = len([*globals.iterdir()]) if globals.is_dir() else 0
            assert (errors, made) == ("", 4 if filters else 0), (number, command.returncode, filters)
            assert command.returncode or filters
            ends[number.name if command.returncode else "done", bool(filters)] += 1
            if filters:
                network.ok("filter", "del", "dev", "em1", "ingress")
            shutil.rmtree(globals.parent, ignore_errors=True)
    finally:
        for other in others:
            os.killpg(other.pid, signal.SIGKILL)
            other.wait()
    print(dict(ends))


def test_a_signal_that_is_ignored_stays_so(network: Network) -> None:
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    words = "filter add dev em1 ingress bpf da obj examples/bpf/firewall.o"
    done = subprocess.run(
        ["nohup", sys.executable, "-c", SCRIPT, str(int(signal.SIGHUP)), "before", "-n", network.name, *words.split()],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env=network.env,
    )
    assert done.returncode == 0
    assert "firewall.o" in network.ok("filter", "show", "dev", "em1", "ingress")
