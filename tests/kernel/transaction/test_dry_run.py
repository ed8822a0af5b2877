"""``--dry-run`` beside what then happens, and for a user without any rights."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Compiler, pins
from tests.needs import missing
from tests.network import Network
from tests.processes import ROOT, cannot, must, pytc, run

pytestmark = pytest.mark.kernel

FIREWALL = "examples/bpf/firewall.o"
DRY = ("--dry-run",)


def steps(network: Network, *words: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(network.ok(*words, options=(*DRY, "-j", *options)))
    return found


def fates(step: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["pin"] for one in step["maps"] if "pin" in one}


def state(network: Network) -> tuple[object, ...]:
    """Return all that a command can change."""
    tcx = "" if missing(("tcx",)) else network.ok("tcx", "show", "dev", "em1")
    return network.state(), tcx, pins(Path(network.env["TC_BPF_MNT"]))


@pytest.mark.parametrize(
    "words",
    [
        ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", FIREWALL),
        ("filter", "del", "dev", "em1", "ingress"),
        ("qdisc", "del", "dev", "em1", "clsact"),
        ("qdisc", "add", "dev", "em1", "root", "handle", "1:", "htb"),
        ("chain", "add", "dev", "em1", "ingress", "chain", "5"),
        ("actions", "add", "action", "mirred", "egress", "redirect", "dev", "em1", "index", "77"),
        ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "expression", "tcp port 80"),
        pytest.param(("tcx", "attach", "dev", "em1", "ingress", "obj", FIREWALL), marks=pytest.mark.needs("tcx")),
        pytest.param(("tcx", "detach", "dev", "em1", "ingress", "all"), marks=pytest.mark.needs("tcx")),
    ],
    ids=" ".join,
)
def test_changes_nothing(clsact: Network, words: tuple[str, ...]) -> None:
    clsact.ok("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode", "1,6 0 0 0", "flowid", "1:1")
    before = state(clsact)
    found = steps(clsact, *words)
    assert found
    assert state(clsact) == before


def test_what_becomes_of_pins(clsact: Network) -> None:
    add = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", FIREWALL)
    load, _ = steps(clsact, *add)
    assert set(fates(load).values()) == {"created"}
    assert load["maps"][0]["pinned"] == f"{clsact.env['TC_BPF_MNT']}/tc/globals/settings"
    clsact.ok(*add)
    load, _ = steps(clsact, *add)
    assert set(fates(load).values()) == {"reused"}
    done = clsact.pytc(*add, "map", "verdicts", "max_entries", "7", options=DRY)
    assert (done.status, done.out) == (1, "")
    assert "max entries is 1024, the object wants 7" in done.err


def test_later_lines_of_a_batch_find_the_pins_of_earlier_ones(clsact: Network, tmp_path: Path) -> None:
    batch, line = tmp_path / "batch", f"filter add dev em1 ingress bpf da obj {ROOT / FIREWALL}"
    batch.write_text(f"{line}\n{line}\n")
    done = clsact.ok("-b", str(batch), options=(*DRY, "-j"))
    assert [set(fates(json.loads(text)[0]).values()) for text in done.splitlines()] == [{"created"}, {"reused"}]
    batch.write_text(f"{line}\n{line} map verdicts max_entries 7\n")
    assert clsact.pytc("-b", str(batch), options=DRY).status == 1


def test_program_arrays_are_replaced_and_targets_loaded(clsact: Network, build: Compiler) -> None:
    add = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build("legacy_tail"))
    load, _ = steps(clsact, *add)
    assert "created" in fates(load).values() or not fates(load)
    slots = {one.get("slot") for one in load["programs"]}
    assert len(load["programs"]) > 1
    assert None in slots
    assert len(slots) > 1
    clsact.ok(*add)
    load, _ = steps(clsact, *add)
    assert set(fates(load).values()) <= {"replaced"}


def test_maps_and_programs_are_those_that_are_then_there(clsact: Network) -> None:
    add = ("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", "examples/bpf/traffic.o")
    load, _ = steps(clsact, *add)
    clsact.ok(*add)
    [shown] = [one for one in clsact.json("filter", "show", "dev", "em1", "ingress") if "options" in one]
    number = str(shown["options"]["prog"]["id"])
    program = json.loads(run("bpftool", "-j", "prog", "show", "id", number).out)
    assert program["name"] == load["programs"][0]["name"][:15]
    made = [json.loads(run("bpftool", "-j", "map", "show", "id", str(one)).out) for one in program["map_ids"]]
    keys = ("type", "bytes_key", "bytes_value", "max_entries")
    planned = {(one["type"], one["key_size"], one["value_size"], one["max_entries"]) for one in load["maps"]}
    assert {tuple(one[key] for key in keys) for one in made} <= planned


@pytest.mark.parametrize(
    ("words", "note"),
    [
        ("object-pinned m:none", 'there is no program pinned at "m:none" here'),
        ("id 4294967295", "there is no program loaded with id 4294967295 here"),
        (
            f"obj {FIREWALL} map verdicts pinned /sys/fs/bpf/none/x",
            'nothing is pinned at "/sys/fs/bpf/none/x" here, which map "verdicts" is to be',
        ),
    ],
)
def test_what_is_looked_for_and_missing_is_said_to_be_missing(clsact: Network, words: str, note: str) -> None:
    done = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", *words.split(), options=DRY)
    assert (done.status, done.err) == (0, f"Note: {note}\n")


def test_create_clsact_comes_first(network: Network) -> None:
    words = ("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode", "1,6 0 0 0", "flowid", "1:1")
    found = [step["message"] for step in steps(network, *words, options=("--create-clsact",))]
    assert found == ["RTM_NEWQDISC", "RTM_NEWTFILTER"]
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    found = [step["message"] for step in steps(network, *words, options=("--create-clsact",))]
    assert found == ["RTM_NEWTFILTER"]


def test_cgroups(root: None, build: Compiler) -> None:
    done = pytc(
        "--dry-run",
        "-j",
        "cgroup",
        "attach",
        "/nosuch",
        "obj",
        build("run_types"),
        "section",
        "cgroup_skb/ingress",
    )
    load, attach = json.loads(done.out)
    assert (load["step"], attach["step"], attach["cgroup"], attach["type"]) == (
        "load",
        "attach",
        "/nosuch",
        "ingress",
    ), "what there is of a cgroup is not looked at"


@pytest.fixture
def installed(root: None) -> Iterator[Path]:
    """pytc, what it needs, an object and a batch, in a directory that everybody may read."""
    directory = Path(tempfile.mkdtemp(prefix="pytc-"))
    try:
        shutil.copytree(ROOT / "src" / "pytc", directory / "pytc", ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("elftools", "pyroute2"):
            spec = importlib.util.find_spec(name)
            assert spec is not None
            assert spec.submodule_search_locations
            shutil.copytree(spec.submodule_search_locations[0], directory / name)
        shutil.copy(ROOT / FIREWALL, directory / "firewall.o")
        (directory / "batch").write_text(
            "qdisc add dev em9 clsact\nfilter add dev em9 ingress bpf da obj firewall.o\n"
            "tcx attach dev em9 egress obj firewall.o\nqdisc del dev em9 clsact\n"
        )
        must("chmod", "-R", "a+rX", str(directory))
        yield directory
    finally:
        shutil.rmtree(directory)


def test_for_nobody(installed: Path) -> None:
    """A user without rights, in no namespace of tests: without such a device, and with no bpffs to look into."""
    if shutil.which("setpriv") is None:
        cannot("setpriv is not installed")
    nobody = (
        "setpriv",
        "--reuid=nobody",
        "--regid=nogroup",
        "--clear-groups",
        "env",
        f"PYTHONPATH={installed}",
        f"TC_BPF_MNT={installed}",
    )
    python = next(
        (
            path
            for path in (sys.executable, "/usr/bin/python3")
            if run(*nobody, path, "-c", "import sys; sys.exit(sys.version_info < (3, 10))").status == 0
        ),
        "",
    )
    if not python:
        cannot("nobody may not run a Python")
    done = run(*nobody, python, "-m", "pytc", "--dry-run", "-b", "batch", cwd=installed)
    assert done.status == 0, done.err
    assert done.out.count("send RTM_") == 3
    assert done.out.count("load ") == 2
    assert "program firewall: section classifier, type sched_cls, 76 instructions" in done.out
    assert 'no device "em9"' in done.err
    assert run(
        *nobody,
        python,
        "-m",
        "pytc",
        "filter",
        "add",
        "dev",
        "lo",
        "ingress",
        "bpf",
        "da",
        "obj",
        "firewall.o",
        cwd=installed,
    ).status in (1, 2), "it has no rights indeed"
