"""What compilers after clang 19 write, in this kernel; each source of tests/objects/newer says what it wants."""

from __future__ import annotations

import mmap
from pathlib import Path

import pytest

from pytc.bpf import Loaded, ProgramType, load, read_object
from pytc.bpf.insn import instructions as ins
from pytc.bpf.insn.disassemble import LOAD_ACQUIRE, OP_GOTO_REGISTER, OP_MAY_GOTO, STORE_RELEASE
from pytc.bpf.object.spec import ObjectSpec
from pytc.bpf.sys.constants import F_SEGV_ON_FAULT
from pytc.bpf.sys.info import translated_instructions
from pytc.errors import BpfError, ObjectError, VerifierError
from tests import toolchains
from tests.conftest import Compiler
from tests.kernel.bpf.support import LENGTH, PROTOCOL, verdict

pytestmark = pytest.mark.kernel

NEWEST = toolchains.CLANGS[-1]
ADDRESS = 0x1000_0000_0000


@pytest.fixture(params=[name for name in toolchains.chosen() if name in toolchains.CLANGS[8:]])
def newer(request: pytest.FixtureRequest) -> str:
    """Each clang of this run from 19 on."""
    toolchains.require(request.param)
    return str(request.param)


def spec_of(build: Compiler, name: str, clang: str, cpu: str = "v4") -> ObjectSpec:
    return read_object(build(f"newer/{name}", clang=clang, flags=("-g", f"-mcpu={cpu}")))


def loaded(spec: ObjectSpec, name: str = "cls_main") -> Loaded:
    program = next(one for one in spec.programs if one.name == name)
    return load(spec, program, type=ProgramType.SCHED_CLS)


def has(spec: ObjectSpec, opcode: int, immediates: tuple[int, ...] = ()) -> bool:
    """Return whether an object has an instruction, with one of some immediates."""
    return any(
        one.opcode == opcode and (not immediates or one.immediate in immediates)
        for section in spec.sections.values()
        for _, one in ins.decode_all(section.code)
    )


class TestArenas:
    def test_have_the_variables_of_the_object(self, build: Compiler, newer: str) -> None:
        spec = spec_of(build, "arena_globals", newer)
        with loaded(spec) as done:
            assert [verdict(done.program) for _ in range(3)] == [49, 110, 111]

    def test_have_the_address_that_the_object_wants(self, build: Compiler, newer: str) -> None:
        spec = spec_of(build, "arena_globals", newer)
        fixed = spec.maps["arena"]._replace(map_extra=ADDRESS)
        with loaded(spec._replace(maps={**spec.maps, "arena": fixed})) as done:
            assert [verdict(done.program) for _ in range(2)] == [49, 110]
            addresses = {
                ins.immediate_at(code, slot + 1) << 32 | one.immediate & 0xFFFFF000
                for code in [translated_instructions(done.program.fd)]
                for slot, one in ins.decode_all(code)
                if one.opcode == ins.OP_LD_IMM64 and not one.source
            }
        assert addresses == {ADDRESS}

    def test_that_are_taken_over_keep_their_variables(self, build: Compiler, newer: str, bpffs: Path) -> None:
        spec = spec_of(build, "arena_globals", newer)
        with loaded(spec) as one:
            assert verdict(one.program) == 49
            one.maps["arena"].pin(str(bpffs / "arena"))
            taken = spec.maps["arena"]._replace(reuse=str(bpffs / "arena"))
            with loaded(spec._replace(maps={**spec.maps, "arena": taken})) as two:
                assert verdict(two.program) == 110

    def test_are_large_enough(self, build: Compiler, newer: str) -> None:
        spec = spec_of(build, "arena_globals", newer)
        large = spec.maps["arena"]._replace(contents=bytes(4 * mmap.PAGESIZE + 1))
        with pytest.raises(BpfError, match="an arena of 16384 bytes for 16385 bytes of variables"):
            loaded(spec._replace(maps={**spec.maps, "arena": large}))

    def test_are_filled_as_they_are_touched(self, build: Compiler, newer: str) -> None:
        """With that flag, to touch a page that the program has not asked for ends a process."""
        spec = spec_of(build, "arena_globals", newer)
        arena = spec.maps["arena"]
        strict = arena._replace(flags=arena.flags | F_SEGV_ON_FAULT)
        with pytest.raises(BpfError, match="BPF_F_SEGV_ON_FAULT"):
            loaded(spec._replace(maps={**spec.maps, "arena": strict}))


def test_loads_that_acquire_and_stores_that_release(build: Compiler) -> None:
    toolchains.require(NEWEST)
    spec = spec_of(build, "acquire_release", NEWEST)
    for opcode in (0xC3, 0xCB, 0xD3, 0xDB):  # 32, 16, 8 and 64 bits
        assert has(spec, opcode, (LOAD_ACQUIRE,))
        assert has(spec, opcode, (STORE_RELEASE,))
    with loaded(spec) as done:
        assert [verdict(done.program) for _ in range(3)] == [1, 2, 3]


def test_may_goto_ends_a_loop(build: Compiler, newer: str) -> None:
    spec = spec_of(build, "may_goto", newer)
    assert has(spec, OP_MAY_GOTO)
    with loaded(spec) as done:
        assert verdict(done.program) == sum(range(LENGTH))


def test_contexts_of_global_functions_are_known_by_their_tag(build: Compiler, newer: str) -> None:
    with loaded(spec_of(build, "arg_ctx", newer)) as done:
        assert verdict(done.program) == LENGTH + 1


def test_jump_tables_are_refused_with_what_to_do(build: Compiler) -> None:
    toolchains.require(NEWEST)
    spec = spec_of(build, "jump_table", NEWEST)
    assert has(spec, OP_GOTO_REGISTER)
    with pytest.raises(ObjectError, match='function "cls_main", instruction 12: a jump table') as caught:
        loaded(spec)
    assert "-fno-jump-tables" in caught.value.hints[0]
    with loaded(spec_of(build, "jump_table", NEWEST, cpu="v3")) as done:
        assert verdict(done.program) == 2


def test_arguments_on_the_stack_are_loaded_or_named(build: Compiler) -> None:
    toolchains.require(NEWEST)
    spec = spec_of(build, "many_arguments", NEWEST)
    try:
        done = loaded(spec)
    except VerifierError as error:
        assert "R11 is invalid" in str(error)
        assert "more than five arguments" in error.reason
    else:
        with done:
            assert verdict(done.program) == LENGTH + 4 * PROTOCOL
