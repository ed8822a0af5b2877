"""Every object of tests/objects loads and does what its first line says, or is refused with a useful message."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import Loaded, Map, ProgramType, load, read_bytes, read_object, select_program
from pytc.errors import BpfSyscallError, MapDefinitionError, ObjectError, VerifierError
from tests.conftest import Compiler
from tests.elf_writer import (
    ALLOC,
    EXIT,
    RETURN_0,
    WRITE,
    Relocation,
    Section,
    Symbol,
    address,
    code,
    elf,
    function,
    insn,
    license,
    mov,
    words,
)
from tests.kernel.bpf.support import (
    LENGTH,
    OK,
    count,
    descriptors,
    loaded,
    nothing_left,
    verdict,
    word,
)

pytestmark = pytest.mark.kernel


class TestMaps:
    def test_of_tail_calls_that_nothing_keeps_are_noted(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("legacy_tail"), bpffs) as done:
            assert done.notes == [
                'program array "jmp" is not pinned: the kernel empties it when the last descriptor '
                "is closed, and its tail calls then fall through"
            ]

    def test_of_both_kinds_have_types_as_they_are_declared(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("mixed"), bpffs) as done:
            assert [bool(done.maps[name].description.btf_id) for name in ("old_map", "new_map")] == [False, True]

    def test_of_read_only_data_are_frozen(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("modern_globals"), bpffs) as done:
            for name in (".rodata", ".rodata.cfg", ".rodata.str1.1"):
                with pytest.raises(BpfSyscallError, match="EPERM"):
                    done.maps[name][word(0)] = done.maps[name][word(0)]
            done.maps[".data"][word(0)] = bytes(16)

    def test_may_be_many(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("legacy_many"), bpffs) as done:
            assert len(done.maps) == 70


def fds(kind: str) -> int:
    """Open descriptors of a kind: ``bpf-prog``, ``bpf-map``, ``btf``."""
    return descriptors().count(f"anon_inode:{kind}")


class TestWhatIsLoaded:
    """Only the program that is asked for, and what its tail calls reach."""

    def test_a_broken_program_of_another_type_does_not_matter(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("other_types"), bpffs, section="classifier") as done:
            assert fds("bpf-prog") == 1
            assert verdict(done.program) == OK
            assert count(done.maps["seen"], 3) == LENGTH

    @pytest.mark.parametrize(
        ("name", "type"),
        [
            ("on_xdp", ProgramType.XDP),
            ("on_socket", ProgramType.SOCKET_FILTER),
            pytest.param("on_xmit", ProgramType.KPROBE, marks=pytest.mark.needs("program:kprobe")),
        ],
    )
    def test_programs_of_other_types_load_as_what_they_are(
        self, build: Compiler, bpffs: Path, name: str, type: ProgramType
    ) -> None:
        spec = read_object(build("other_types"))
        with load(spec, select_program(spec, program=name)) as done:
            assert done.program.description.type == type

    @pytest.mark.parametrize(
        ("name", "programs"), [("cls_main", 3), ("slot_three", 2), ("slot_five", 1), ("nowhere", 1)]
    )
    def test_tail_calls_bring_their_targets(self, build: Compiler, bpffs: Path, name: str, programs: int) -> None:
        with loaded(build("legacy_tail"), bpffs, name=name):
            assert fds("bpf-prog") == programs

    def test_a_target_fills_its_own_slot(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("legacy_tail"), bpffs, name="slot_three") as done:
            assert [key for key in range(8) if done.maps["jmp"].get(word(key))] == [3, 5]
            assert verdict(done.program) == 0x10005

    def test_nothing_stays_open_after_the_end(self, build: Compiler, bpffs: Path) -> None:
        before = descriptors()
        with loaded(build("legacy_tail"), bpffs) as done:
            assert descriptors() != before
        assert descriptors() == before
        with pytest.raises(ValueError, match="closed"):
            assert done.program.fd
        done.close()

    @pytest.mark.needs("locked_memory")
    def test_the_limit_of_locked_memory_is_raised(self, build: Compiler, bpffs: Path) -> None:
        before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, before[1]))
        try:
            with loaded(build("legacy_many"), bpffs):
                assert resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY
        finally:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, before)

    @pytest.mark.needs("!locked_memory")
    def test_the_limit_of_locked_memory_is_not_touched(self, build: Compiler, bpffs: Path) -> None:
        before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, before[1]))
        try:
            with loaded(build("legacy_many"), bpffs):
                assert resource.getrlimit(resource.RLIMIT_MEMLOCK) == (0, before[1])
        finally:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, before)

    def test_objects_without_debug_information_do_without_types(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("legacy36", flags=()), bpffs) as done:
            assert fds("btf") == 0
            assert done.program.description.btf_id == 0

    @pytest.mark.needs("context_arguments")
    def test_a_statically_linked_object_keeps_its_types(self, build: Compiler, bpffs: Path, tmp_path: Path) -> None:
        from tests.processes import must

        target = str(tmp_path / "linked.o")
        must("bpftool", "gen", "object", target, build("modern_globals"), build("modern_subprogs"))
        with loaded(target, bpffs, name="one") as done:
            assert done.notes == []
            assert done.maps[".bss"].description.btf_id


class TestRefusals:
    """The message names the program, the C line, the verifier's last lines, and a likely cause."""

    def refused(self, path: str, mount: Path, *, name: str = "", verbose: bool = False) -> VerifierError:
        with nothing_left(mount), pytest.raises(VerifierError) as caught:
            loaded(path, mount, name=name, verbose=verbose)
        return caught.value

    @pytest.mark.parametrize("verbose", [False, True])
    def test_access_without_a_check(self, build: Compiler, bpffs: Path, verbose: bool) -> None:
        error = self.refused(build("reject_verifier"), bpffs, verbose=verbose)
        lines = str(error).splitlines()
        assert lines[0].startswith(
            'program "cls_main" in section "classifier": refused by the verifier: may read past the end of the packet'
        )
        assert "reject_verifier.c:8:5 in cls_main (" in lines[1]
        assert lines[2] == "    8 | if (data[23] == 17) /* the verifier's log names this line */"
        assert lines[3] == "      |     ^"
        assert lines[4].startswith("  The verifier: invalid access to packet, off=23 size=1")
        assert error.source.endswith("reject_verifier.c:8")
        assert error.errno == 13

    def test_without_debug_information_there_is_no_line(self, build: Compiler, bpffs: Path) -> None:
        error = self.refused(build("reject_verifier", flags=()), bpffs)
        assert error.source == ""
        assert "invalid access to packet" in str(error)

    @pytest.mark.needs("helper:trace_printk")
    def test_a_helper_for_gpl_programs(self, build: Compiler, bpffs: Path) -> None:
        error = self.refused(build("reject_helper"), bpffs)
        assert "reject_helper.c:8" in error.source
        assert error.reason.startswith('the object has the license "Proprietary"; this function needs a GPL-compatible')

    def test_too_much_stack(self, build: Compiler, bpffs: Path) -> None:
        error = self.refused(build("stack_big"), bpffs)
        assert "combined stack size of 2 calls is" in str(error)
        assert "cls_main() 300, inner() 300 bytes" in error.suggestion

    def test_a_broken_program_that_is_asked_for(self, build: Compiler, bpffs: Path) -> None:
        spec = read_object(build("other_types"))
        with nothing_left(bpffs), pytest.raises(VerifierError, match='program "broken" in section "kprobe/netif_rx"'):
            load(spec, select_program(spec, program="broken"))

    def test_a_helper_of_other_program_types(self, bpffs: Path) -> None:
        data = elf(code("tc", insn(0x85, immediate=4), EXIT), license(), symbols=[function("cls", "tc")])
        spec = read_bytes(data)
        with pytest.raises(VerifierError) as caught:
            load(spec, spec.programs[0])
        assert caught.value.reason.startswith("programs of type sched_cls cannot call the helper")

    def test_junk_behind_a_map_definition(self, build: Compiler, bpffs: Path) -> None:
        with (
            nothing_left(bpffs),
            pytest.raises(MapDefinitionError, match=r'map "map_array": the field "much_later" .* is set'),
        ):
            loaded(build("legacy44_junk"), bpffs)

    def test_a_section_that_says_no_type(self, build: Compiler, bpffs: Path) -> None:
        spec = read_object(build("one_program"))
        with (
            nothing_left(bpffs),
            pytest.raises(ObjectError, match=r"the name of its section, .* does not tell its type"),
        ):
            load(spec, spec.programs[0])


