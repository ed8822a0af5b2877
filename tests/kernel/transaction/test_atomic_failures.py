"""``--atomic`` when others have their hands in it: pins, signals, pipes, and what cannot be taken back after all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pytc.bpf import Map
from tests.conftest import Compiler, pins
from tests.kernel.transaction.atomic_state import FAILING, TAKEN_BACK, atomic, changed, furnish, state
from tests.network import Network
from tests.processes import PYTC, ROOT

pytestmark = pytest.mark.kernel

TAILCALL = "examples/bpf/tailcall.o"
CLASS = "class add dev em1 parent 1: classid 1:20 htb rate 1mbit"
#: pytc, with a step of somebody else before the last line is run.
_MEDDLING = """
import os, subprocess, sys
from pytc.cli import atomic
from pytc.cli.main import end_process, run_process
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.pins import pin
from pytc.bpf.object.spec import MapSpec
def tc(line):
    subprocess.run(["tc", *line.split()], check=True)
run, lines = atomic._do, int(sys.argv[1])
def do(*words):
    global lines
    lines -= 1
    if lines == 0:
        exec(script, globals())
    run(*words)
atomic._do = do
script = sys.argv[2]
del sys.argv[1:3]
end_process(run_process())
"""


def meddled(network: Network, script: str, *lines: str, at: int = 0) -> subprocess.CompletedProcess[str]:
    """An atomic batch, during which a script of somebody else's runs before the last line, or the one ``at`` a
    number."""
    words = (sys.executable, "-c", _MEDDLING, str(at or len(lines)), script, "-n", network.name)
    return subprocess.run(
        [*words, "--atomic", "-batch", "-"],
        input="".join(f"{line}\n" for line in lines),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, **network.env},
        cwd=ROOT,
    )


@pytest.fixture
def furnished(network: Network) -> Network:
    """em1 with something of each sort."""
    furnish(network)
    return network


@pytest.fixture
def globals_(furnished: Network) -> Path:
    """Where maps of the global namespace are pinned."""
    return Path(furnished.env["TC_BPF_MNT"]) / "tc" / "globals"


def slots(path: Path) -> dict[int, int]:
    """{slot: program id} of a pinned program array."""
    with Map.from_pin(str(path)) as found:
        return {int.from_bytes(key, "little"): int.from_bytes(value, "little") for key, value in found.items()}


def test_pins_of_others_stay(furnished: Network, build: Compiler) -> None:
    furnished.ok("filter", "add", "dev", "em1", "ingress", "pref", "10", "bpf", "da", "obj", build("legacy_pin_global"))
    before = state(furnished)
    done = atomic(
        furnished,
        [
            f"filter add dev em1 egress bpf da obj {build('legacy_pin_global')}",
            f"filter add dev em1 egress bpf da obj {build('legacy_pin_object')}",
            FAILING,
        ],
    )
    assert done.err.endswith(TAKEN_BACK)
    assert changed(before, furnished) == ""
    assert "tc/globals/pinned_global" in dict(before.pinned)


def test_program_arrays_are_again_what_they_were(furnished: Network, globals_: Path) -> None:
    words = ("filter", "replace", "dev", "em1", "ingress", "pref", "1", "handle", "1", "bpf", "da", "obj", TAILCALL)
    furnished.ok(*words)
    before = state(furnished), slots(globals_ / "map_versions")
    assert before[1]
    done = atomic(furnished, [" ".join(words), f"filter add dev em1 egress bpf da obj {TAILCALL}", FAILING])
    assert done.err.endswith(TAKEN_BACK)
    assert changed(before[0], furnished) == ""
    assert slots(globals_ / "map_versions") == before[1], "and it is not empty"
    assert atomic(furnished, [" ".join(words)]).status == 0
    assert slots(globals_ / "map_versions") != before[1]


def test_program_arrays_that_a_batch_makes_and_moves_go(furnished: Network) -> None:
    before = state(furnished)
    done = atomic(
        furnished, [f"filter add dev em1 {hook} bpf da obj {TAILCALL}" for hook in ("ingress", "egress")] + [FAILING]
    )
    assert done.err.endswith(TAKEN_BACK)
    assert changed(before, furnished) == ""


def test_maps_of_others_are_not_written_to(furnished: Network, tmp_path: Path) -> None:
    """A load that would write into an existing pinned map is refused beforehand."""
    path = Path(furnished.env["TC_BPF_MNT"]) / "mine"
    furnished.ok("filter", "add", "dev", "em1", "egress", "bpf", "da", "obj", TAILCALL)
    os.link(Path(furnished.env["TC_BPF_MNT"]) / "tc/globals/map_versions", path)
    before = state(furnished)
    done = atomic(furnished, [f"filter add dev em1 ingress bpf da obj {TAILCALL} map map_versions pinned {path}"])
    assert done.err.startswith(f'This could not be taken back: the map pinned at "{path}" would be written to\n')
    assert changed(before, furnished) == ""


@pytest.mark.parametrize(
    ("script", "stays"),
    [
        (
            "path = '{pin}'; os.unlink(path)\nwith create_map(MapSpec('other', 2, 4, 8, 1), 'other') as made:\n"
            "    pin(made.fd, path)",
            ["tc", "tc/globals", "tc/globals/pinned_global"],
        ),
        (
            "with create_map(MapSpec('other', 2, 4, 8, 1), 'other') as made:\n    pin(made.fd, '{pin}_2')",
            ["tc", "tc/globals", "tc/globals/pinned_global_2"],
        ),
        ("os.unlink('{pin}'); os.mkdir('{pin}')", ["tc", "tc/globals", "tc/globals/pinned_global"]),
        ("os.unlink('{pin}'); os.symlink('/tmp', '{pin}')", ["tc", "tc/globals", "tc/globals/pinned_global"]),
        ("os.unlink('{pin}'); os.rmdir('{dir}')", []),
    ],
)
def test_what_others_pin_meanwhile_stays(
    furnished: Network, build: Compiler, globals_: Path, script: str, stays: list[str]
) -> None:
    script = script.replace("{pin}", str(globals_ / "pinned_global")).replace("{dir}", str(globals_))
    before = set(pins(globals_.parent.parent))
    done = meddled(furnished, script, f"filter add dev em1 egress bpf da obj {build('legacy_pin_global')}", FAILING)
    assert done.stderr.endswith(TAKEN_BACK), done.stderr
    assert sorted(set(pins(globals_.parent.parent)) - before) == stays


def test_a_program_array_that_others_have_moved_meanwhile_stays_theirs(furnished: Network, globals_: Path) -> None:
    furnished.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", TAILCALL)
    script = (
        f"os.unlink('{globals_}/map_versions')\nwith create_map(MapSpec('other', 2, 4, 8, 1), 'other') as made:\n"
        f"    pin(made.fd, '{globals_}/map_versions')"
    )
    done = meddled(furnished, script, f"filter add dev em1 egress bpf da obj {TAILCALL}", FAILING)
    assert done.returncode == 1
    with Map.from_pin(str(globals_ / "map_versions")) as found:
        assert found.description.name == "other"


@pytest.mark.parametrize(
    ("lines", "script", "left", "remains"),
    [
        (
            ["qdisc add dev lo clsact"],
            "tc('filter add dev lo ingress pref 7 u32 match u32 0 0')",
            "qdisc dev lo parent ffff:fff1 handle ffff: kind clsact stays: others have added filter dev lo parent "
            "ingress protocol all pref 7",
            ["clsact", "pref 7"],
        ),
        (
            ["qdisc add dev lo root handle 5: htb"],
            "tc('class add dev lo parent 5: classid 5:5 htb rate 1mbit')",
            "qdisc dev lo parent root handle 5: kind htb stays: others have added class dev lo parent root classid 5:5",
            ["htb 5:"],
        ),
        (
            ["qdisc add dev lo root handle 5: htb", "class add dev lo parent 5: classid 5:5 htb rate 1mbit"],
            "tc('qdisc add dev lo parent 5:5 handle 55: pfifo')",
            "others have added qdisc dev lo parent 5:5 handle 55:",
            ["pfifo 55:"],
        ),
        (
            ["chain add dev em1 ingress chain 7"],
            "tc('filter add dev em1 ingress chain 7 pref 7 u32 match u32 0 0')",
            "chain dev em1 parent ingress chain 7 stays: others have added filter dev em1",
            [],
        ),
        (
            ["class change dev em1 parent 1:1 classid 1:10 htb rate 1mbit"],
            "tc('qdisc del dev em1 root')",
            "class dev em1 parent 1:1 classid 1:10 kind htb stays changed: ",
            [],
        ),
    ],
)
def test_what_could_not_be_taken_back_is_told(
    furnished: Network, lines: list[str], script: str, left: str, remains: list[str]
) -> None:
    done = meddled(furnished, script, CLASS, *lines, "class add dev lo parent 9: classid 9:1 htb rate 1mbit")
    assert done.returncode == 1
    told = [line for line in done.stderr.splitlines() if line.startswith("Error: not taken back: ")]
    assert told, done.stderr
    assert left in "\n".join(told)
    assert TAKEN_BACK not in done.stderr
    shown = "".join(
        furnished.tc(*words, "show", "dev", "lo", *hook).out
        for words, hook in (((("qdisc",)), ()), (("filter",), ("ingress",)))
    )
    assert all(one in shown for one in remains), shown
    assert " 1:20 " not in furnished.tc("class", "show", "dev", "em1").out, "the rest is taken back all the same"


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, -15), (signal.SIGHUP, -1)])
@pytest.mark.parametrize("times", [1, 2])
def test_a_signal_takes_all_back(
    furnished: Network, build: Compiler, number: signal.Signals, status: int, times: int
) -> None:
    before = state(furnished)
    script = f"for _ in range({times}):\n    os.kill(os.getpid(), {int(number)})"
    done = meddled(
        furnished,
        script,
        CLASS,
        f"filter add dev em1 egress bpf da obj {build('legacy_pin_global')}",
        "filter del dev em1 ingress pref 10",
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", TAKEN_BACK)
    assert changed(before, furnished) == ""


def test_after_a_signal_no_line_is_run(furnished: Network) -> None:
    before = state(furnished)
    done = meddled(furnished, "os.kill(os.getpid(), 2)", CLASS, "qdisc show dev em1", "class show dev em1", at=2)
    assert done.returncode == 130
    assert "class htb" not in done.stdout
    assert changed(before, furnished) == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_does_not_end_the_taking_back(furnished: Network, number: signal.Signals) -> None:
    before = state(furnished)
    script = f"""
