"""``pytc cbpf to-ebpf``."""

from __future__ import annotations

import stat
from pathlib import Path

from pytc.bpf import read_object
from tests.processes import printed, refused

ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"


def test_to_ebpf_writes_an_object(tmp_path: Path) -> None:
    target = tmp_path / "arp.o"
    target.write_text("older")
    assert printed("cbpf", "to-ebpf", ARP, "verdict", "drop", "write", str(target)) == ""
    spec = read_object(str(target))
    assert [(program.section, program.name) for program in spec.programs] == [("classifier", "expression")]
    assert stat.S_ISREG(target.stat().st_mode)
    assert "cannot be translated" in refused("cbpf", "to-ebpf", "2,32 0 0 4294963252,22 0 0 0", "write", str(target))
    assert read_object(str(target)).programs
    assert "No such file" in refused("cbpf", "to-ebpf", ARP, "write", str(tmp_path / "no" / "x"))