def counting(instructions: int, *end: bytes) -> bytes:
    """A program of that many additions."""
    return elf(
        code("tc", mov(0, 0), insn(0x07, 0, immediate=1) * instructions, *end, EXIT),
        license(),
        symbols=[function("cls", "tc")],
    )


class TestLog:
    @pytest.mark.parametrize("verbose", [False, True])
    def test_comes_on_success_only_when_asked_for(self, build: Compiler, bpffs: Path, verbose: bool) -> None:
        with loaded(build("drop"), bpffs, verbose=verbose) as done:
            assert ("processed" in done.log) is verbose
            assert bool(done.log) is verbose

    def test_of_a_long_program_has_its_statistics(self, root: None) -> None:
        spec = read_bytes(counting(20_000))
        with load(spec, spec.programs[0], verbose=True) as done:
            assert "processed 20002 insns" in done.log
            assert verdict(done.program) == 20_000

    @pytest.mark.parametrize("verbose", [False, True])
    def test_of_a_refusal_is_fetched_whole_however_long_it_is(self, root: None, verbose: bool) -> None:
        # Linux 5.10 writes four times as much as 6.18 for an instruction, and user-mode Linux has 65,530 mappings, one
        # for most pages, for each process.
        instructions, log = 8_000, ""
        while len(log) <= 1 << 20:
            instructions *= 2
            spec = read_bytes(counting(instructions, insn(0x79, 0, 3)))
            with pytest.raises(VerifierError, match="R3 !read_ok") as caught:
                load(spec, spec.programs[0], verbose=verbose)
            log = caught.value.log
        assert log.startswith("0: ")
        assert f"processed {instructions + 2} insns" in log
        assert len(str(caught.value).splitlines()) < 20

    @pytest.mark.needs("host")  # 280 MB
    def test_of_a_program_with_too_many_instructions_for_the_kernel(self, root: None) -> None:
        spec = read_bytes(elf(code("tc", mov(0, 0) * 1_000_000), license(), symbols=[function("cls", "tc")]))
        with pytest.raises(VerifierError):
            load(spec, spec.programs[0])


