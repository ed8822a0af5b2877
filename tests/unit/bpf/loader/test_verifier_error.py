"""The verifier's log, recorded on several kernels: the line that decides, and what is made of it."""

from __future__ import annotations

import errno
import struct

import pytest

from pytc.bpf import read_bytes
from pytc.bpf.kernel.versions import precedes
from pytc.bpf.link.linker import LinkedProgram, link
from pytc.bpf.loader.verifier_error import verifier_error
from pytc.bpf.object.spec import ObjectSpec
from pytc.bpf.sys.constants import ProgramType
from pytc.bpf.verifier.log import decisive_line, failing_instruction, last_lines
from tests.btf_writer import BtfWriter, ext
from tests.elf_writer import EXIT, Section, call, code, elf, function, license, mov

PACKET = """\
0: R1=ctx() R10=fp0
; unsigned char *data = (void *)(long)skb->data; @ reject_verifier.c:6
0: (61) r1 = *(u32 *)(r1 +76)         ; R1=pkt(r=0)
; if (data[23] == 17) /* the verifier's log names this line */ @ reject_verifier.c:8
1: (71) r1 = *(u8 *)(r1 +23)
invalid access to packet, off=23 size=1, R1(id=0,off=23,r=0)
R1 offset is outside of the packet
verification time 61 usec
stack depth 0
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""
OLD_PACKET = """\
0: (61) r1 = *(u32 *)(r1 +76)
1: (71) r1 = *(u8 *)(r1 +23)
invalid access to packet, off=23 size=1, R1(id=0,off=23,r=0)
R1 offset is outside of the packet
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0

"""
STACK = """\
combined stack size of 2 calls is 608. Too large
verification time 57 usec
stack depth 304+304
processed 24 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 1
"""
GPL = """\
8: (b7) r2 = 10                       ; R2=10
9: (85) call bpf_trace_printk#6
cannot call GPL-restricted function from non-GPL compatible program
verification time 80 usec
stack depth 16
processed 9 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""
OLD_HELPER = """\
0: R1=ctx(off=0,imm=0) R10=fp0
0: (85) call bpf_probe_read#4
unknown func bpf_probe_read#4
processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""
NEW_HELPER = OLD_HELPER.replace("unknown func", "program of this type cannot use helper")
BRANCHES = """\
func#0 @0
3: (15) if r1 == 0x0 goto pc+2        ; R1_w=scalar()
4: (b7) r0 = 0                        ; R0_w=0
5: (95) exit

