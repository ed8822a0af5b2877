"""Legacy objects against the same source declared with ``.maps``: no installed tool loads the former, all the latter.

An id has no equal in ``.maps``; it shows in what it is for: slots, templates, and the names of exported maps.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.bpf import Map, read_object
from pytc.bpf.object.spec import LEGACY as LEGACY_ORIGIN
from tests.compat.bpf.expectations import LEGACY
from tests.compat.bpf.loaders import (
    LINKED,
    PLAIN,
    STRIPPED,
    TWIN,
    Bpftool,
    Sources,
    comparable,
    differences,
    loaded,
    without_types,
)
from tests.compat.kernel_view import MapView, map_view, view
from tests.network import Network
from tests.tiers import sample

pytestmark = [pytest.mark.compat, pytest.mark.kernel]

#: Their layouts, slots, templates and relocations are made by every compiler for every CPU.
IN_EVERY_FORM = (
    "legacy16",
    "legacy20",
    "legacy24",
    "legacy28",
    "legacy36",
    "legacy_hash_of_maps",
    "legacy_inner",
    "legacy_static",
    "legacy_tail",
    "legacy_tail_chain",
    "legacy_tail_hex",
)
COMPILERS = [("clang", "v1"), ("clang", "v3"), ("clang-16", "v2"), ("clang-19", "v3"), ("clang-19", "v4")]
#: Without -g there are no types of the two that BTF annotates or needs.
NEED_DEBUG = ("btf_annotate", "mixed")


def untyped(found: MapView) -> MapView:
    contents = tuple((key, untyped(value) if isinstance(value, MapView) else value) for key, value in found.contents)
    return found._replace(has_types=False, contents=contents)


def compare(legacy: str, modern: str, bpftool: Bpftool, mount: Path) -> None:
    """All programs, and all maps whether a program uses them or not. A legacy object without -g has no types."""
    with bpftool.loaded(modern) as theirs:
        for program in read_object(legacy).programs:
            with loaded(legacy, program.name, mount) as done:
                mine = view(done.program)
                maps = {untyped(map_view(found)) for found in done.maps.values()}
            expected = without_types(theirs.programs[program.name], mine)._replace(has_types=mine.has_types)
            assert not differences(mine, expected)
            if theirs.maps:
                assert comparable(maps, mine) == comparable({untyped(found) for found in theirs.maps}, mine)


class TestObjects:
    @pytest.mark.parametrize("name", LEGACY)
    def test_load_as_their_modern_twins(self, sources: Sources, bpftool: Bpftool, bpffs: Path, name: str) -> None:
        compare(sources(name), sources(name, form=TWIN), bpftool, bpffs)

    @pytest.mark.parametrize(
        ("name", "form"),
        sample(
            (name, form)
            for name in LEGACY
            for form in (PLAIN, STRIPPED, LINKED)
            if form != PLAIN or name not in NEED_DEBUG
        ),
    )
    def test_load_as_their_modern_twins_in_every_form(
        self, sources: Sources, bpftool: Bpftool, bpffs: Path, tmp_path: Path, name: str, form: str
    ) -> None:
        compare(sources(name, form=form), sources(name, form=TWIN), bpftool, bpffs)

    @pytest.mark.parametrize(
        ("name", "clang", "cpu"), sample((name, *compiler) for name in IN_EVERY_FORM for compiler in COMPILERS)
    )
    def test_load_as_their_modern_twins_by_every_compiler(
        self,
        sources: Sources,
        bpftool: Bpftool,
        bpffs: Path,
        tmp_path: Path,
        compilers: list[str],
        name: str,
        clang: str,
        cpu: str,
    ) -> None:
        if clang not in compilers:
            pytest.skip(f"{clang} is not installed")
        compare(sources(name, clang=clang, cpu=cpu), sources(name, clang=clang, cpu=cpu, form=TWIN), bpftool, bpffs)

    def test_are_legacy_and_their_twins_are_not(self, sources: Sources) -> None:
        """Otherwise the comparison says nothing."""
        for name in LEGACY:
            assert any(m.origin == LEGACY_ORIGIN for m in read_object(sources(name)).maps.values())
            assert all(m.origin != LEGACY_ORIGIN for m in read_object(sources(name, form=TWIN)).maps.values())


class TestGlobalPins:
    """PIN_GLOBAL_NS is what tc makes of libbpf's pinning by name: the two find each other's maps."""

    def used_by_tc(self, network: Network, path: str) -> int:
        network.tc("qdisc", "add", "dev", "lo", "clsact")
        outcome = network.tc("filter", "add", "dev", "lo", "ingress", "bpf", "da", "obj", path)
        assert outcome.status == 0, outcome.err
        with Map.from_pin(str(Path(network.env["TC_BPF_MNT"]) / "tc/globals/pinned_global")) as found:
            return found.description.id

    def test_of_tc_are_taken_over(self, sources: Sources, network: Network, bpffs: Path) -> None:
        number = self.used_by_tc(network, sources("legacy_pin_global", form=TWIN))
        with loaded(sources("legacy_pin_global"), "cls_main", bpffs) as done:
            assert done.maps["pinned_global"].description.id == number

    def test_of_pytc_are_taken_over(self, sources: Sources, network: Network, bpffs: Path) -> None:
        with loaded(sources("legacy_pin_global"), "cls_main", bpffs) as done:
            number = done.maps["pinned_global"].description.id
        assert self.used_by_tc(network, sources("legacy_pin_global", form=TWIN)) == number


def test_programs_have_names_and_tags(sources: Sources, bpffs: Path) -> None:
    """Two different programs are told apart: all comparisons rest on that."""
    with (
        loaded(sources("legacy_tail"), "slot_three", bpffs) as one,
        loaded(sources("legacy_tail"), "slot_five", bpffs) as two,
    ):
        assert differences(view(one.program), view(two.program))