def with_map(*row: int, used: bool, section: str = "tc") -> bytes:
    """A program beside a legacy map ``m``, which it refers to or not."""
    body = (address(1), *(RETURN_0,)) if used else (RETURN_0,)
    return elf(
        code(section, *body),
        Section("maps", words(*row), flags=ALLOC | WRITE),
        license(),
        symbols=[function("cls", section), Symbol("m", "maps", 0, 4 * len(row))],
        relocations=[Relocation(section, 0, "m")] if used else [],
    )


class TestMapsThatCannotBe:
    UNKNOWN = (9999, 4, 8, 1)

    def test_matter_when_the_program_uses_them(self, bpffs: Path) -> None:
        spec = read_bytes(with_map(*self.UNKNOWN, used=True))
        with nothing_left(bpffs), pytest.raises(BpfSyscallError, match=r'map "m" \(9999\): cannot create it') as caught:
            load(spec, spec.programs[0])
        assert "this kernel does not accept 9999 maps with key size 4, value size 8" in caught.value.hints[0]

    def test_are_noted_when_it_does_not(self, bpffs: Path) -> None:
        spec = read_bytes(with_map(*self.UNKNOWN, used=False))
        with load(spec, spec.programs[0]) as done:
            assert "no loaded program uses it" in done.notes[0]
            assert done.maps == {}

    def test_are_explained_when_they_are_too_large(self, bpffs: Path) -> None:
        spec = read_bytes(with_map(1, 4, 0x7FFFFFFF, 0x7FFFFFFF, used=True))
        with pytest.raises(BpfSyscallError) as caught:
            load(spec, spec.programs[0])
        assert caught.value.hints