from 3 to 6: R1_w=0 R10=fp0
6: R1_w=0 R10=fp0
6: (79) r0 = *(u64 *)(r1 +0)
R1 invalid mem access 'scalar'
processed 7 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
"""


@pytest.mark.parametrize(
    ("log", "line", "instruction"),
    [
        (PACKET, "R1 offset is outside of the packet", 1),
        (OLD_PACKET, "R1 offset is outside of the packet", 1),
        (STACK, "combined stack size of 2 calls is 608. Too large", None),
        (GPL, "cannot call GPL-restricted function from non-GPL compatible program", 9),
        (OLD_HELPER, "unknown func bpf_probe_read#4", 0),
        (NEW_HELPER, "program of this type cannot use helper bpf_probe_read#4", 0),
        (BRANCHES, "R1 invalid mem access 'scalar'", 6),
        ("", "", None),
        ("\n \n", "", None),
        ("processed 0 insns (limit 1)\n", "", None),
    ],
)
def test_the_last_word_and_where_it_fell(log: str, line: str, instruction: int | None) -> None:
    assert decisive_line(log) == line
    assert failing_instruction(log) == instruction


def test_the_last_lines_leave_out_the_statistics() -> None:
    assert last_lines(STACK) == (["combined stack size of 2 calls is 608. Too large"], 0)
    assert last_lines(PACKET, 2) == (PACKET.splitlines()[5:7], 5)
    assert last_lines("") == ([], 0)


def program(license_text: str = "GPL") -> tuple[ObjectSpec, LinkedProgram]:
    """A program of two instructions on lines 6 and 8 of reject.c."""
    w = BtfWriter()
    tc, file = w.string("tc"), w.string("reject.c")
    first, second = w.string("  first();"), w.string("  second();")
    lines = [(tc, 0, file, first, 6 << 10), (tc, 8, file, second, 8 << 10)]
    spec = read_bytes(
        elf(
            code("tc", mov(0, 0), EXIT),
            license(license_text),
            Section(".BTF", w.data()),
            Section(".BTF.ext", ext([(tc, 0, 0)], lines)),
            symbols=[function("cls_main", "tc")],
        )
    )
    return spec, link(spec, spec.programs[0])


class TestErrors:
    """The message that users read."""

    def test_name_program_reason_and_source(self) -> None:
        error = verifier_error(*program(), ProgramType.SCHED_CLS, errno.EACCES, PACKET)
        lines = str(error).splitlines()
        assert lines[0] == (
            'program "cls_main" in section "tc": refused by the verifier: may read past the end of the packet'
        )
        assert lines[1] == (
            "  at reject.c:8 in cls_main (instruction 1, r1 = *(u8 *)(r1 +23): reads 1 byte at R1 + 23)"
        )
        assert lines[2:4] == [
            "    8 | second();",
            "  The verifier: invalid access to packet, off=23 size=1, R1(id=0,off=23,r=0); R1 offset is outside of the "
            "packet",
        ]
        assert lines[-2].startswith("  Suggestion: if (pointer + size > data_end) return TC_ACT_OK; before line 8")
        assert lines[-1] == "  More: pytc help verifier packet-bounds, the log's 7 other lines with verbose"
        assert (error.program, error.errno, error.log, error.source) == ("cls_main", 13, PACKET, "reject.c:8")

    def test_show_no_more_than_twelve_lines_and_say_so(self) -> None:
        log = "".join(f"{i}: (b7) r0 = 0\n" for i in range(40)) + "R0 is bad\n"
        lines = str(verifier_error(*program(), ProgramType.SCHED_CLS, errno.EINVAL, log)).splitlines()
        assert lines[0].endswith("refused by the verifier: R0 is bad")
        assert lines[lines.index("  The end of its log:") + 12 :] == [
            "    R0 is bad",
            "  More: the log's 29 other lines with verbose",
        ]

    def test_show_no_log_that_is_explained(self) -> None:
        assert "The end of its log" not in str(verifier_error(*program(), ProgramType.SCHED_CLS, errno.EINVAL, STACK))

    def test_without_a_log_give_the_errno(self) -> None:
        error = verifier_error(*program(), ProgramType.SCHED_CLS, errno.EINVAL, "")
        assert str(error) == (
            'program "cls_main" in section "tc": the kernel refused to load it: Invalid argument (EINVAL)'
        )

    def test_without_line_information_name_the_line_that_the_log_quotes(self) -> None:
        spec = read_bytes(elf(code("tc", mov(0, 0), EXIT), symbols=[function("cls_main", "tc")]))
        error = verifier_error(spec, link(spec, spec.programs[0]), ProgramType.SCHED_CLS, errno.EACCES, PACKET)
        assert "  at reject_verifier.c:8 in cls_main (instruction 1, r1 = " in str(error)
        error = verifier_error(spec, link(spec, spec.programs[0]), ProgramType.SCHED_CLS, errno.EACCES, OLD_PACKET)
        assert "  at instruction 1 in cls_main (r1 = " in str(error)
        assert error.source == ""

    def test_of_a_function_name_its_own_line(self) -> None:
        w = BtfWriter()
        tc, text, file = w.string("tc"), w.string(".text"), w.string("a.c")
        info = ext(
            [(tc, 0, 0), (tc, 16, 0)],
            [(tc, 0, file, 0, 1 << 10), (tc, 16, file, 0, 5 << 10), (text, 0, file, 0, 9 << 10)],
        )
        spec = read_bytes(
            elf(
                code("tc", call(1), EXIT, mov(0, 0), EXIT),
                Section(".BTF", w.data()),
                Section(".BTF.ext", info),
                symbols=[function("main", "tc", 0, 2), function("f", "tc", 2, 2, binding=0)],
            )
        )
        error = verifier_error(
            spec, link(spec, spec.programs[0]), ProgramType.SCHED_CLS, errno.EINVAL, "3: (95) exit\nbad\n"
        )
        assert error.source == "a.c:5"

    def test_an_instruction_without_a_line_is_at_the_one_before(self) -> None:
        w = BtfWriter()
        tc, file, text = w.string("tc"), w.string("a.c"), w.string("f();")
        info = ext([(tc, 0, 0)], [(tc, 0, file, text, 6 << 10), (tc, 8, file, 0, 0)])
        spec = read_bytes(
            elf(
                code("tc", mov(0, 0), EXIT),
                Section(".BTF", w.data()),
                Section(".BTF.ext", info),
                symbols=[function("main", "tc", 0, 2)],
            )
        )
        error = verifier_error(
            spec, link(spec, spec.programs[0]), ProgramType.SCHED_CLS, errno.EINVAL, "1: (95) exit\n"
        )
        assert error.source == "a.c:6"


class TestReasons:
    """What this kernel, process and object have to do with a refusal."""

    def reason(self, number: int, log: str, license_text: str = "GPL") -> str:
        return verifier_error(*program(license_text), ProgramType.SCHED_CLS, number, log).reason

    def test_a_helper_for_gpl_programs_wants_another_license(self) -> None:
        reason = self.reason(errno.EINVAL, GPL, "Proprietary")
        assert reason == 'the object has the license "Proprietary"; this function needs a GPL-compatible one'

    def test_an_object_without_license_is_told_so(self) -> None:
        spec = read_bytes(elf(code("tc", EXIT), symbols=[function("cls_main", "tc")]))
        linked = link(spec, spec.programs[0])
        assert "no license section" in verifier_error(spec, linked, ProgramType.SCHED_CLS, errno.EINVAL, GPL).reason
        error = verifier_error(spec, linked, ProgramType.SCHED_CLS, errno.EINVAL, STACK)
        assert error.hints == (), "true, but not why it does not load"

    @pytest.mark.parametrize(
        "reason",
        ["map 'GPL' is bad", "Global function GPL() doesn't return scalar. Only those are supported.", "R1 !read_ok"],
    )
    def test_names_are_no_reasons(self, reason: str) -> None:
        """The kernel's sentences have names from the object."""
        assert "license" not in self.reason(errno.EINVAL, f"0: (95) exit\n{reason}\n", "Proprietary")
        assert "JIT" not in self.reason(errno.EINVAL, "Global function non-JITed() doesn't return scalar.\n")

    def test_too_many_steps(self) -> None:
        reason = self.reason(errno.E2BIG, "BPF program is too large. Processed 1000001 insn\n")
        assert "the program has 2 instructions" in reason
        assert "gave up after 1000001" in reason

    def test_a_variable_is_not_a_map(self) -> None:
        assert 'only variables in SEC(".maps")' in self.reason(errno.EACCES, "R1 type=map_value expected=map_ptr\n")

    def test_a_call_by_a_register(self) -> None:
        assert "-O2" in self.reason(errno.EINVAL, "unknown opcode 8d\n")

    def test_a_helper_of_privileged_processes(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log = "0: (85) call bpf_trace_printk#6\nprogram of this type cannot use helper bpf_trace_printk#6\n"
        monkeypatch.setattr("pytc.bpf.loader.circumstances.lacks_capability", lambda number: True)
        assert self.reason(errno.EINVAL, log).startswith("bpf_trace_printk needs CAP_PERFMON; ")
        error = verifier_error(*program(), ProgramType.SCHED_CLS, errno.EACCES, "R0 leaks addr as return value\n")
        assert "a process with CAP_PERFMON may do that; " in error.suggestion

    @pytest.mark.parametrize("log", [OLD_HELPER, NEW_HELPER])
    def test_a_helper_of_other_program_types_is_named(self, log: str) -> None:
        said = "programs of type sched_cls cannot call the helper bpf_probe_read in this kernel"
        assert self.reason(errno.EINVAL, log) == said

    def test_too_many_instructions(self) -> None:
        spec, linked = program()
        error = verifier_error(spec, linked._replace(code=bytes(5000 * 8)), ProgramType.SCHED_CLS, errno.E2BIG, "")
        assert "5000 instructions" in error.hints[0]

    @pytest.mark.parametrize(
        ("setting", "said"), [("", "CONFIG_BPF_JIT"), ("0", "net.core.bpf_jit_enable"), ("1", "JIT compiler does not")]
    )
    def test_why_a_program_is_not_compiled(self, monkeypatch: pytest.MonkeyPatch, setting: str, said: str) -> None:
        monkeypatch.setattr("pytc.bpf.loader.circumstances.read_setting", lambda path: setting)
        assert said in self.reason(errno.EINVAL, "callbacks are not allowed in non-JITed programs\n")

    def test_what_the_verifier_learnt_later(self) -> None:
        reason = self.reason(errno.EINVAL, "Arg#0 type PTR in f() is not supported yet.\n")
        assert reason.startswith("before Linux 5.13, the arguments of a global function can be numbers and the context")

    def test_instructions_that_are_younger_than_the_kernel(self, monkeypatch: pytest.MonkeyPatch) -> None:
        spec, linked = program()
        sign_extending = struct.pack("<BBhi", 0xBF, 0, 8, 0) + linked.code[-8:]
        monkeypatch.setattr("pytc.bpf.loader.circumstances.is_older", lambda since: precedes("6.5", since))
        error = verifier_error(
            spec, linked._replace(code=sign_extending), ProgramType.SCHED_CLS, errno.EINVAL, "BPF_MOV is bad\n"
        )
        assert error.hints[0].startswith("the program uses instructions of cpu v4, which came with Linux 6.6; this is ")
        monkeypatch.setattr("pytc.bpf.loader.circumstances.is_older", lambda since: precedes("6.6", since))
        error = verifier_error(
            spec, linked._replace(code=sign_extending), ProgramType.SCHED_CLS, errno.EINVAL, "BPF_MOV is bad\n"
        )
        assert error.hints == ()

    def test_words_of_the_source_are_no_reasons(self) -> None:
        """The log has the program's lines, which may speak of licenses and of JIT compilers."""
        log = '; print("GPL unknown func f#4 non-JITed"); @ a.c:1\n1: (95) exit\nR0 !read_ok\n'
        error = verifier_error(*program(), ProgramType.SCHED_CLS, errno.EACCES, log)
        assert error.category == "missing-return"

    @pytest.mark.parametrize(
        ("settings", "hints"),
        [
            ({}, 1),  # unknown
            ({"CONFIG_BPF_SYSCALL": "y"}, 1),
            ({"CONFIG_BPF_SYSCALL": "y", "CONFIG_BPF_EVENTS": "y"}, 0),
        ],
    )
    def test_a_type_that_the_kernel_is_built_without(
        self, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], hints: int
    ) -> None:
        monkeypatch.setattr("pytc.bpf.kernel.running.configuration", lambda: settings)
        error = verifier_error(*program(), ProgramType.KPROBE, errno.EINVAL, "")
        said = "programs of type kprobe need a kernel that is built with CONFIG_BPF_EVENTS"
        assert error.hints == (said,) * hints

    def test_none_where_nothing_is_known(self) -> None:
        assert verifier_error(*program(), ProgramType.SCHED_CLS, errno.EACCES, PACKET).hints == ()


def test_records_of_lines_may_be_longer_than_known() -> None:
    spec, linked = program()
    padded = b"".join(record + struct.pack("<I", 7) for record in (linked.line_info[:16], linked.line_info[16:]))
    longer = linked._replace(line_info=padded, line_info_size=20)
    error = verifier_error(spec, longer, ProgramType.SCHED_CLS, errno.EACCES, PACKET)
    assert error.source == "reject.c:8"
