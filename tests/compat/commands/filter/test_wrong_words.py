"""Objects that cannot be attached, and rights that are missing: exit code, what is at fault named, nothing left behind.
Wrong words are in tests/compat/lines."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import EXAMPLES, Compiler, pins
from tests.network import Network
from tests.processes import PYTC

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

OBJ = str(EXAMPLES / "traffic.o")


#: Faults for which tc has no equal: what pytc says, and that it exits with 1.
OWN = [
    ("two_programs", "", ['"first"', '"second"', "classifier"]),
    ("two_programs", "sec third", ['"third"', '"first"', '"second"']),
    ("several_in_section", "sec tc program nosuch", ['"nosuch"', '"tc"']),
    ("legacy44_junk", "", ["much_later", "map"]),
    ("reject_verifier", "", ["refused by the verifier", "reject_verifier.c:", "data[23]"]),
    ("reject_helper", "", ["GPL"]),
    ("stack_big", "", ["stack"]),
    ("legacy_pin_custom", "", ["pinning 6", "bpf_pinning"]),
]


@pytest.mark.parametrize(("name", "more", "said"), OWN, ids=[f"{o[0]} {o[1]}".strip() for o in OWN])
def test_objects_that_cannot_be_attached(
    clsact: Network, build: Compiler, bpffs: Path, name: str, more: str, said: list[str]
) -> None:
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
    outcome = network.pytc(
        "filter", "add", "dev", "em1", "ingress", "bpf", "obj", str(EXAMPLES / "mark_stats.o"), "sec", "cls"
    )
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
    """For the user nobody there is one line that says why, exit code 1, and no traceback."""
    import shutil

    setpriv = shutil.which("setpriv")
    assert setpriv, "util-linux is part of every Debian"
    outcome = clsact.execute(
        setpriv, "--reuid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", "/bin/sh", "-c", "id -u"
    )
    assert outcome.out.strip() == "65534"

    outcome = clsact.execute(
        setpriv,
        "--bounding-set=-all",
        "--inh-caps=-all",
        *PYTC,
        "filter",
        "add",
        "dev",
        "em1",
        "ingress",
        "bpf",
        "da",
        "obj",
        OBJ,
    )
    assert outcome.status == 1
    assert "CAP_BPF" in outcome.err
    assert "Traceback" not in outcome.err
    shown = clsact.execute(
        setpriv,
        "--bounding-set=-all",
        "--inh-caps=-all",
        *PYTC,
        "filter",
        "del",
        "dev",
        "em1",
        "ingress",
    )
    assert shown.status == 2
    assert "CAP_NET_ADMIN" in shown.err