class TestSlots:
    def array(self, section: str, *more: bytes, entries: int = 4) -> bytes:
        """``main`` uses program array 1; a program lies in ``section``."""
        return elf(
            code("tc", address(1), RETURN_0),
            code(section, *more or (RETURN_0,)),
            license(),
            Section("maps", words(3, 4, 4, entries, 1), flags=ALLOC | WRITE),
            relocations=[Relocation("tc", 0, "m")],
            symbols=[function("main", "tc"), function("target", section), Symbol("m", "maps", 0, 20)],
        )

    def load(self, data: bytes) -> Loaded:
        spec = read_bytes(data)
        return load(spec, select_program(spec, program="main"))

    def filled(self, found: Map) -> Iterator[int]:
        return (key for key in range(found.description.max_entries) if found.get(word(key)))

    @pytest.mark.parametrize(("section", "slot"), [("1/0", 0), ("0x1/0x3", 3), ("01/2", 2), ("1/02", 2), ("0X1/01", 1)])
    def test_are_said_by_the_section_as_c_spells_numbers(self, root: None, section: str, slot: int) -> None:
        with self.load(self.array(section)) as done:
            assert list(self.filled(done.maps["m"])) == [slot]

    @pytest.mark.parametrize("section", ["2/0", "1/", "/0", "1/0/0", "x/0", "1/0x", "1/08", "-1/0", "1 /0", "٢/0"])
    def test_other_sections_say_none(self, root: None, section: str) -> None:
        with self.load(self.array(section)) as done:
            assert list(self.filled(done.maps["m"])) == []

    def test_beyond_the_end_are_refused(self, bpffs: Path) -> None:
        with nothing_left(bpffs), pytest.raises(BpfSyscallError, match='program "target" into slot 4') as caught:
            self.load(self.array("1/4"))
        assert caught.value.hints == ('map "m" has 4 entries: slot 4 is out of range',)

    def test_beyond_32_bits_are_refused(self, bpffs: Path) -> None:
        with nothing_left(bpffs), pytest.raises(ObjectError, match='map "m": slot 4294967296 is out of range'):
            self.load(self.array("1/0x100000000"))

    def test_of_a_program_that_is_refused_leave_nothing(self, bpffs: Path) -> None:
        with nothing_left(bpffs), pytest.raises(VerifierError, match='program "target"'):
            self.load(self.array("1/0", EXIT))

    def test_of_programs_of_one_name_get_the_right_one(self, root: None) -> None:
        data = elf(
            code("tc", address(1), RETURN_0),
            code("1/1", mov(0, 1), EXIT),
            code("1/2", mov(0, 2), EXIT),
            Section("maps", words(3, 4, 4, 4, 1), flags=ALLOC | WRITE),
            license(),
            relocations=[Relocation("tc", 0, "m")],
            symbols=[
                function("main", "tc"),
                function("same", "1/1", binding=0),
                function("same", "1/2", binding=0),
                Symbol("m", "maps", 0, 20),
            ],
        )
        with self.load(data) as done:
            ids = [done.maps["m"][word(slot)] for slot in (1, 2)]
            assert ids[0] != ids[1]


def test_the_address_of_data_behind_its_end_is_the_kernels_to_refuse(bpffs: Path) -> None:
    data = elf(
        code("tc", address(1, 400), RETURN_0),
        Section(".data", bytes(8), flags=ALLOC | WRITE),
        license(),
        symbols=[function("cls", "tc"), Symbol("v", ".data")],
        relocations=[Relocation("tc", 0, "v")],
    )
    spec = read_bytes(data)
    with nothing_left(bpffs), pytest.raises(VerifierError, match="invalid access to map value pointer"):
        load(spec, spec.programs[0])
