"""Names of maps and programs, as the kernel takes them."""

from __future__ import annotations

import pytest

from pytc.bpf.object.names import kernel_map_name, kernel_name
from pytc.bpf.object.spec import DATA, MapSpec


class TestNamesForTheKernel:
    @pytest.mark.parametrize(
        ("section", "name"),
        [
            (".rodata", "bpf.rodata"),
            (".bss", "bpf.bss"),
            (".rodata.cfg", ".rodata.cfg"),
            (".rodata.str1.1", ".rodata.str1.1"),
            (".rodata.something_long", ".rodata.somethi"),
        ],
    )
    def test_data_maps_carry_the_name_of_the_object(self, section: str, name: str) -> None:
        assert kernel_map_name(MapSpec(section, 2, 4, 4, 1, origin=DATA), "bpf.o") == name

    def test_a_long_name_of_the_object_gives_way(self) -> None:
        spec = MapSpec(".rodata", 2, 4, 4, 1, origin=DATA)
        assert kernel_map_name(spec, "a_long_name.bpf.o") == "a_long_n.rodata"
        assert kernel_map_name(spec._replace(name=".bss"), "a_long_name.bpf.o") == "a_long_n.bss"

    def test_declared_maps_keep_theirs(self) -> None:
        assert kernel_map_name(MapSpec("a_map_with_a_long_name", 1, 4, 4, 1), "bpf.o") == "a_map_with_a_lo"

    @pytest.mark.parametrize(("name", "kernel"), [("a-b c", "a_b_c"), ("ä.b_1", "__.b_1"), ("", "")])
    def test_what_the_kernel_does_not_take_becomes_an_underscore(self, name: str, kernel: str) -> None:
        assert kernel_name(name) == kernel
