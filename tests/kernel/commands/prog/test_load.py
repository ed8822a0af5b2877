"""``pytc prog load``, and programs that are attached by their ids and names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytc.bpf import Program
from tests.conftest import EXAMPLES, Compiler, is_loaded, pins
from tests.network import Network
from tests.waiting import until

pytestmark = pytest.mark.kernel

TRAFFIC, FIREWALL, IW = (str(EXAMPLES / name) for name in ("traffic.o", "firewall.o", "sockops/iw.o"))
IN = ("dev", "em1", "ingress")


def loaded(network: Network, *words: str) -> dict[str, object]:
    """Return what a load says of the program."""
    [program] = network.json("prog", "load", *words)
    return dict(program)


def attached(network: Network) -> list[int]:
    shown = network.json("filter", "show", *IN)
    return [one["options"]["prog"]["id"] for one in shown if "options" in one]


def test_a_program_is_loaded_now_and_attached_later(network: Network) -> None:
    mount = Path(network.env["TC_BPF_MNT"])
    program = loaded(network, TRAFFIC, "pin", "m:programs/count")
    assert program["pinned"] == str(mount / "tc/programs/count") and program["type"] == "sched_cls"
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    number, name = str(program["id"]), str(program["name"])
    network.ok("filter", "add", *IN, "pref", "1", "bpf", "da", "pinned", "m:programs/count")
    network.ok("filter", "add", *IN, "pref", "2", "bpf", "da", "id", number)
    assert attached(network) == [program["id"]] * 2
    assert f"{name}:[*loaded]" in network.tc("filter", "show", *IN).out
    assert network.ping(peer=True)


@pytest.mark.needs("tcx")
def test_a_loaded_program_is_attached_to_tcx(network: Network) -> None:
    program = loaded(network, TRAFFIC, "pin", "m:programs/count")
    network.ok("tcx", "attach", *IN, "id", str(program["id"]))
    [tcx] = (one for one in network.json("tcx", "show", *IN) if one.get("kind") == "tcx")
    assert tcx["prog"]["id"] == program["id"]
    assert network.ping(peer=True)


def test_without_a_path_its_name_is_that_of_the_pin(network: Network) -> None:
    program = loaded(network, TRAFFIC)
    assert f"tc/{program['name']}" in pins(Path(network.env["TC_BPF_MNT"]))


def test_maps_and_variables_are_those_of_the_words(network: Network, build: Compiler) -> None:
    verdicts = build("attached/verdicts")
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    program = loaded(network, verdicts, "section", "tc/strict", "set", "is_strict=1", "pin", "m:strict")
    network.ok("filter", "add", *IN, "bpf", "da", "pinned", "m:strict")
    assert attached(network) == [program["id"]]
    assert not network.ping(peer=True)


def test_a_program_is_attached_by_its_name(network: Network, build: Compiler) -> None:
    program = loaded(network, build("attached/verdicts"), "section", "tc/stolen", "pin", "m:one")
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    outcome = network.pytc("filter", "add", *IN, "bpf", "da", "name", str(program["name"]))
    if outcome.status:  # on this machine, another program has the name, too
        assert "choose one with id" in outcome.err
    else:
        assert attached(network) == [program["id"]]
    missing = network.pytc("filter", "add", *IN, "bpf", "da", "name", "pytc_nosuch")
    assert missing.status and 'there is no program with the name "pytc_nosuch"' in missing.err


def test_a_program_of_another_type_is_refused(network: Network) -> None:
    program = loaded(network, IW, "pin", "m:iw")
    assert program["type"] == "sock_ops"
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    outcome = network.pytc("filter", "add", *IN, "bpf", "da", "id", str(program["id"]))
    assert outcome.status == 1
    assert f"the program with id {program['id']} is a program of type sock_ops; sched_cls is needed here" in outcome.err
    assert attached(network) == []


def test_a_file_of_that_name_is_a_file(network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To tc, a word that names no mode is an object file."""
    shutil.copy(TRAFFIC, tmp_path / "id")
    monkeypatch.chdir(tmp_path)
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    network.ok("filter", "add", *IN, "bpf", "da", "id")
    assert "id:[classifier]" in network.tc("filter", "show", *IN).out


@pytest.mark.parametrize("path", ["m:a.b", "/tmp/pytc-no-bpffs/x", "m:../../x"])
def test_a_failure_leaves_nothing_behind(network: Network, path: str) -> None:
    outcome = network.pytc("prog", "load", FIREWALL, "pin", path)
    assert (outcome.status and "cannot pin it" in outcome.err) or "leads out of" in outcome.err
    assert pins(Path(network.env["TC_BPF_MNT"])) == []


def test_an_existing_pin_stays(network: Network) -> None:
    first = loaded(network, TRAFFIC, "pin", "m:one")
    outcome = network.pytc("prog", "load", FIREWALL, "pin", "m:one")
    assert outcome.status and "exists" in outcome.err
    assert [path for path in pins(Path(network.env["TC_BPF_MNT"])) if "/" in path] == ["tc/one"]
    with Program.from_pin(str(first["pinned"])) as program:
        assert program.description.id == first["id"]


def test_an_unpinned_program_is_gone(network: Network) -> None:
    program = loaded(network, TRAFFIC, "pin", "m:one")
    network.ok("prog", "unpin", "m:one")
    until(lambda: not is_loaded(int(str(program["id"]))), "the kernel releases it")
