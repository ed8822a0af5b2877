"""``--atomic`` when answers of the kernel are lost, or descriptors and memory run out."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

import pytest

from pytc.netlink import constants as c
from tests.faults import Fault, trace
from tests.kernel.transaction.atomic_state import FAILING, TAKEN_BACK, changed, furnish, state
from tests.network import Network
from tests.processes import PYTC, Outcome, run

pytestmark = [pytest.mark.kernel, pytest.mark.timeout(600)]

FIREWALL = "bpf da obj examples/bpf/firewall.o"
LINES = (
    "qdisc add dev lo clsact",
    f"filter add dev lo ingress pref 1 handle 1 {FIREWALL}",
    "filter add dev em1 egress pref 5 handle 1 bpf bytecode '1,6 0 0 0'",
    f"filter add dev em1 egress {FIREWALL}",
    f"filter replace dev em1 ingress pref 10 handle 2 {FIREWALL}",
    "filter del dev em1 ingress pref 20",
    "class change dev em1 parent 1:1 classid 1:10 htb rate 1mbit",
    "class add dev em1 parent 1: classid 1:20 htb rate 1mbit",
    "chain add dev em1 egress chain 3",
    FAILING,
)


@pytest.fixture
def furnished(network: Network) -> Network:
    furnish(network)
    return network


def _batch(path: Path, *lines: str) -> str:
    path.write_text("".join(f"{line}\n" for line in lines))
    return str(path)


@pytest.mark.parametrize("what", ["ENOBUFS", "ENOMEM", "EAGAIN"])
@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.slow)])
def test_what_is_said_of_lost_answers_is_true(furnished: Network, tmp_path: Path, what: str, every: int) -> None:
    words = ["-n", furnished.name, "--atomic", "-b", _batch(tmp_path / "batch", *LINES)]
    before = state(furnished)
    answers = [call for call in trace(words, furnished.env).calls if call.name == "recvfrom"]
    assert len(answers) > 50
    for call in answers[::every]:
        fault = Fault(call, f"error={what}")
        outcome = trace(words, furnished.env, fault).outcome
        assert outcome.status == 1, (fault, outcome)
        assert outcome.err.endswith((TAKEN_BACK, "Note: nothing has been done\n")), (fault, outcome.err)
        assert changed(before, furnished) == "", fault


def test_what_cannot_be_known_is_said_to_be_unknown(furnished: Network, tmp_path: Path) -> None:
    """From some answer on, all are lost: the filter stays, its pins, too, and nobody claims anything."""
    words = ["-n", furnished.name, "--atomic", "-b", _batch(tmp_path / "batch", *LINES[:2], FAILING)]
    calls = trace(words, furnished.env).calls
    added = next(
        i for i, call in enumerate(calls) if call.name == "sendto" and f"={c.NEWTFILTER:#x} " in call.arguments
    )
    answer = next(call for call in calls[added:] if call.name == "recvfrom")
    outcome = trace(words, furnished.env, Fault(answer, "error=EPERM", lasts=True)).outcome
    assert outcome.status == 1
    assert "Error: not known whether filter dev lo parent ingress" in outcome.err
    assert "Error: not known whether qdisc dev lo" in outcome.err
    assert 'globals/verdicts" stays: what uses its map is not taken back' in outcome.err
    assert "others have added" not in outcome.err
    assert TAKEN_BACK not in outcome.err
    assert Path(furnished.env["TC_BPF_MNT"], "tc/globals/verdicts").exists()


def _limited(network: Network, limit: str, *words: str) -> Outcome:
    return run("prlimit", limit, *PYTC, "-n", network.name, *words, env=network.env)


def test_without_descriptors_all_is_taken_back(furnished: Network, tmp_path: Path) -> None:
    path = _batch(tmp_path / "batch", *LINES[:6], f"filter add dev em1 egress {FIREWALL}", FAILING)
    before = state(furnished)
    ends = set()
    for limit in range(6, 40, 2):
        done = _limited(furnished, f"--nofile={limit}:{limit}", "--atomic", "-b", path)
        assert done.status == 1
        assert "Traceback" not in done.err
        assert "Error: not" not in done.err
        assert changed(before, furnished) == "", (limit, done.err)
        ends.add(done.err.splitlines()[-1])
    assert ends >= {TAKEN_BACK.strip()}


def test_thousands_of_objects_are_replaced(network: Network, tmp_path: Path) -> None:
    """Each is held by a descriptor: the limit that is only the usual one is raised."""
    most = min(5000, resource.getrlimit(resource.RLIMIT_NOFILE)[1] - 200)
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    filters = [f"dev em1 ingress pref {number} handle 1 bpf" for number in range(1, most + 1)]
    add = _batch(tmp_path / "add", *(f"filter add {filter} da obj examples/bpf/traffic.o" for filter in filters))
    network.ok("-b", add)
    before = network.tc("filter", "show", "dev", "em1", "ingress").out
    replaced = (f"filter replace {filter} bytecode '1,6 0 0 0'" for filter in filters)
    words = ("--atomic", "-b", _batch(tmp_path / "replace", *replaced, FAILING))
    done = _limited(network, "--nofile=256:", *words)
    assert (done.status, done.err.splitlines()[-1:]) == (1, [TAKEN_BACK.strip()])
    assert network.tc("filter", "show", "dev", "em1", "ingress").out == before


def test_a_session_that_cannot_be_set_up_is_an_error(furnished: Network, tmp_path: Path) -> None:
    words = ["-n", furnished.name, "--atomic", "-b", _batch(tmp_path / "batch", *LINES)]
    calls = [call for call in trace(words, furnished.env).calls if call.name in ("socket", "bind", "setsockopt")]
    before = state(furnished)
    for call in calls:
        outcome = trace(words, furnished.env, Fault(call, "error=EPERM")).outcome
        assert "Traceback" not in outcome.err, call
        assert changed(before, furnished) == "", call


def test_an_error_of_any_kind_does_not_end_the_undoing() -> None:
    script = """
import pytc.transaction.journal as module
journal = module.Journal()
done = []
def fails(error):
    def undo():
        done.append(error)
        raise error
    return undo
def broken():
    raise MemoryError
module._PAUSE_SECONDS = 0
errors = OSError(24, "x"), AttributeError("y")
journal._steps = [module.Step(lambda: "this stays", lambda: done.append("first"))]
journal._steps += [module.Step(lambda error=error: f"{error!r} stays", fails(error)) for error in errors]
journal._steps.append(module.Step(broken, fails(MemoryError())))
print(journal.undo())
assert done.count("first") == 1, done
"""
    done = run(sys.executable, "-c", script, env={"PYTHONPATH": "src"})
    assert done.err == ""
    assert eval(done.out) == [
        "not taken back: a change stays (MemoryError): MemoryError",
        "not taken back: AttributeError('y') stays: y",
        "not taken back: OSError(24, 'x') stays: [Errno 24] x",
    ]
