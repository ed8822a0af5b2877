"""Mistakes in objects: the message names what is wrong, and what only another program needs is no mistake."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytc.bpf import PinRoot, ProgramType, load, read_bytes, read_object, select_program
from pytc.bpf.analyse.lint import lint_file
from pytc.bpf.kernel.features import Features
from pytc.bpf.sys.log_buffer import LOG_SIZES
from pytc.errors import BpfError, ObjectError, SelectionError, VerifierError
from tests.conftest import Compiler
from tests.kernel.bpf.support import (
    loaded,
    nothing_left,
    verdict,
)

pytestmark = pytest.mark.kernel


class TestTypes:
    """Values with a lock, and what goes wrong with their types."""

    def test_sizes_are_not_types(self, build: Compiler, bpffs: Path) -> None:
        path = build("mistakes/lock_by_size")
        with pytest.raises(VerifierError, match="'totals' has to have BTF in order to use bpf_spin_lock") as refused:
            loaded(path, bpffs)
        assert '"totals" is declared by sizes, which tell the kernel no types' in refused.value.reason
        (finding,) = [finding for finding in lint_file(path) if finding.severity == "error"]
        assert (finding.check, finding.map) == ("map-types", "totals")
        assert "__type(key, ...) and __type(value, ...)" in finding.text

    def test_a_refused_type_is_named_also_when_the_load_fails(self, build: Compiler, bpffs: Path) -> None:
        image = Path(build("spinlock")).read_bytes()
        spec = read_bytes(image.replace(b"\0locked\0", b"\0lock<>\0"), "x.o")
        with pytest.raises(VerifierError) as refused:
            load(spec, spec.programs[0], type=ProgramType.SCHED_CLS, pins=PinRoot(str(bpffs)))
        assert re.search(
            r"refused the object's type information.*STRUCT lock<> .*Invalid name", refused.value.hints[-1]
        )

    def test_a_refused_type_is_noted_when_the_load_works(self, build: Compiler, bpffs: Path) -> None:
        image = Path(build("typed_values")).read_bytes()
        spec = read_bytes(image.replace(b"\0endpoint\0", b"\0end<int>\0"), "x.o")
        with load(spec, spec.programs[0], type=ProgramType.SCHED_CLS, pins=PinRoot(str(bpffs))) as done:
            (note,) = [note for note in done.notes if "type information" in note]
        assert re.search(r"BTF_LOAD.*STRUCT end<int> .*Invalid name; going on without", note)


class TestReasons:
    """Programs that the verifier refuses, and what is said of them."""

    @pytest.mark.parametrize(
        ("name", "message", "category", "suggestion"),
        [
            ("cls_main", "infinite loop detected at insn ", "infinite-loop", "count the passes"),
            (
                "unchecked",
                "R0 invalid mem access 'map_value_or_null'",
                "null-pointer",
                "if (!gpl_value) return TC_ACT_OK;",
            ),
            pytest.param(
                "long_loop",
                "BPF program is too large. Processed 1000001 insn",
                "too-complex",
                "bpf_loop() (Linux 5.17)",
                marks=pytest.mark.slow,
            ),
        ],
    )
    def test_are_the_kernels_sentence_and_what_it_means(
        self, build: Compiler, bpffs: Path, name: str, message: str, category: str, suggestion: str
    ) -> None:
        with pytest.raises(VerifierError) as refused:
            loaded(build("mistakes/endless"), bpffs, name=name)
        assert f"\n  The verifier: {message}" in str(refused.value)
        assert refused.value.category == category
        assert suggestion in refused.value.suggestion
        assert f"refused by the verifier: {refused.value.title}" in str(refused.value).splitlines()[0]
        assert re.search(r"endless\.c:[1-9]", refused.value.source)
        # long_loop's is of 100 MB: only its end is kept.
        assert 0 < len(refused.value.log) < LOG_SIZES[0]
        assert " other lines with verbose" in str(refused.value)
        assert refused.value.hints == ()

    def test_calls_by_a_register_are_told_to_optimise(self, build: Compiler, bpffs: Path) -> None:
        path = build("mistakes/endless", flags=("-g", "-O0"))
        with pytest.raises(VerifierError, match="unknown opcode 8d") as refused:
            loaded(path, bpffs, name="unchecked")
        assert "-O2" in refused.value.suggestion
        assert "register-call" in [finding.check for finding in lint_file(path)]


class TestOthers:
    """What the other programs of an object need and do not get."""

    @pytest.mark.parametrize(
        ("name", "said", "hint"),
        [
            ("setting", 'has no "CONFIG_NO_SUCH_SETTING"', ""),
            pytest.param(
                *("function", 'no function "no_such_function"', "declare it __weak"),
                marks=pytest.mark.needs("kernel_btf"),
            ),
            ("incomplete", 'map "incomplete": the type of its key, nowhere, is only declared, and has no size', ""),
            (
                "impossible",
                'map "impossible" (array): cannot create it',
                "the key of an array must have 4 bytes, not 8",
            ),
            ("old_style", '"type" is a plain number, as in section "maps"; in ".maps" it is a type: __uint(type', ""),
            ("elsewhere", '"elsewhere" in section "my_maps", which holds neither maps nor data', 'SEC(".maps")'),
            ("tentative", '"tentative", a variable that no section holds (COMMON)', "-fno-common"),
            ("library", '"ntohl", which the object neither defines', "bpf_ntohl of <bpf/bpf_endian.h>"),
        ],
    )
    def test_are_told_why(self, build: Compiler, bpffs: Path, name: str, said: str, hint: str) -> None:
        with nothing_left(bpffs), pytest.raises(BpfError) as refused:
            loaded(build("mistakes/others"), bpffs, name=f"wants_{name}")
        assert said in str(refused.value)
        assert hint in "".join(refused.value.hints)

    def test_do_not_matter_to_the_one_that_works(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("mistakes/others"), bpffs, name="fine") as done:
            assert verdict(done.program) == 1
            assert {".kconfig", "good"} == done.maps.keys()
            assert not any("BTF" in note for note in done.notes)

    def test_do_not_matter_to_a_kernel_without_types(self, build: Compiler, bpffs: Path) -> None:
        """It takes no extern function either, and "ntohl" is one."""
        spec, features = read_object(build("mistakes/others")), Features(frozenset({"kernel_types"}))
        chosen, pins = select_program(spec, program="fine"), PinRoot(str(bpffs))
        with load(spec, chosen, type=ProgramType.SCHED_CLS, pins=pins, features=features) as done:
            assert not any("BTF" in note for note in done.notes)

    def test_are_found_by_their_section_without_the_mark_of_libbpf(self, build: Compiler, bpffs: Path) -> None:
        spec = read_object(build("other_types"))
        with pytest.raises(SelectionError):
            select_program(spec, section="tc")
        assert select_program(read_object(build("mistakes/optional")), section="tc").name == "optional"

    def test_are_listed_with_the_nearest_names_first(self, build: Compiler) -> None:
        spec = read_object(build("mistakes/others"))
        with pytest.raises(SelectionError, match=r'programs: "tc" \(program wants_old_style\),'):
            select_program(spec, program="want_old_stile")

    def test_have_a_type_to_be_stated(self, build: Compiler, bpffs: Path) -> None:
        spec = read_object(build("mistakes/others"))
        with pytest.raises(ObjectError, match='program "typeless": the name of its section, "mine", does not tell'):
            load(spec, select_program(spec, program="typeless"), pins=PinRoot(str(bpffs)))
