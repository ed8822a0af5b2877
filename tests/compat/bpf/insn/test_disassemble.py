"""The disassembler beside bpftool, and beside the verifier's log, which is the kernel's own text."""

from __future__ import annotations

import ctypes
import re
from pathlib import Path

import pytest

from pytc.bpf import read_object
from pytc.bpf.analyse.program_info import CallNames, read_machine_code, read_translated
from pytc.bpf.insn.disassemble import disassemble
from pytc.bpf.sys.abi import ProgLoadAttr, pointer
from pytc.bpf.sys.constants import Command
from pytc.bpf.sys.descriptor import OwnedFd
from pytc.bpf.sys.syscall import bpf
from pytc.errors import PytcError
from tests.compat.bpf.expectations import EVERY
from tests.compat.bpf.loaders import Sources, loaded
from tests.ebpf_assembler import assemble
from tests.processes import must
from tests.tiers import sample

pytestmark = [pytest.mark.compat, pytest.mark.kernel]

#: Objects that are made to be refused, or of which this kernel refuses a program: those are not compared.
REFUSED = frozenset(
    {
        "core_memsize_signed",
        "core_missing",
        "global_func_bad",
        "kconfig_missing",
        "kconfig_small",
        "kconfig_unknown",
        "kconfig_wrong_type",
        "kfunc_missing",
        "kfunc_wrong_type",
        "kptr",
        "kptr_local",
        "ksym_ambiguous",
        "ksym_missing",
        "ksym_missing_typeless",
        "ksym_typed",
        "ksym_wrong_type",
        "legacy44_junk",
        "other_types",
        "reject_helper",
        "reject_verifier",
        "rodata_pointers",
        "stack_big",
    }
)
_CPU_V4 = ("cpu_v4", "cpu_v4_far")
#: Opcodes to which Linux 6.6 and later gave a meaning that bpftool 7.1 does not know: moves and loads that keep the
#: sign, addresses of per-CPU data, division with sign, byte swaps, long jumps. The verifier's log has them, below.
_AFTER_BPFTOOL = re.compile(
    r"\((?:bc|bf)\) .* (?:\(s(?:8|16|32)\)|&\(void __percpu)|\((?:81|89|91)\)|"
    r" s[/%]= |bswap|gotol"
)


def by_bpftool(number: int) -> list[tuple[str, str]]:
    """(statement with its slot, bytes) of each instruction."""
    lines = must("bpftool", "prog", "dump", "xlated", "id", str(number), "opcodes").splitlines()
    found = [at for at, line in enumerate(lines) if re.match(r" *\d+: (\(|BUG)", line)]
    return [(lines[at], lines[at + 1].replace(" ", "")) for at in found]


@pytest.mark.parametrize("name", sample(EVERY))
def test_as_bpftool_says_it(sources: Sources, bpffs: Path, name: str) -> None:
    path = sources(name, clang="clang-19", cpu="v4") if name in _CPU_V4 else sources(name)
    try:
        programs = [program.name for program in read_object(path).programs]
    except PytcError:
        programs = []
    compared = refused = 0
    for program in programs:
        try:
            with loaded(path, program, bpffs) as done:
                compared += _compared(done.program.fd, done.program.description.id)
        except PytcError:
            refused += 1
    assert bool(refused or not programs) == (name in REFUSED)
    assert compared or name in REFUSED
    assert compared or name in REFUSED
    print("COMPARED", name, compared, len(programs))


