"""Loading again what is pinned: new program arrays are whole before the pin moves, and it moves last."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.bpf import Loaded, Map, PinRoot, ProgramType, load, read_object, select_program
from pytc.errors import BpfSyscallError
from tests.conftest import Compiler
from tests.kernel.bpf.support import count, loaded, verdict, word
from tests.network import Network

pytestmark = pytest.mark.kernel
PIN = "tc/globals/jmp"


def pinned_tail(path: str, mount: Path, *, commit: bool = True) -> Loaded:
    """legacy_tail with its program array pinned globally."""
    spec = read_object(path)
    maps = dict(spec.maps)
    maps["jmp"] = maps["jmp"]._replace(pinning=2)
    spec = spec._replace(maps=maps)
    return load(spec, select_program(spec), type=ProgramType.SCHED_CLS, pins=PinRoot(str(mount)), commit=commit)


def slots(mount: Path) -> dict[int, int]:
    """{slot: program id} of the pinned array."""
    with Map.from_pin(str(mount / PIN)) as found:
        return {int.from_bytes(key, "little"): int.from_bytes(value, "little") for key, value in found.items()}


def array_id(mount: Path) -> int:
    with Map.from_pin(str(mount / PIN)) as found:
        return found.description.id


def test_the_first_load_pins_a_filled_array(build: Compiler, bpffs: Path) -> None:
    with pinned_tail(build("legacy_tail"), bpffs) as found:
        assert sorted(slots(bpffs)) == [3, 5]
        assert not found.notes
        verdict(found.program)
        assert [count(found.maps["hits"], key) for key in range(3)] == [1, 1, 1]


def test_the_array_survives_the_loader(build: Compiler, bpffs: Path) -> None:
    pinned_tail(build("legacy_tail"), bpffs).close()
    assert sorted(slots(bpffs)) == [3, 5]


def test_a_reload_leaves_the_old_array_alone_until_it_is_committed(build: Compiler, bpffs: Path) -> None:
    with pinned_tail(build("legacy_tail"), bpffs) as first:
        before, number = slots(bpffs), array_id(bpffs)
        with pinned_tail(build("legacy_tail"), bpffs, commit=False) as second:
            assert (slots(bpffs), array_id(bpffs)) == (before, number)
            verdict(first.program)
            assert count(first.maps["hits"], 2) == 1
            second.commit()
            assert array_id(bpffs) == second.maps["jmp"].description.id != number
            assert sorted(slots(bpffs)) == [3, 5]
            assert not set(slots(bpffs).values()) & set(before.values())


def test_slots_that_a_load_leaves_alone_are_kept(build: Compiler, bpffs: Path) -> None:
    with pinned_tail(build("legacy_tail"), bpffs) as first:
        first.maps["jmp"].update(word(1), first.program.fd.to_bytes(4, "little"))
        number = first.program.description.id
        with pinned_tail(build("legacy_tail"), bpffs):
            assert slots(bpffs)[1] == number
            assert sorted(slots(bpffs)) == [1, 3, 5]


def test_a_load_without_commit_moves_nothing(build: Compiler, bpffs: Path) -> None:
    with pinned_tail(build("legacy_tail"), bpffs) as first:
        number = array_id(bpffs)
        pinned_tail(build("legacy_tail"), bpffs, commit=False).close()
        assert array_id(bpffs) == number
        verdict(first.program)
        assert count(first.maps["hits"], 0) == 1


def test_a_refused_filter_leaves_the_old_array(network: Network, build: Compiler, bpffs: Path) -> None:
    network.tc("qdisc", "add", "dev", "em1", "clsact")
    path = build("legacy_tail")
    network.ok("filter", "add", "dev", "em1", "ingress", "bpf", "da", "obj", path)
    assert network.pytc("filter", "add", "dev", "em1", "parent", "7:", "bpf", "da", "obj", path).status == 2
    assert not (bpffs / "tc").exists(), "nothing of this object is pinned"


def test_a_slot_beyond_the_array_is_explained(build: Compiler, bpffs: Path) -> None:
    spec = read_object(build("legacy_tail"))
    maps = dict(spec.maps)
    maps["jmp"] = maps["jmp"]._replace(max_entries=4)
    with pytest.raises(BpfSyscallError, match="slot 5") as caught:
        load(spec._replace(maps=maps), select_program(spec), pins=PinRoot(str(bpffs)))
    assert 'map "jmp" has 4 entries' in caught.value.hints[0]


def test_a_program_of_another_type_is_explained(build: Compiler, bpffs: Path) -> None:
    """A pinned array keeps the type of the first program that it held."""
    with pinned_tail(build("legacy_tail"), bpffs) as first, loaded(build("drop"), bpffs) as other:
        spec = read_object(build("other_types"))
        with (
            load(spec, select_program(spec, section="xdp"), type=ProgramType.XDP) as xdp,
            pytest.raises(BpfSyscallError, match="EINVAL"),
        ):
            first.maps["jmp"].update(word(0), xdp.program.fd.to_bytes(4, "little"))
        first.maps["jmp"].update(word(0), other.program.fd.to_bytes(4, "little"))
