"""``exec bpf graft``: a slot of a program array that a running filter goes through, and all that may not fit."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from pytc.bpf import Map, MapSpec, Program, ProgramType, load, read_object, select_program
from pytc.bpf.maps.map import create_map
from pytc.bpf.sys.info import array_owner
from tests.conftest import Compiler, pins
from tests.kernel.bpf.support import count, loaded, verdict
from tests.processes import ROOT, Outcome, pytc

pytestmark = pytest.mark.kernel

SLOT_THREE, SLOT_FIVE = 0x10003, 0x10005
NO_KEY = "Couldn't infer map key from section name! Please provide 'key' argument!"


def graft(mount: Path, *words: str) -> Outcome:
    return pytc("exec", "bpf", "graft", *words, env={"TC_BPF_MNT": str(mount)})


@pytest.fixture
def tail(build: Compiler, tmp_path: Path) -> str:
    """legacy_tail with its program array pinned globally."""
    source = (ROOT / "tests/objects/legacy_tail.c").read_text()
    return compiled(tmp_path, source.replace(".id		= JMP_ID,", ".id = JMP_ID, .pinning = PIN_GLOBAL_NS,"))


def compiled(directory: Path, source: str, name: str = "tail") -> str:
    path = directory / f"{name}.c"
    path.write_text(source)
    target = str(path.with_suffix(".o"))
    subprocess.run(
        [
            "clang",
            "-O2",
            "-target",
            "bpf",
            f"-I{ROOT}/tests/objects",
            f"-I{ROOT}/examples/bpf",
            f"-I/usr/include/{os.uname().machine}-linux-gnu",
            "-c",
            str(path),
            "-o",
            target,
        ],
        check=True,
        timeout=60,
    )
    return target


def test_a_slot_is_filled_while_the_program_runs(tail: str, bpffs: Path) -> None:
    with loaded(tail, bpffs, section="classifier") as running, Map.from_pin(str(bpffs / "tc/globals/jmp")) as jmp:
        assert verdict(running.program) == SLOT_FIVE, "by way of slot 3"
        del jmp[(5).to_bytes(4, "little")]
        assert verdict(running.program) == SLOT_THREE
        number = jmp.description.id
        assert graft(bpffs, "m:globals/jmp", "obj", tail, "sec", "42/5") == (0, "", "")
        assert verdict(running.program) == SLOT_FIVE
        assert graft(bpffs, str(bpffs / "tc/globals/jmp"), "key", "3", "obj", tail, "sec", "42/5").status == 0
        assert verdict(running.program) == SLOT_FIVE
        assert count(running.maps["hits"], 1) == 3, "slot 3 is another program now"
    with Map.from_pin(str(bpffs / "tc/globals/jmp")) as jmp:
        assert jmp.description.id == number, "the array itself stays"
    assert pins(bpffs) == ["ip", "tc", "tc/globals", "tc/globals/jmp", "xdp"]


@pytest.mark.parametrize("section", ["0x2a/3", "42/5"])
def test_the_grafted_program_goes_on_through_the_same_array(build: Compiler, bpffs: Path, section: str) -> None:
    """The object does not pin its array; the section's ID says that it is the one that is grafted into."""
    array = create_map(MapSpec("jmp", 3, 4, 4, 8), "jmp")
    with array, loaded(build("drop"), bpffs) as other:
        array.pin(str(bpffs / "jmp"))
        array.update((5).to_bytes(4, "little"), other.program.fd.to_bytes(4, "little"))
        assert graft(bpffs, str(bpffs / "jmp"), "key", "3", "obj", build("legacy_tail"), "sec", section).status == 0
        with Program.from_id(int.from_bytes(array[(3).to_bytes(4, "little")], "little")) as grafted:
            assert verdict(grafted) == (2 if section == "0x2a/3" else SLOT_FIVE), "3 goes on to 5, which drops"


def test_a_pinned_program(tail: str, bpffs: Path, build: Compiler) -> None:
    with loaded(tail, bpffs, section="classifier") as running, loaded(build("drop"), bpffs) as dropper:
        dropper.program.pin(str(bpffs / "tc/dropper"))
        for word in ("object-pinned", "pinned", "fd"):
            assert graft(bpffs, "m:globals/jmp", "key", "3", word, "m:dropper").status == 0
        assert verdict(running.program) == 2


def test_with_verbose_comes_the_log_of_the_verifier(tail: str, bpffs: Path) -> None:
    with loaded(tail, bpffs, section="classifier"):
        words = ("m:globals/jmp", "key", "7", "obj", tail, "sec", "0x2a/3")
        assert graft(bpffs, *words).err == ""
        done = graft(bpffs, *words, "verbose")
        assert done.status == 0 and done.err.startswith('Verifier log of program "') and "\nprocessed " in done.err


