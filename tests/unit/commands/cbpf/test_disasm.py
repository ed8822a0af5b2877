"""``pytc cbpf asm`` and ``disasm``, and where programs come from."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytc.cbpf import assemble, disassemble
from tests.processes import ROOT, json_of, printed, refused

ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"
SOURCE = "ldh [12]\njne #0x806, drop\nret #-1\ndrop: ret #0\n"


def test_asm_and_disasm(tmp_path: Path) -> None:
    path = tmp_path / "arp.asm"
    path.write_text(SOURCE)
    assert printed("cbpf", "asm", str(path)) == ARP + "\n"
    assert printed("cbpf", "asm", str(path), "as", "c").startswith("{ 0x28, 0, 0, 0x0000000c },\n")
    text = printed("cbpf", "disasm", ARP)
    assert assemble(text) == assemble(SOURCE)
    lines = tmp_path / "lines"
    lines.write_text(printed("cbpf", "disasm", ARP, "as", "tcpdump"))
    assert printed("cbpf", "disasm", str(lines)) == printed("cbpf", "disasm", str(path)) == text
    lines.write_text("\n" + printed("cbpf", "disasm", ARP, "as", "c"))
    assert printed("cbpf", "disasm", str(lines)) == text
    assert json_of("cbpf", "asm", str(path)) == json_of("cbpf", "disasm", ARP)


def test_programs_come_through_pipes(tmp_path: Path) -> None:
    """As of ``<(COMMAND)`` and on the standard input; a FIFO that lies somewhere is not waited for."""
    line = (
        "pytc cbpf disasm - < {0}; pytc cbpf disasm /dev/stdin < {0}; cat {0} | pytc cbpf disasm -; "
        "pytc cbpf disasm <(cat {0}); pytc cbpf asm <(pytc cbpf disasm {0}) as asm"
    )
    path = tmp_path / "code"
    path.write_text(ARP)
    script = f'pytc() {{ "{sys.executable}" -m pytc "$@"; }}\n' + line.format(path)
    done = subprocess.run(
        ["bash", "-ec", script],
        env={**os.environ, "PYTHONPATH": "src"},
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == disassemble(assemble(SOURCE)) * 5
    endless = subprocess.run(
        ["bash", "-c", "yes | " + sys.executable + " -m pytc cbpf disasm -"],
        cwd=ROOT,
        timeout=60,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (endless.returncode, "it exceeds the limit of 1048576 bytes" in endless.stderr) == (1, True)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{ 0x28, 0, 0, 0xc },\n{ 6, 0, 0, }", 'line 2: "{ code, jt, jf, k }," expected, not "{ 6, 0, 0, }"'),
        ("{ 0x28, 0, 0, 12 }, 6 0 0 0", 'line 1: "{ code, jt, jf, k }," expected, not "6 0 0 0"'),
        ("{ 6, 256, 0, 0 }", "line 1: jt: 256 is more than 255"),
        ("{ 6, 0, 0, x }", 'line 1: k: "x" is not a number'),
        ("{ 6, 0, 0, 0x" + "f" * 99 + " }", "line 1: k: 0xfff"),
        ("{ 0, 0, 0, 1 }", "the last instruction is not a return"),
        ("(000) ldh      [12]", '"tcpdump -ddd" prints bytecode'),
        ("ldh [12]\nbogus", 'line 2: an instruction expected, not "bogus"'),
        ("", "there are no instructions"),
        ("2,6 0 0 0", "bytecode claims 2 instructions but has 1"),
        ("ldi #1", "line 1: the last instruction is not a return"),
    ],
)
def test_files_that_hold_no_program(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "program"
    path.write_text(content)
    assert f'"{path}": ' in refused("cbpf", "asm", str(path))
    assert text in refused("cbpf", "asm", str(path))
    assert "cannot read" in refused("cbpf", "asm", str(tmp_path / "none"))
    assert "not a regular file" in refused("cbpf", "disasm", "/dev/zero")
