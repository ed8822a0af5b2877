"""``prog pin`` and ``unpin``."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytc.bpf import Loaded
from pytc.bpf.sys.info import program_by_id
from tests.conftest import pins
from tests.kernel.commands.prog.support import id_of, prog

pytestmark = pytest.mark.kernel


class TestPins:
    def test_pin_and_unpin(self, loaded: Loaded, bpffs: Path) -> None:
        for path, place in ((str(bpffs / "one"), "one"), ("m:two", "tc/two"), ("m:deep/three", "tc/deep/three")):
            assert prog("pin", "id", id_of(loaded), path, mount=bpffs).status == 0
            assert place in pins(bpffs)
            assert prog("show", "pinned", path, mount=bpffs).out.startswith(f"prog {id_of(loaded)} ")
            assert prog("unpin", path, mount=bpffs).status == 0
            assert place not in pins(bpffs)

    def test_the_program_lives_on(self, loaded: Loaded, bpffs: Path) -> None:
        pinned = int(id_of(loaded))
        assert prog("pin", "id", str(pinned), str(bpffs / "one")).status == 0
        loaded.close()
        program_by_id(pinned).close()

    @pytest.mark.parametrize(
        ("path", "said"),
        [
            ("/tmp", "is not a pin in a bpffs"),
            ("/nowhere/x", "No such file"),
            ("m:../../x", "is not a pin|No such file"),
        ],
    )
    def test_what_is_no_pin_stays(self, root: None, bpffs: Path, path: str, said: str) -> None:
        outcome = prog("unpin", path, mount=bpffs)
        assert outcome.status == 1
        assert re.search(said, outcome.err)

    def test_refusals(self, loaded: Loaded, bpffs: Path, tmp_path: Path) -> None:
        loaded.maps["drops"].pin(str(bpffs / "drops"))
        map_pin = prog("unpin", str(bpffs / "drops"))
        assert (map_pin.status, "is not the pin of a program" in map_pin.err) == (1, True)
        assert "drops" in pins(bpffs)
        elsewhere = prog("pin", "id", id_of(loaded), str(tmp_path / "x"))
        assert (elsewhere.status, "a pin must be in a bpffs" in elsewhere.err) == (1, True)
        twice = prog("pin", "id", id_of(loaded), str(bpffs / "drops"))
        assert (twice.status, "File exists" in twice.err) == (1, True)
        out = prog("pin", "id", id_of(loaded), "m:../../../x", mount=bpffs)
        assert (out.status, "leads out of the bpffs" in out.err) == (1, True)
