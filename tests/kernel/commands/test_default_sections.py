"""The program that is attached where no section is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.elf_writer import RETURN_0, code, elf, function
from tests.network import Network

pytestmark = pytest.mark.kernel


def object_with(path: Path, *sections: str) -> str:
    """Write an object with a program in each section, called like it."""
    names = {section: section.replace("/", "_") for section in sections}
    symbols = [function(name, section) for section, name in names.items()]
    path.write_bytes(elf(*(code(section, RETURN_0) for section in sections), symbols=symbols))
    return str(path)


ALL = ("other", "tc", "tc/egress", "tc/ingress", "tcx/egress", "tcx/ingress", "classifier")


@pytest.mark.parametrize(
    ("sections", "ingress", "egress"),
    [
        (ALL, "classifier", "classifier"),
        (ALL[:-1], "tc/ingress", "tc/egress"),
        (("xdp", "other", "tc"), "tc", "tc"),
        (("xdp", "other", "tc", "tc/egress"), "tc", "tc/egress"),
        (("xdp", "tc/custom"), "tc/custom", "tc/custom"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_of_filters(clsact: Network, tmp_path: Path, sections: tuple[str, ...], ingress: str, egress: str) -> None:
    path = object_with(tmp_path / "x.o", *sections)
    for hook, section in (("ingress", ingress), ("egress", egress)):
        clsact.ok("filter", "add", "dev", "em1", hook, "bpf", "da", "obj", path)
        assert f"x.o:[{section}] direct-action" in clsact.ok("filter", "show", "dev", "em1", hook)


@pytest.mark.needs("tcx")
@pytest.mark.parametrize(
    ("sections", "ingress", "egress"),
    [
        (ALL, "tcx_ingress", "tcx_egress"),
        ((*ALL[:4], "classifier"), "classifier", "classifier"),
        (ALL[:4], "tc_ingress", "tc_egress"),
        (("xdp", "other", "tc"), "tc", "tc"),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_of_tcx(network: Network, tmp_path: Path, sections: tuple[str, ...], ingress: str, egress: str) -> None:
    path = object_with(tmp_path / "x.o", *sections)
    for hook, name in (("ingress", ingress), ("egress", egress)):
        network.ok("tcx", "attach", "dev", "em1", hook, "obj", path)
        assert f" name {name} " in network.ok("tcx", "show", "dev", "em1", hook)


def test_several_for_tc_are_too_many(clsact: Network, tmp_path: Path) -> None:
    path = object_with(tmp_path / "x.o", "tc/one", "tc/two")
    outcome = clsact.pytc("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", path)
    assert outcome.status == 1
    assert '"tc/one" (program tc_one), "tc/two" (program tc_two)' in outcome.err