from pytc.transaction.journal import Journal
taken = Journal._remove
def interrupted(*words):
    os.kill(os.getpid(), {int(number)})
    taken(*words)
Journal._remove = interrupted
"""
    done = meddled(furnished, script, CLASS, "chain add dev em1 egress chain 3", FAILING, at=1)
    assert done.returncode in (130, -int(number))
    assert done.stderr.endswith(TAKEN_BACK)
    assert changed(before, furnished) == ""


def test_a_signal_that_is_ignored_stays_so(furnished: Network) -> None:
    script = f"import signal\nsignal.signal(1, signal.SIG_IGN)\nos.kill(os.getpid(), {int(signal.SIGHUP)})"
    ignoring = "import signal; signal.signal(1, signal.SIG_IGN)\n"
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            ignoring + _MEDDLING,
            "1",
            script.splitlines()[-1],
            "-n",
            furnished.name,
            "--atomic",
            "-batch",
            "-",
        ],
        input=f"{CLASS}\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=furnished.env,
        cwd=ROOT,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert " 1:20 " in furnished.tc("class", "show", "dev", "em1").out


def test_a_pipe_that_nobody_reads_takes_all_back(furnished: Network) -> None:
    before = state(furnished)
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [*PYTC, "-n", furnished.name, "--atomic", "-batch", "-"],
            input=f"{CLASS}\nqdisc show dev em1\n",
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
            env=furnished.env,
        )
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (141, TAKEN_BACK)
    assert changed(before, furnished) == ""
