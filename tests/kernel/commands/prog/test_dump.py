"""``prog dump``: eBPF and machine code, beside bpftool and objdump."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from pytc.bpf import Loaded
from pytc.bpf.sys.info import translated_instructions
from tests.ebpf_assembler import assemble
from tests.kernel.commands.prog.support import id_of, prog, prog_json
from tests.needs import missing
from tests.processes import SOURCE, cannot, must, pytc

pytestmark = pytest.mark.kernel


class TestDump:
    def test_the_text_is_bpftools(self, loaded: Loaded) -> None:
        """Source lines are said once where they follow one another, and not where the compiler has none.

        Without a JIT, bpftool names the interpreter as what a program calls.
        """
        ours = prog("dump", "id", id_of(loaded)).out.splitlines()
        theirs = must("bpftool", "prog", "dump", "xlated", "id", id_of(loaded)).splitlines()
        assert [line for line in ours if line[:4].strip().isdigit()] == [
            line.removesuffix("#__bpf_prog_run_args32") for line in theirs if line[:4].strip().isdigit()
        ]
        assert {line for line in ours if line.startswith(";")} == {
            line for line in theirs if line.startswith(";") and line[2:]
        }
        assert ours[0] == "int drop_icmp(struct __sk_buff *skb):"
        assert "int ip_protocol(struct __sk_buff *skb):" in ours

    def test_bytes_and_places(self, loaded: Loaded) -> None:
        said = prog("dump", "xlated", "id", id_of(loaded), "opcodes", "lines").out
        assert re.search(r"^; .* \[\./traffic\.c:\d+\]$", said, re.MULTILINE)
        opcodes = "".join(line for line in said.splitlines() if re.fullmatch(r" {7}[0-9a-f ]+", line))
        assert bytes.fromhex(opcodes) == translated_instructions(loaded.program.fd)

    def test_a_dump_can_be_read_back(self, loaded: Loaded) -> None:
        """All but the calls, whose numbers are addresses in the kernel."""
        code = assemble(prog("dump", "id", id_of(loaded)).out)
        real = translated_instructions(loaded.program.fd)
        assert len(code) == len(real)
        slots = range(0, len(code), 8)
        assert [code[at : at + 8] for at in slots if real[at] != 0x85] == [
            real[at : at + 8] for at in slots if real[at] != 0x85
        ]

    def test_into_a_file(self, loaded: Loaded, tmp_path: Path) -> None:
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        outcome = prog("dump", "id", id_of(loaded), "write", str(ours))
        assert (outcome.status, outcome.out) == (0, ""), outcome.err
        must("bpftool", "prog", "dump", "xlated", "id", id_of(loaded), "file", str(theirs))
        assert ours.read_bytes() == theirs.read_bytes() != b""
        if not missing(("jit",)):
            assert prog("dump", "jited", "id", id_of(loaded), "write", str(ours)).status == 0
            (shown,) = prog_json("show", "id", id_of(loaded))
            assert len(ours.read_bytes()) == shown["bytes_jited"]
        linked = tmp_path / "linked"
        linked.symlink_to(theirs)
        refused = prog("dump", "id", id_of(loaded), "write", str(linked))
        assert (refused.status, "not a regular file" in refused.err) == (1, True)

    @pytest.mark.needs("jit")
    def test_machine_code_by_lines(self, loaded: Loaded) -> None:
        (found,) = prog_json("dump", "jited", "id", id_of(loaded))
        functions = found["functions"]
        assert [function["name"] for function in functions] == ["drop_icmp", "ip_protocol"]
        parts = functions[0]["code"]
        assert any("count = bpf_map_lookup_elem" in part.get("source", "") for part in parts)
        (shown,) = prog_json("show", "id", id_of(loaded))
        assert shown["bytes_jited"] == sum(
            len(part["bytes"]) // 2 for function in functions for part in function["code"]
        )
        said = prog("dump", "jited", "id", id_of(loaded)).out
        assert "; count = bpf_map_lookup_elem(&drops, &key);\n" in said

    @pytest.mark.needs("jit")
    def test_machine_instructions_are_objdumps(self, loaded: Loaded, tmp_path: Path) -> None:
        """With addresses in the function as offsets, and names for those of others."""
        if shutil.which("objdump") is None or os.uname().machine != "x86_64":
            cannot("no objdump for this machine")
        (found,) = prog_json("dump", "jited", "id", id_of(loaded))
        code = tmp_path / "code"
        assert prog("dump", "jited", "id", id_of(loaded), "write", str(code)).status == 0
        theirs = must("objdump", "-D", "-z", "-w", "-b", "binary", "-m", "i386:x86-64", str(code))
        mnemonics = re.findall(r"^ *[0-9a-f]+:\t[0-9a-f ]+\t(\S+)", theirs, re.MULTILINE)
        insns = [insn for function in found["functions"] for part in function["code"] for insn in part["insns"]]
        assert [insn["text"].split()[0] for insn in insns] == mnemonics
        offsets = {insn["offset"] for part in found["functions"][0]["code"] for insn in part["insns"]}
        jumps = [
            insn["text"]
            for part in found["functions"][0]["code"]
            for insn in part["insns"]
            if re.fullmatch(r"j\S+ 0x[0-9a-f]{1,4}", insn["text"])
        ]
        assert jumps and {int(jump.split()[-1], 16) for jump in jumps} <= offsets
        said = prog("dump", "jited", "id", id_of(loaded), "opcodes").out
        assert re.search(r"^ +[0-9a-f]+: call 0x[0-9a-f]{16} <bpf_prog_[0-9a-f]{16}_ip_protocol>$", said, re.MULTILINE)
        opcodes = "".join(re.findall(r"^ {7}([0-9a-f ]+)$", said, re.MULTILINE))
        assert bytes.fromhex(opcodes) == code.read_bytes()

    @pytest.mark.needs("jit")
    def test_machine_code_without_objdump(self, loaded: Loaded, tmp_path: Path) -> None:
        """Or with one that fails: bytes."""
        broken = tmp_path / "objdump"
        broken.write_text("#!/bin/sh\necho '0:\t00\tret'\nexit 1\n")
        broken.chmod(0o755)
        for path, remark in (("/nonexistent", "objdump (package binutils)"), (str(tmp_path), "")):
            env = {**SOURCE, "PATH": path}
            outcome = pytc("prog", "dump", "jited", "id", id_of(loaded), env=env)
            assert outcome.status == 0
            assert remark in outcome.err and bool(remark) == bool(outcome.err)
            dumped = "".join(re.findall(r"^ *[0-9a-f]+: ([0-9a-f ]+)$", outcome.out, re.MULTILINE))
            (shown,) = prog_json("show", "id", id_of(loaded))
            assert len(bytes.fromhex(dumped)) == shown["bytes_jited"]

    def test_json(self, loaded: Loaded) -> None:
        (found,) = prog_json("dump", "id", id_of(loaded), "opcodes")
        rows = found["insns"]
        assert rows[0]["slot"] == 0 and rows[0]["file"] == "./traffic.c"
        assert bytes.fromhex("".join(row["opcodes"] for row in rows)) == translated_instructions(loaded.program.fd)
