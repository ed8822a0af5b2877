"""``pytc prog load``, and programs that are attached by their ids and names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pytc.bpf import Program
from tests.conftest import EXAMPLES, Compiler, is_loaded, pins
from tests.elf_writer import RETURN_0, call, code, elf, function, insn, license, mov
from tests.network import Network
from tests.waiting import until

pytestmark = pytest.mark.kernel

TRAFFIC, FIREWALL, IW = (str(EXAMPLES / name) for name in ("traffic.o", "firewall.o", "sockops/iw.o"))
_COPY_FROM_USER = 148  # which only programs that may sleep call
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


def in_section(directory: Path, section: str, *body: bytes) -> str:
    """Write an object with a program in a section."""
    path = directory / "object.o"
    path.write_bytes(elf(code(section, *body, RETURN_0), license(), symbols=[function("entry", section)]))
    return str(path)


@pytest.mark.needs("kernel:6.0")  # which brought the second
@pytest.mark.parametrize("section", ["syscall", "uprobe.s//bin/true:main"])
def test_programs_that_may_sleep(network: Network, tmp_path: Path, section: str) -> None:
    to_stack = (insn(0xBF, 1, 10), insn(0x07, 1, immediate=-8), mov(2, 8), mov(3, 0))
    path = in_section(tmp_path, section, *to_stack, call(_COPY_FROM_USER, source=0))
    assert loaded(network, path)["type"] == section.partition("/")[0].replace("uprobe.s", "kprobe")


@pytest.mark.parametrize(
    ("section", "type", "what"),
    [
        ("tp_btf/sched_switch", "tracing", "the function, tracepoint or iterator that they are for (attach_btf_id)"),
        ("lsm.s/file_open", "lsm", "the hook that they are for (attach_btf_id)"),
        ("freplace/f", "ext", "the function of a loaded program that they replace (attach_prog_fd and attach_btf_id)"),
        ("struct_ops/f", "struct_ops", "the structure and the member that they implement (attach_btf_id)"),
    ],
)
def test_what_needs_a_target_in_the_kernel_is_refused(
    network: Network, tmp_path: Path, section: str, type: str, what: str
) -> None:
    outcome = network.pytc("prog", "load", in_section(tmp_path, section))
    assert (outcome.status, outcome.out) == (1, "")
    assert outcome.err == (
        f'program "entry" in section "{section}" is of type {type}: pytc does not load such programs, as the kernel '
        f"has to be told {what}\n"
    )


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