def _compared(fd: int, number: int) -> int:
    found = read_translated(fd)
    code, dump = found.instructions, by_bpftool(number)
    # For a call further than 16 bits, the kernel's dump has an error number, which bpftool takes for an address.
    dump = [(re.sub(r"(call pc[+-]\d+)#0x[0-9a-f]+$", r"\1", line), opcodes) for line, opcodes in dump]
    ours = list(disassemble(code, CallNames(found.addresses)))
    slots = [slot for slot, _ in ours] + [len(code) // 8]
    assert len(ours) == len(dump)
    for (slot, text), after, (line, opcodes) in zip(ours, slots[1:], dump, strict=True):
        assert code[slot * 8 : after * 8].hex() == opcodes
        if not _AFTER_BPFTOOL.search(text):
            # Of an interpreted program, bpftool gives the number of a subprogram as an address.
            assert f"{slot: 4d}: {text}" == (line if read_machine_code(fd).functions else line.partition("#0x")[0])
    return len(ours)


@pytest.mark.parametrize("name", ["traffic", "callback", "modern_subprogs", "kfunc", "globals_struct"])
def test_source_lines_as_bpftool_says_them(sources: Sources, bpffs: Path, name: str) -> None:
    path = sources(name)
    with loaded(path, read_object(path).programs[0].name, bpffs) as done:
        source = read_translated(done.program.fd).source
        said = must("bpftool", "prog", "dump", "xlated", "id", str(done.program.description.id), "linum").splitlines()
        assert any(text for _, text in read_machine_code(done.program.fd).source.lines)
    pattern = re.compile(r"; (.*?) ?\[file:(.*) line_num:(\d+) line_col:\d+\]")
    theirs = [match.groups() for match in map(pattern.fullmatch, said) if match]
    assert [(line.text, line.file, str(line.line)) for _, line in source.lines] == theirs
    names = [re.sub(r" \* ?", " *", line.rstrip(":")) for line in said if line.endswith("):")]
    assert [function.text for function in source.functions] == names


#: Programs of statements that this kernel's verifier walks through one after the other.
PROGRAMS = {
    "alu": """
        r1 = 7
        w2 = 3
        r3 = r1
        w4 = w2
        r1 += 5
        r1 += r2
        w1 -= w2
        r1 *= 3
        w1 *= w2
        r1 /= 2
        w1 /= w2
        r1 s/= -3
        r1 s/= r2
        w1 s/= 5
        r3 %= 4
        w3 s%= w2
        r3 s%= 3
        r1 |= 255
        w1 &= w2
        r1 <<= 3
        r1 >>= r2
        r1 s>>= 2
        w1 s>>= 1
        r1 ^= r2
        r1 = -r1
        w1 = -w1
        r0 = 0
        exit""",
    "byte order and signs": """
        r1 = 0x1122334455667788
        r2 = (s8)r1
        r3 = (s16)r1
        r4 = (s32)r1
        w5 = (s8)w1
        w5 = (s16)w1
        r1 = be16 r1
        r1 = le32 r1
        r1 = be64 r1
        r1 = bswap16 r1
        r1 = bswap32 r1
        r1 = bswap64 r1
        r0 = 0
        exit""",
    "memory": """
        r1 = 200
        *(u64 *)(r10 -8) = r1
        *(u32 *)(r10 -12) = r1
        *(u16 *)(r10 -14) = r1
        *(u8 *)(r10 -15) = r1
        *(u64 *)(r10 -24) = -2
        *(u8 *)(r10 -16) = 3
        r2 = *(u64 *)(r10 -8)
        r2 = *(u32 *)(r10 -12)
        r2 = *(u16 *)(r10 -14)
        r2 = *(u8 *)(r10 -15)
        r2 = *(s8 *)(r10 -15)
        r2 = *(s16 *)(r10 -14)
        r2 = *(s32 *)(r10 -12)
        r0 = 0
        exit""",
    "atomics": """
        r1 = 1
        r0 = 5
        *(u64 *)(r10 -8) = r1
        *(u64 *)(r10 -16) = r1
        lock *(u64 *)(r10 -8) += r1
        lock *(u32 *)(r10 -16) |= r1
        lock *(u64 *)(r10 -8) &= r1
        lock *(u64 *)(r10 -8) ^= r1
        r1 = atomic64_fetch_add((u64 *)(r10 -8), r1)
        r1 = atomic_fetch_or((u32 *)(r10 -16), r1)
        r1 = atomic64_fetch_and((u64 *)(r10 -8), r1)
        r1 = atomic64_fetch_xor((u64 *)(r10 -8), r1)
        r1 = atomic64_xchg((u64 *)(r10 -8), r1)
        r1 = atomic_xchg((u32 *)(r10 -16), r1)
        r0 = atomic64_cmpxchg((u64 *)(r10 -8), r0, r1)
        r0 = atomic_cmpxchg((u32 *)(r10 -16), r0, r1)
        r2 = load_acquire((u64 *)(r10 -8))
        r2 = load_acquire((u8 *)(r10 -16))
        store_release((u64 *)(r10 -8), r1)
        store_release((u16 *)(r10 -16), r1)
        r0 = 0
        exit""",
    "jumps": """
        r6 = r1
        r1 = *(u32 *)(r6 +0)
        r2 = *(u32 *)(r6 +8)
        if r1 == 0x5 goto pc+0
        if r1 != r2 goto pc+0
        if r1 > 0xffffffff goto pc+0
        if r1 >= r2 goto pc+0
        if r1 < 0x10 goto pc+0
        if w1 <= w2 goto pc+0
        if r1 s> 0xfffffffe goto pc+0
        if w1 s>= w2 goto pc+0
        if r1 s< r2 goto pc+0
        if w1 s<= 0x7 goto pc+0
        if r1 & 0x8 goto pc+0
        goto pc+0
        gotol pc+0
        may_goto pc+0
        r0 = 0
        exit""",
    "packets and calls": """
        r6 = r1
        r0 = *(u16 *)skb[12]
        r7 = 4
        r0 = *(u8 *)skb[r7 + 10]
        r0 = *(u32 *)skb[r7 + 2]
        call bpf_get_smp_processor_id#8
        call bpf_ktime_get_ns#5
        call pc+2
        r0 = 0
        exit
        r0 = 1
        exit""",
}


def verifier_log(code: bytes) -> str:
    """Return the verifier's log of a program, which it has to accept."""
    room, license = ctypes.create_string_buffer(1 << 18), ctypes.create_string_buffer(b"GPL")
    body = ctypes.create_string_buffer(code, len(code))
    attr = ProgLoadAttr(
        prog_type=3,
        insn_cnt=len(code) // 8,
        insns=pointer(body),
        license=pointer(license),
        log_level=2,
        log_size=len(room),
        log_buf=pointer(room),
    )
    try:
        OwnedFd(bpf(Command.PROG_LOAD, attr)).close()
    except PytcError:
        pytest.fail(room.value.decode())
    return room.value.decode()


@pytest.mark.parametrize("program", PROGRAMS)
def test_as_the_kernel_says_it(root: None, program: str) -> None:
    code = assemble(PROGRAMS[program])
    log = verifier_log(code)
    said = dict(re.findall(r"^(\d+): (\([0-9a-f]{2}\) .*?)(?: *;.*)?$", log, re.MULTILINE))
    assert {str(slot): text for slot, text in disassemble(code)} == said
    statements = [line.strip() for line in PROGRAMS[program].strip().splitlines()]
    assert [text[5:] for _, text in disassemble(code)] == statements
