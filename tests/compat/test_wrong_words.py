"""Wrong command lines: tc's exit code, the word at fault named, no traceback, and nothing left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, Compiler, Network, pins

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

OBJ = str(EXAMPLES / "traffic.o")

#: (words, what stderr must name); the exit code is the one of the real tc with the same words.
SAME_AS_TC = [
    ("bogus", "bogus"),
    ("-bogus", "-bogus"),
    ("filter bogus", "bogus"),
    ("filter add dev", "not complete"),
    ("filter add dev em1", "not classful"),
    ("filter add dev em1 ingress", "must be specified"),
    ("filter add dev em1 dev em1", "dev"),
    (f"filter add dev nosuch ingress bpf da obj {OBJ}", 'Cannot find device "nosuch"'),
    ("filter add dev em1 ingress parent 1: bpf", "parent"),
    ("filter add dev em1 ingress egress bpf", "egress"),
    ("filter add dev em1 root root bpf", "root"),
    ("filter add dev em1 parent zz: bpf", "zz:"),
    ("filter add dev em1 parent 1:99999 bpf", "1:99999"),
    ("filter add dev em1 parent : bpf", ":"),
    ("filter add dev em1 ingress pref 99999 bpf", "99999"),
    ("filter add dev em1 ingress pref x bpf", "x"),
    ("filter add dev em1 ingress pref", "not complete"),
    ("filter add dev em1 ingress pref 1 prio 2 bpf", "2"),
    ("filter add dev em1 ingress protocol foo bpf", "foo"),
    ("filter add dev em1 ingress protocol ip protocol ip bpf", "protocol"),
    ("filter add dev em1 ingress chain x bpf", "x"),
    (f"filter add dev em1 ingress handle zz bpf da obj {OBJ}", "handle"),
    ("filter add dev em1 ingress handle 1", "handle"),
    ("filter add dev em1 ingress bpf", "Invalid argument"),
    ("filter add dev em1 ingress bpf foo", "foo"),
    ("filter add dev em1 ingress bpf obj", "not complete"),
    ("filter add dev em1 ingress bpf da obj /nonexistent.o", "/nonexistent.o"),
    ("filter add dev em1 ingress bpf da obj /etc/passwd", "not an ELF file"),
    ("filter add dev em1 ingress bpf da obj /proc/self/root", "not a regular file"),
    (f"filter add dev em1 ingress bpf da obj {OBJ} sec nosuch", "nosuch"),
    (f"filter add dev em1 ingress bpf da obj {OBJ} program nosuch", "nosuch"),
    (f"filter add dev em1 ingress bpf da obj {OBJ} sec", "not complete"),
    (f"filter add dev em1 ingress bpf da obj {OBJ} flowid zz", "zz"),
    (f"filter add dev em1 ingress bpf da obj {OBJ} bogus", "bogus"),
    ("filter add dev em1 ingress bpf bytecode 1,6_0_0", "instruction 0"),
    ("filter add dev em1 ingress bpf bytecode 2,6_0_0_0", "2 instructions"),
    ("filter add dev em1 ingress bpf bytecode x,6_0_0_0", "x"),
    ("filter add dev em1 ingress bpf bytecode-file /nonexistent", "/nonexistent"),
    ("filter add dev em1 ingress bpf da pinned /nonexistent", "/nonexistent"),
    ("filter add dev em1 ingress bpf da pinned m:nonexistent", "m:nonexistent"),
    (f"filter add dev em1 parent 5: bpf da obj {OBJ}", "Parent Qdisc"),
    (f"filter add dev lo ingress bpf da obj {OBJ}", "Parent Qdisc"),
    (f"filter add dev lo bpf da obj {OBJ}", "not classful"),
    (f"filter add dev em1 ingress bpf da obj {OBJ} exp /nonexistent", "/nonexistent"),
    ("filter add dev em1 ingress nosuchkind", "not found"),
    ("filter add dev em1 ingress nosuchkind foo bar", "foo"),
    ("filter del dev em1 ingress pref 77", "Cannot find specified filter chain"),
    ("filter del dev lo ingress", "Parent Qdisc"),
    ("filter change dev em1 ingress pref 9 bpf da obj OBJ".replace("OBJ", OBJ), "must be specified"),
    (f"filter add ingress bpf da obj {OBJ}", "dev NAME"),
    ("filter del ingress", "dev NAME"),
    ("filter get ingress protocol all pref 1 handle 1 bpf", "dev"),
    ("filter get dev em1 ingress", "protocol"),
    ("filter get dev em1 ingress pref 1 protocol all bpf", "handle"),
    ("filter get dev em1 ingress pref 9 protocol all handle 1 bpf", "filter chain"),
    ("filter show dev nosuch", "nosuch"),
    ("filter show dev em1 bogus", "bogus"),
    ("filter show dev em1 ingress egress", "egress"),
    ("filter show dev em1 parent zz", "zz"),
]


@pytest.fixture
def clsact(network: Network) -> Network:
    assert network.tc("qdisc", "add", "dev", "em1", "clsact").status == 0
    return network


def words_of(line: str) -> list[str]:
    return [word.replace("_", " ") if "," in word else word for word in line.split()]


def test_exit_codes_are_those_of_tc(clsact: Network) -> None:
    state, faults = clsact.state(), []
    for line, named in SAME_AS_TC:
        words = words_of(line)
        expected, found = clsact.tc(*words), clsact.pytc(*words)
        right = (found.status == expected.status and named in found.err and "Traceback" not in found.err
                 and not found.out and clsact.state() == state)
        if not right:
            faults.append((line, named, found, expected))
    assert not faults, "\n".join(map(str, faults))


#: Faults for which tc has no equal: what pytc says, and that it exits with 1.
OWN = [
    ("two_programs", "", ['"first"', '"second"', "classifier"]),
    ("two_programs", "sec third", ['"third"', '"first"', '"second"']),
    ("several_in_section", "sec tc program nosuch", ['"nosuch"', '"tc"']),
    ("legacy44_junk", "", ["44 bytes", "map"]),
    ("reject_verifier", "", ["refused by the verifier", "reject_verifier.c:", "data[23]"]),
    ("reject_helper", "", ["GPL"]),
    ("stack_big", "", ["stack"]),
    ("legacy_pin_custom", "", ["pinning 6", "bpf_pinning"]),
]


@pytest.mark.parametrize(("name", "more", "said"), OWN, ids=[f"{o[0]} {o[1]}".strip() for o in OWN])
def test_objects_that_cannot_be_attached(clsact: Network, build: Compiler, bpffs: Path, name: str, more: str,
                                         said: list[str]) -> None:
    state = clsact.state()
    outcome = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", build(name), *more.split())
    assert outcome.status == 1
    for words in said:
        assert words in outcome.err
    assert "Traceback" not in outcome.err
    assert clsact.state() == state
    assert pins(bpffs) == []


def test_a_big_endian_object(clsact: Network, tmp_path: Path) -> None:
    image = bytearray(Path(OBJ).read_bytes())
    image[5] = 2
    (tmp_path / "big.o").write_bytes(image)
    outcome = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", str(tmp_path / "big.o"))
    assert outcome.status == 1
    assert "big-endian" in outcome.err


def test_a_refused_filter_takes_its_pins_back(network: Network, bpffs: Path) -> None:
    """The object loads and pins its map; then there is no clsact."""
    outcome = network.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "obj", str(EXAMPLES / "mark_stats.o"),
                           "sec", "cls")
    assert outcome.status == 2
    assert "clsact" in outcome.err
    assert pins(bpffs) == []


def test_a_pin_that_was_there_survives_a_refused_filter(clsact: Network, bpffs: Path) -> None:
    words = ("bpf", "obj", str(EXAMPLES / "mark_stats.o"), "sec", "cls")
    clsact.ok("filter", "add", "dev", "em1", "ingress", *words)
    before = pins(bpffs)
    assert clsact.pytc("filter", "add", "dev", "em1", "parent", "5:", *words).status == 2
    assert pins(bpffs) == before


def test_without_privileges(clsact: Network) -> None:
    """As nobody: one line that says why, exit code 1, no traceback."""
    import shutil

    setpriv = shutil.which("setpriv")
    assert setpriv, "util-linux is part of every Debian"
    outcome = clsact.execute(setpriv, "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
                             "/bin/sh", "-c", "id -u")
    assert outcome.out.strip() == "65534"
    import sys

    outcome = clsact.execute(setpriv, "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-m", "pytc",
                             "filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", OBJ)
    assert outcome.status == 1
    assert "CAP_BPF" in outcome.err
    assert "Traceback" not in outcome.err
    shown = clsact.execute(setpriv, "--bounding-set=-all", "--inh-caps=-all", sys.executable, "-m", "pytc",
                           "filter", "del", "dev", "em1", "ingress")
    assert shown.status == 2
    assert "CAP_NET_ADMIN" in shown.err
