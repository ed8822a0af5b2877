"""``prog``: show, dump, stats, pin and unpin, beside bpftool."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pytc.bpf import Loaded, ProgramType, load, read_object, select_program
from pytc.bpf.run.statistics import enable_statistics
from pytc.bpf.sys.info import program_by_id, translated_instructions
from tests.conftest import EXAMPLES, pins
from tests.ebpf_assembler import assemble
from tests.kernel.bpf.support import PACKET
from tests.needs import missing
from tests.processes import PYTC, ROOT, SOURCE, Outcome, cannot, must, pytc

pytestmark = pytest.mark.kernel
EARLIER = 1_000_000


def prog(*words: str, options: tuple[str, ...] = (), mount: Path | None = None) -> Outcome:
    return pytc(*options, "prog", *words, env={"TC_BPF_MNT": str(mount)} if mount else None)


def as_json(*words: str, options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    outcome = prog(*words, options=("-j", *options))
    assert outcome.status == 0, outcome.err
    return list(json.loads(outcome.out))


@pytest.fixture
def loaded(root: None) -> Iterator[Loaded]:
    spec = read_object(str(EXAMPLES / "traffic.o"))
    with load(spec, select_program(spec, section="drop"), type=ProgramType.SCHED_CLS) as done:
        yield done


def number(loaded: Loaded) -> str:
    return str(loaded.program.description.id)


class TestShow:
    def test_as_bpftool_has_it(self, loaded: Loaded) -> None:
        (ours,) = as_json("show", "id", number(loaded))
        theirs = json.loads(must("bpftool", "-j", "prog", "show", "id", number(loaded)))
        for name in (
            "id",
            "type",
            "name",
            "tag",
            "gpl_compatible",
            "uid",
            "bytes_xlated",
            "jited",
            "bytes_jited",
            "map_ids",
            "btf_id",
        ):
            assert ours[name] == theirs[name], name
        assert abs(int(str(ours["loaded_at"])) - theirs["loaded_at"]) <= 1

    def test_text(self, loaded: Loaded) -> None:
        said = prog("show", "id", number(loaded)).out
        tag = loaded.program.description.tag
        form = "interpreted" if missing(("jit",)) else r"jited \d+"
        assert re.fullmatch(
            rf"prog {number(loaded)} sched_cls name drop_icmp tag {tag} gpl\n"
            r"  loaded_at \S+ uid 0\n"
            rf"  xlated \d+ {form} verified_insns \d+ btf_id \d+\n"
            r"  map_ids [\d,]+\n",
            said,
        ), said

    def test_details_have_the_names_of_maps(self, loaded: Loaded) -> None:
        ids = {found.description.id: name for name, found in loaded.maps.items() if name == "drops"}
        (ours,) = as_json("show", "id", number(loaded), options=("-d",))
        assert [one["id"] for one in ours["maps"]] == ours["map_ids"]
        named = {one["id"]: one["name"] for one in ours["maps"]}
        theirs = {one["id"]: one.get("name", "") for one in json.loads(must("bpftool", "-j", "map", "show"))}
        assert named == {one: theirs[one] for one in ours["map_ids"]} and named.items() >= ids.items()
        said = prog("show", "id", number(loaded), options=("-d",)).out
        assert f"\n  maps {','.join(f'{name}({one})' for one, name in named.items())}\n" in said

    def test_all_programs(self, loaded: Loaded) -> None:
        (ours,) = [found for found in as_json("show") if found["id"] == int(number(loaded))]
        assert ours["name"] == "drop_icmp"

    def test_by_name_tag_and_pin(self, loaded: Loaded, bpffs: Path) -> None:
        loaded.program.pin(str(bpffs / "drop"))
        for words in (("pinned", str(bpffs / "drop")), ("tag", loaded.program.description.tag), ("name", "drop_icmp")):
            outcome = prog("show", *words)
            assert f"prog {number(loaded)} " in outcome.out or "choose one with id" in outcome.err

    def test_who_holds_it(self, loaded: Loaded) -> None:
        (ours,) = as_json("show", "id", number(loaded), options=("-d",))
        assert {"pid": os.getpid(), "comm": Path("/proc/self/comm").read_text().strip()} in ours["pids"]

    @pytest.mark.parametrize(
        ("words", "said", "status"),
        [
            (("id", "4000000000"), "ENOENT", 1),
            (("id", "x"), "invalid id", 255),
            (("id", "4294967297"), "invalid id", 255),
            (("id", "-1"), "invalid id", 255),
            (("name", "never_there"), 'there is no program with the name "never_there"', 1),
            (("tag", "0"), 'there is no program with the tag "0"', 1),
            (("pinned", "/nowhere"), "Couldn't retrieve pinned program '/nowhere': No such file", 1),
        ],
    )
    def test_what_is_not_there(self, root: None, words: tuple[str, ...], said: str, status: int) -> None:
        outcome = prog("show", *words)
        assert (outcome.status, said in outcome.err) == (status, True), outcome.err

    def test_a_map_is_no_program(self, loaded: Loaded, bpffs: Path) -> None:
        loaded.maps["drops"].pin(str(bpffs / "drops"))
        outcome = prog("show", "pinned", str(bpffs / "drops"))
        assert (outcome.status, outcome.err) == (1, f"'{bpffs}/drops' is pinned, but is not a program\n")


class TestDump:
    def test_the_text_is_bpftools(self, loaded: Loaded) -> None:
        """Source lines are said once where they follow one another, and not where the compiler has none."""
        ours = prog("dump", "id", number(loaded)).out.splitlines()
        theirs = must("bpftool", "prog", "dump", "xlated", "id", number(loaded)).splitlines()
        assert [line for line in ours if line[:4].strip().isdigit()] == [
            line for line in theirs if line[:4].strip().isdigit()
        ]
        assert {line for line in ours if line.startswith(";")} == {
            line for line in theirs if line.startswith(";") and line[2:]
        }
        assert ours[0] == "int drop_icmp(struct __sk_buff *skb):"
        assert "int ip_protocol(struct __sk_buff *skb):" in ours

    def test_bytes_and_places(self, loaded: Loaded) -> None:
        said = prog("dump", "xlated", "id", number(loaded), "opcodes", "lines").out
        assert re.search(r"^; .* \[\./traffic\.c:\d+\]$", said, re.MULTILINE)
        opcodes = "".join(line for line in said.splitlines() if re.fullmatch(r" {7}[0-9a-f ]+", line))
        assert bytes.fromhex(opcodes) == translated_instructions(loaded.program.fd)

    def test_a_dump_can_be_read_back(self, loaded: Loaded) -> None:
        """All but the calls, whose numbers are addresses in the kernel."""
        code = assemble(prog("dump", "id", number(loaded)).out)
        real = translated_instructions(loaded.program.fd)
        assert len(code) == len(real)
        slots = range(0, len(code), 8)
        assert [code[at : at + 8] for at in slots if real[at] != 0x85] == [
            real[at : at + 8] for at in slots if real[at] != 0x85
        ]

    def test_into_a_file(self, loaded: Loaded, tmp_path: Path) -> None:
        ours, theirs = tmp_path / "ours", tmp_path / "theirs"
        outcome = prog("dump", "id", number(loaded), "write", str(ours))
        assert (outcome.status, outcome.out) == (0, ""), outcome.err
        must("bpftool", "prog", "dump", "xlated", "id", number(loaded), "file", str(theirs))
        assert ours.read_bytes() == theirs.read_bytes() != b""
        if not missing(("jit",)):
            assert prog("dump", "jited", "id", number(loaded), "write", str(ours)).status == 0
            (shown,) = as_json("show", "id", number(loaded))
            assert len(ours.read_bytes()) == shown["bytes_jited"]
        linked = tmp_path / "linked"
        linked.symlink_to(theirs)
        refused = prog("dump", "id", number(loaded), "write", str(linked))
        assert (refused.status, "not a regular file" in refused.err) == (1, True)

    @pytest.mark.needs("jit")
    def test_machine_code_by_lines(self, loaded: Loaded) -> None:
        (found,) = as_json("dump", "jited", "id", number(loaded))
        functions = found["functions"]
        assert [function["name"] for function in functions] == ["drop_icmp", "ip_protocol"]
        parts = functions[0]["code"]
        assert any("count = bpf_map_lookup_elem" in part.get("source", "") for part in parts)
        (shown,) = as_json("show", "id", number(loaded))
        assert shown["bytes_jited"] == sum(
            len(part["bytes"]) // 2 for function in functions for part in function["code"]
        )
        said = prog("dump", "jited", "id", number(loaded)).out
        assert "; count = bpf_map_lookup_elem(&drops, &key);\n" in said

    @pytest.mark.needs("jit")
    def test_machine_instructions_are_objdumps(self, loaded: Loaded, tmp_path: Path) -> None:
        """With addresses in the function as offsets, and names for those of others."""
        if shutil.which("objdump") is None or os.uname().machine != "x86_64":
            cannot("no objdump for this machine")
        (found,) = as_json("dump", "jited", "id", number(loaded))
        code = tmp_path / "code"
        assert prog("dump", "jited", "id", number(loaded), "write", str(code)).status == 0
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
        said = prog("dump", "jited", "id", number(loaded), "opcodes").out
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
            outcome = pytc("prog", "dump", "jited", "id", number(loaded), env=env)
            assert outcome.status == 0
            assert remark in outcome.err and bool(remark) == bool(outcome.err)
            dumped = "".join(re.findall(r"^ *[0-9a-f]+: ([0-9a-f ]+)$", outcome.out, re.MULTILINE))
            (shown,) = as_json("show", "id", number(loaded))
            assert len(bytes.fromhex(dumped)) == shown["bytes_jited"]

    def test_json(self, loaded: Loaded) -> None:
        (found,) = as_json("dump", "id", number(loaded), "opcodes")
        rows = found["insns"]
        assert rows[0]["slot"] == 0 and rows[0]["file"] == "./traffic.c"
        assert bytes.fromhex("".join(row["opcodes"] for row in rows)) == translated_instructions(loaded.program.fd)


@pytest.mark.alone
class TestStatistics:
    def test_runs_while_they_are_on(self, loaded: Loaded, record_property: Callable[[str, object], None]) -> None:
        record_property("kernels", "statistics of programs: works")
        with enable_statistics():
            loaded.program.test_run(PACKET, repeat=EARLIER)
        runs = 0
        held = subprocess.Popen(
            [*PYTC, "-j", "prog", "stats", "id", number(loaded), "on", "for", "3"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": "src"},
            cwd=ROOT,
        )
        try:
            while held.poll() is None:
                loaded.program.test_run(PACKET, repeat=100)
                runs += 100
                time.sleep(0.01)
            (found,) = json.loads(held.communicate()[0])
        finally:
            held.kill()
            held.wait()
        assert 100 < found["run_cnt"] <= runs
        assert 0 < found["ns_per_run"] < 1_000_000
        (shown,) = as_json("show", "id", number(loaded))
        # Runs between switching on and the first look are in the total alone.
        assert found["run_cnt"] <= shown["run_cnt"] - EARLIER <= runs

    def test_off_it_is_said_how_to_switch_them_on(self, loaded: Loaded) -> None:
        if Path("/proc/sys/kernel/bpf_stats_enabled").read_text().strip() != "0":
            pytest.skip("statistics are on in this kernel")
        outcome = prog("stats", "id", number(loaded))
        assert outcome.status == 0
        assert "run_cnt 0 " in outcome.out
        assert '"on for TIME"' in outcome.err

    def test_only_programs_that_ran_are_listed(self, loaded: Loaded) -> None:
        assert all(int(str(found["run_cnt"])) for found in as_json("stats", "on", "for", "100ms"))


class TestPins:
    def test_pin_and_unpin(self, loaded: Loaded, bpffs: Path) -> None:
        for path, place in ((str(bpffs / "one"), "one"), ("m:two", "tc/two"), ("m:deep/three", "tc/deep/three")):
            assert prog("pin", "id", number(loaded), path, mount=bpffs).status == 0
            assert place in pins(bpffs)
            assert prog("show", "pinned", path, mount=bpffs).out.startswith(f"prog {number(loaded)} ")
            assert prog("unpin", path, mount=bpffs).status == 0
            assert place not in pins(bpffs)

    def test_the_program_lives_on(self, loaded: Loaded, bpffs: Path) -> None:
        pinned = int(number(loaded))
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
        elsewhere = prog("pin", "id", number(loaded), str(tmp_path / "x"))
        assert (elsewhere.status, "a pin must be in a bpffs" in elsewhere.err) == (1, True)
        twice = prog("pin", "id", number(loaded), str(bpffs / "drops"))
        assert (twice.status, "File exists" in twice.err) == (1, True)
        out = prog("pin", "id", number(loaded), "m:../../../x", mount=bpffs)
        assert (out.status, "leads out of the bpffs" in out.err) == (1, True)
