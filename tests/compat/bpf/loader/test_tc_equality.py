"""tc and pytc load a filter's object to the same program: tc's own libbpf is the witness.

On the loopback device of a namespace, where no packet comes by.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytc.bpf import Map, PinRoot, Program, ProgramType, load, read_object
from tests.compat.bpf.expectations import COMPARED, COMPARED_WITHOUT_DEBUG, NOT_BY_TC
from tests.compat.bpf.loaders import DEBUG, LINKED, PLAIN, STRIPPED, Sources, differences, ours
from tests.compat.kernel_view import view
from tests.network import Network

pytestmark = [pytest.mark.compat, pytest.mark.kernel]

BY_TC = [name for name in (*COMPARED, "other_types") if name not in NOT_BY_TC]
#: Some that have most of what a linker or a missing section could break.
IN_EVERY_FORM = ("cpu_v4", "global_func", "modern_globals", "modern_subprogs", "weak_func")
WITH_CPU_V4 = ("callback_loop", "core_signed", "cpu_v4", "cpu_v4_far", "kfunc", "modern_globals", "modern_maps")


def attach(network: Network, path: str, section: str) -> Program:
    """The program of the filter that tc adds."""
    outcome = network.tc("filter", "add", "dev", "lo", "ingress", "bpf", "da", "obj", path, "sec", section)
    assert outcome.status == 0, outcome.err
    shown = json.loads(network.tc("filter", "show", "dev", "lo", "ingress", options=("-j",)).out)
    numbers = [entry["options"]["prog"]["id"] for entry in shown if "prog" in entry.get("options", {})]
    return Program.from_id(numbers[0])


def compare(network: Network, mount: Path, path: str) -> None:
    """The first program of every section that a filter may have."""
    network.tc("qdisc", "add", "dev", "lo", "clsact")
    sections = dict.fromkeys(
        p.section for p in read_object(path).programs if p.type in (ProgramType.UNSPEC, ProgramType.SCHED_CLS)
    )
    for section in sections:
        first = read_object(path).programs_in(section)[0].name
        with attach(network, path, section) as theirs:
            assert not differences(ours(path, first, mount), view(theirs))
        network.tc("filter", "del", "dev", "lo", "ingress")


class TestPrograms:
    @pytest.mark.parametrize("name", BY_TC)
    def test_are_the_same(self, sources: Sources, network: Network, bpffs: Path, name: str) -> None:
        compare(network, bpffs, sources(name))

    @pytest.mark.parametrize("form", [PLAIN, STRIPPED, LINKED])
    @pytest.mark.parametrize("name", IN_EVERY_FORM)
    def test_are_the_same_in_every_form(
        self, sources: Sources, network: Network, bpffs: Path, name: str, form: str
    ) -> None:
        assert form != PLAIN or name in COMPARED_WITHOUT_DEBUG
        compare(network, bpffs, sources(name, form=form))

    @pytest.mark.parametrize("form", [DEBUG, LINKED])
    @pytest.mark.parametrize("name", WITH_CPU_V4)
    def test_are_the_same_with_instructions_of_cpu_v4(
        self, sources: Sources, network: Network, bpffs: Path, compilers: list[str], name: str, form: str
    ) -> None:
        if "clang-19" not in compilers:
            pytest.skip("clang-19 is not installed")
        compare(network, bpffs, sources(name, clang="clang-19", cpu="v4", form=form))

    @pytest.mark.parametrize("name", [*NOT_BY_TC])
    def test_that_tc_does_not_load_are_on_the_list(self, sources: Sources, network: Network, name: str) -> None:
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        outcome = network.tc(
            "filter", "add", "dev", "lo", "ingress", "bpf", "da", "obj", sources(name), "sec", "classifier"
        )
        assert outcome.status != 0


class TestPins:
    def test_by_name_are_shared(self, sources: Sources, network: Network, bpffs: Path) -> None:
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        path = sources("modern_maps")
        attach(network, path, "classifier").close()
        with Map.from_pin(str(bpffs / "tc/globals/pinned_by_name")) as theirs:
            number = theirs.description.id
        spec = read_object(path)
        with load(spec, spec.programs[0], pins=PinRoot(str(bpffs))) as loaded:
            assert loaded.maps["pinned_by_name"].description.id == number

    def test_of_pytc_are_taken_over(self, sources: Sources, network: Network, bpffs: Path) -> None:
        path = sources("modern_maps")
        spec = read_object(path)
        with load(spec, spec.programs[0], pins=PinRoot(str(bpffs))) as loaded:
            number = loaded.maps["pinned_by_name"].description.id
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        attach(network, path, "classifier").close()
        with Map.from_pin(str(bpffs / "tc/globals/pinned_by_name")) as found:
            assert found.description.id == number
