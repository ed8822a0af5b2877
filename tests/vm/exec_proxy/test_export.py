"""``export`` with actions: one export for all programs of an object, and what is taken back when it fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytc.exec_proxy import map_transfer
from pytc.exec_proxy.map_transfer import Importer
from tests.conftest import pins
from tests.kernel.exec_proxy.support import nobody_reads
from tests.processes import pytc_here
from tests.vm.twins import new_network, tc

pytestmark = [pytest.mark.kernel, pytest.mark.needs("action:bpf", "action:gact")]
Objects = Callable[[str], str]


@pytest.fixture(autouse=True)
def place(bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
    new_network()


@pytest.fixture
def deaf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A socket that nobody reads; a send to it fails after a moment."""
    monkeypatch.setattr(map_transfer, "SEND_TIMEOUT", 0.3)
    with nobody_reads(str(tmp_path / "deaf")) as path:
        yield path


@pytest.mark.parametrize("where", ["classifier", "action", "both"])
def test_one_export_for_classifier_and_actions(objects: Objects, tmp_path: Path, where: str) -> None:
    path, program = str(tmp_path / "bpf"), objects("shared_maps")
    first = f"export {path}" if where != "action" else ""
    second = f"export {path}" if where != "classifier" else ""
    with Importer(path) as importer:
        done = pytc_here(
            *f"filter add dev em1 ingress bpf obj {program} {first} flowid 1:1 action bpf obj {program} "
            f"sec action-mark {second} action bpf obj {program} sec action-rand ok".split()
        )
        assert done == (0, "", "")
        with importer.receive(10) as received:
            assert [(one.id, one.name) for one in received.named()] == [(7, "seen"), (8, "marks")]
        assert importer.take() is None, "the maps are theirs in common, and are sent once"


@pytest.mark.parametrize("verb", ["add", "replace"])
def test_an_action_of_its_own(objects: Objects, tmp_path: Path, verb: str) -> None:
    path = str(tmp_path / "bpf")
    with Importer(path) as importer:
        words = f"actions {verb} action bpf obj {objects('shared_maps')} sec action-mark export {path} index 5"
        assert pytc_here(*words.split()) == (0, "", "")
        with importer.receive(10) as received:
            assert len(received.maps) == 2


@pytest.mark.parametrize("number", ["", "index 5"])
@pytest.mark.parametrize("verb", ["add", "replace"])
def test_actions_that_were_added_are_taken_back(
    objects: Objects, deaf: str, bpffs: Path, verb: str, number: str
) -> None:
    assert pytc_here("actions", "add", "action", "bpf", "bytecode", "1,6 0 0 7", "index", "9").status == 0
    before = [tc("actions", "ls", "action", kind).out for kind in ("bpf", "gact")]
    done = pytc_here(
        *f"actions {verb} action bpf obj {objects('shared_maps')} sec action-mark export {deaf} {number} "
        "action gact ok".split()
    )
    assert done.status == 1
    assert "has not read" in done.err and "cannot remove what was added" not in done.err
    assert [tc("actions", "ls", "action", kind).out for kind in ("bpf", "gact")] == before
    assert pins(bpffs) == []


def test_an_action_that_took_the_place_of_another_stays(objects: Objects, deaf: str) -> None:
    assert pytc_here("actions", "add", "action", "bpf", "bytecode", "1,6 0 0 7", "index", "5").status == 0
    done = pytc_here(
        *f"actions replace action bpf obj {objects('shared_maps')} sec action-mark export {deaf} index 5".split()
    )
    assert done.status == 1
    assert "stays" in done.err
    assert "shared_maps.o:[action-mark]" in tc("actions", "ls", "action", "bpf").out


def test_a_filter_with_actions_is_taken_back(objects: Objects, deaf: str, bpffs: Path) -> None:
    before = [tc("filter", "show", "dev", "em1", "ingress").out, tc("actions", "ls", "action", "bpf").out]
    program = objects("shared_maps")
    done = pytc_here(
        *f"filter add dev em1 ingress bpf obj {program} export {deaf} action bpf obj {program} sec action-mark".split()
    )
    assert done.status == 1
    assert [tc("filter", "show", "dev", "em1", "ingress").out, tc("actions", "ls", "action", "bpf").out] == before
    assert pins(bpffs) == []