def test_no_other_slot_is_touched(tail: str, bpffs: Path) -> None:
    with loaded(tail, bpffs, section="classifier"), Map.from_pin(str(bpffs / "tc/globals/jmp")) as jmp:
        before = dict(jmp.items())
        assert graft(bpffs, "m:globals/jmp", "key", "7", "obj", tail, "sec", "0x2a/3").status == 0
        after = dict(jmp.items())
        del after[(7).to_bytes(4, "little")]
        assert after == before


def test_an_empty_array_takes_the_type_that_is_given(bpffs: Path, build: Compiler) -> None:
    with create_map(MapSpec("jmp", 3, 4, 4, 8), "jmp") as array:
        array.pin(str(bpffs / "jmp"))
        assert array_owner(array.fd) is None
        assert graft(bpffs, str(bpffs / "jmp"), "key", "0", "obj", build("drop"), "type", "act").status == 0
        owner = array_owner(array.fd)
        assert owner is not None and owner.type == ProgramType.SCHED_ACT
        # From now on the array says the type.
        assert graft(bpffs, str(bpffs / "jmp"), "key", "1", "obj", build("drop"), "sec", "classifier").status == 0
        with Program.from_id(int.from_bytes(array[(1).to_bytes(4, "little")], "little")) as second:
            assert second.description.type == ProgramType.SCHED_ACT


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("m:nothing key 1 obj {tail} sec 42/5", "Couldn't retrieve pinned map 'm:nothing': No such file or directory"),
        ("m:dropper key 1 obj {tail} sec 42/5", "'m:dropper' is pinned, but is not a map"),
        ("m:hash key 1 obj {tail} sec 42/5", "'m:hash' is a map of type hash; programs go into a prog_array"),
        ("m:globals/jmp obj {tail} sec classifier", NO_KEY),
        ("m:globals/jmp obj {tail}", NO_KEY),
        ("m:globals/jmp pinned m:dropper", NO_KEY),
        ("m:globals/jmp key 8 obj {tail} sec 42/5", "slot 8 is out of range: 'm:globals/jmp' has 8 slots"),
        (
            "m:globals/jmp key 1 obj {tail} sec 42/5 type act",
            "the program is of type sched_act; 'm:globals/jmp' is for programs of type sched_cls",
        ),
        (
            "m:globals/jmp key 1 pinned m:action",
            "the program is of type sched_act; 'm:globals/jmp' is for programs of type sched_cls",
        ),
        (
            "m:globals/jmp key 1 pinned m:nothing",
            "Couldn't retrieve pinned program 'm:nothing': No such file or directory",
        ),
        ("m:globals/jmp key 1 pinned m:hash", "'m:hash' is pinned, but is not a program"),
        ("m:globals/jmp key 1 obj {tail} sec none", 'no section "none"'),
        ("m:globals/jmp key 1 obj /nowhere.o", "/nowhere.o"),
    ],
)
def test_misfits(tail: str, bpffs: Path, build: Compiler, words: str, said: str) -> None:
    spec = read_object(build("drop"))
    with (
        loaded(tail, bpffs, section="classifier") as running,
        loaded(build("drop"), bpffs) as dropper,
        load(spec, select_program(spec), type=ProgramType.SCHED_ACT) as action,
        create_map(MapSpec("hash", 1, 4, 4, 8), "hash") as table,
    ):
        dropper.program.pin(str(bpffs / "tc/dropper"))
        action.program.pin(str(bpffs / "tc/action"))
        table.pin(str(bpffs / "tc/hash"))
        before = pins(bpffs)
        outcome = graft(bpffs, *words.format(tail=tail).split())
        assert outcome.status == 1
        assert said in outcome.err
        assert "Traceback" not in outcome.err
        assert verdict(running.program) == SLOT_FIVE
        assert pins(bpffs) == before


def test_what_loading_pinned_is_taken_back_when_the_slot_is_not_filled(tmp_path: Path, bpffs: Path, tail: str) -> None:
    source = Path(tail).with_suffix(".c").read_text().replace(".id		= 1,", ".id = 1, .pinning = PIN_GLOBAL_NS,")
    other = compiled(tmp_path, source, "other")
    with loaded(tail, bpffs, section="classifier"):
        before = pins(bpffs)
        assert graft(bpffs, "m:globals/jmp", "key", "1", "obj", other, "sec", "42/5", "type", "act").status == 1
        assert pins(bpffs) == before
        assert graft(bpffs, "m:globals/jmp", "key", "1", "obj", other, "sec", "42/5").status == 0
        assert pins(bpffs) == sorted([*before, "tc/globals/hits"])
