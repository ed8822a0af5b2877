"""Explains what the kernel's own negative tests of the verifier are refused for, and compares it with what they expect.

usage: .ci/verifier_selftests.py [VERSION]    of the sources, 6.12 without one

tools/testing/selftests/bpf/progs of Debian's package of the sources is compiled by this machine's clang, with the types
of the running kernel; what does not compile is left out, and nothing is kept in this tree. A program with the tags of ``__failure`` and ``__msg`` is loaded; where this kernel refuses it, the category of the report is compared
with those that ``EXPECTED``, written by hand, allows for the message, and the line of the report with the last that the
verifier names in its log. Prints the shares, and what contradicts.

Exit status: 0 when 95 % of the refusals have a category and none contradicts; 1 when not; 77 where the sources or
bpftool are not to be had.
"""

from __future__ import annotations

import collections
import os
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import archive
from kernel_sources import unpacked

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))
from pytc.bpf import PinRoot, load, read_object
from pytc.bpf.btf import types as b
from pytc.bpf.object.spec import ObjectSpec, ProgramSpec
from pytc.errors import PytcError, VerifierError

#: Parts of messages that tests expect, and the categories that a report about them may have; the first part counts.
EXPECTED: tuple[tuple[str, str], ...] = (
    (
        r"old state|cur state|from \d+ to|mark_precise|last_idx|frame\d|R\d+_?\w*=|^\d+: |processed|stack depth|func#",
        "*",
    ),
    (r"calling kernel function .* is not allowed", "kfunc-unavailable"),
    (r"calls are not allowed", "lock restricted-region"),
    (r"dynptr has to be at a constant offset", "dynptr"),
    (r"expects pointer to ctx", "context-pointer global-function"),
    (
        r"map_value_or_null|_or_null|Possibly NULL|null-check it first|expected to be non-NULL",
        "null-pointer argument-type",
    ),
    (r"invalid access to packet|outside of the packet", "packet-bounds"),
    (r"invalid access to map value|map value", "map-value-bounds argument-type pointer-arithmetic stack-bounds dynptr"),
    (r"unbounded memory access|min value is negative", "unbounded-index unbounded-size constant-argument"),
    (
        r"outside of the (?:allowed )?(?:memory|array) range|invalid access to memory|buffer|mem_size",
        "map-value-bounds memory-bounds unbounded-index packet-bounds argument-type unbounded-size",
    ),
    (r"zero-sized read|unbounded size", "unbounded-size"),
    (r"R0 !read_ok", "missing-return uninitialised-register"),
    (r"!read_ok", "uninitialised-register missing-return"),
    (
        r"invalid (?:indirect )?(?:access |read )?(?:to|from) stack|read from stack",
        "uninitialised-stack stack-bounds argument-type",
    ),
    (
        r"write to stack|stack R\d|stack type|variable-offset|stack pointer|frame pointer|spill|leaking pointer from stack",
        "stack-bounds pointer-leak privilege pointer-arithmetic uninitialised-stack",
    ),
    (r"combined stack|stack size|frames is too deep", "stack-size call-depth"),
    (r"bpf_context|ctx_size", "context-field memory-bounds"),
    (
        r"modified ctx|negative offset ctx|variable ctx|dereference of modified|expected pointer to ctx|pointer to context|negative offset|at a constant offset",
        "context-pointer kernel-memory",
    ),
    (r"invalid mem access '(?:scalar|inv)", "not-a-pointer stale-packet-pointer"),
    (r"invalid mem access", "not-a-pointer stale-packet-pointer null-pointer"),
    (r"type=|of type .* expected|expects pointer|expected=", "argument-type null-pointer map-kind"),
    (r"tail_call", "tail-call reference-leak restricted-region lock map-pointer"),
    (r"known constant|not a const|must be a known", "constant-argument"),
    (r"reference leak|Unreleased reference|Leaking reference", "reference-leak"),
    (
        r"not been acquired|must be referenced|release function|unacquired reference|expects ref",
        "reference-argument argument-type",
    ),
    (r"spin_lock|spin_unlock|lock|held", "lock map-field restricted-region owned-object map-kind"),
    (r"infinite loop|back-edge", "infinite-loop"),
    (r"too complex|too large|too many", "too-complex call-depth limit"),
    (r"unreachable", "unreachable-code"),
    (
        r"jump out of range|last insn|invalid destination|ldimm64|BPF_LD_IMM|bpf_ld_imm64|reserved field|unknown opcode|div by zero|invalid shift|uses reserved",
        "control-flow instruction missing-symbol",
    ),
    (
        r"pointer arithmetic|math between|bitwise operator|out of range|out of bounds|subtract|pointer .* pointer|32-bit pointer|partial copy",
        "pointer-arithmetic privilege stack-bounds map-value-bounds",
    ),
    (r"leaks addr|pointer comparison", "pointer-leak context-field"),
    (r"misaligned", "misaligned"),
    (r"At (?:sub)?program exit|register R0|return code", "return-value global-function"),
    (
        r"cannot write into|map forbidden|write into|readonly|read-only|only read",
        "read-only map-pointer kernel-memory constant-string dynptr atomic",
    ),
    (r"callback", "callback tail-call"),
    (r"dynptr", "dynptr argument-type reference-leak reference-argument"),
    (r"iter", "iterator reference-leak restricted-region argument-type"),
    (
        r"kptr|allocated object|bpf_obj_|rb_node|list_head|rbtree|owning|graph|bpf_list|refcount",
        "owned-object map-field reference-argument argument-type lock kernel-memory reference-leak",
    ),
    (r"rcu|preempt|irq|sleep", "restricted-region argument-type kernel-memory reference-argument"),
    (
        r"global function|global func|Caller passes|arg#\d|args|Func#|func '",
        "global-function argument-type kernel-memory function-type owned-object reference-argument map-field limit dynptr iterator",
    ),
    (
        r"access beyond|ptr_|user memory|percpu|only access|struct",
        "kernel-memory argument-type memory-bounds map-field owned-object attach-target",
    ),
    (r"BPF_ATOMIC|BPF_XADD|atomic", "atomic context-field"),
    (r"BPF_LD_\[", "packet-load restricted-region lock reference-leak callback"),
    (r"exception|bpf_throw", "exception callback reference-leak restricted-region"),
    (r"arena|addr_space", "arena privilege"),
    (
        r"cannot use helper|unknown func|invalid func|not allowed|not supported",
        "helper-unavailable kfunc-unavailable function-type map-kind",
    ),
    (r"map_ptr|map pointer|map_type|map_uid", "map-pointer map-kind argument-type map-value-bounds"),
)
#: The source of the next instruction in a log: the last is that at which the verifier stopped.
_SOURCE_LINE = re.compile(r"^;.* @ (\S+):(\d+)$", re.MULTILINE)
_TAG = re.compile(r"(?:comment:)?(?:\d+:)?(test_\w+)(?:=(.*))?$", re.DOTALL)


def compiled(version: str) -> Path:
    """Return the directory with the objects; raises archive.Unavailable, OSError or CalledProcessError."""
    root = unpacked(version)
    target = root / "selftest-objects"
    if target.is_dir():
        return target
    scratch = root / f"selftest-objects.{os.getpid()}"
    headers = scratch / "include"
    (headers / "bpf").mkdir(parents=True)
    types = ["bpftool", "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"]
    helpers = [sys.executable, str(root / "scripts/bpf_doc.py"), "--header"]
    helpers += ["--file", str(root / "include/uapi/linux/bpf.h")]
    for name, words in (("vmlinux.h", types), ("bpf/bpf_helper_defs.h", helpers)):
        (headers / name).write_bytes(subprocess.run(words, capture_output=True, check=True).stdout)
    for path in (root / "tools/lib/bpf").glob("*.h"):
        (headers / "bpf" / path.name).write_bytes(path.read_bytes())
    tests = root / "tools/testing/selftests/bpf"
    machine = platform.machine()
    places = (headers, headers / "bpf", tests, tests / "progs", root / "tools/include/uapi")
    includes = [f"-I{place}" for place in (*places, f"/usr/include/{machine}-linux-gnu")]
    define = "-D__TARGET_ARCH_" + {"x86_64": "x86", "aarch64": "arm64"}.get(machine, machine)

    def compile(source: Path) -> None:
        words = ["clang", "-O2", "-g", "-target", "bpf", "-mcpu=v3", define, "-Wno-everything", *includes]
        words += ["-c", str(source), "-o", str(scratch / f"{source.stem}.o")]
        subprocess.run(words, capture_output=True, check=False, timeout=120)

    sources = [path for path in sorted((tests / "progs").glob("*.c")) if b"__failure" in path.read_bytes()]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile, sources))
    scratch.rename(target)
    return target


def tags(spec: ObjectSpec) -> dict[str, list[tuple[str, str]]]:
    """Return the tags of each function: (name, value)."""
    found: dict[str, list[tuple[str, str]]] = collections.defaultdict(list)
    btf = spec.btf
    for number in range(1, len(btf) if btf is not None else 0):
        if btf is not None and btf.kind(number) == b.DECL_TAG:
            match = _TAG.match(btf.name(number))
            if match:
                found[btf.name(btf.referred(number))].append((match[1], match[2] or ""))
    return found


def tests(directory: Path) -> Iterator[tuple[ObjectSpec, ProgramSpec, list[str]]]:
    """Yield the programs that are to be refused, with the messages that are expected."""
    for path in sorted(directory.glob("*.o")):
        try:
            spec = read_object(str(path)).unpinned()
            by_function = tags(spec)
        except PytcError as error:
            sys.stderr.write(f"{path.name}: {error}\n")
            continue
        for program in spec.programs:
            own = by_function.get(program.name, [])
            if any(name == "test_expect_failure" for name, _ in own):
                yield spec, program, [value for name, value in own if name == "test_expect_msg"]


def allowed(message: str) -> set[str] | None:
    """Return the categories for a message; None where any will do."""
    for pattern, categories in EXPECTED:
        if re.search(pattern, message):
            return None if categories == "*" else set(categories.split())
    return None


def main(words: Sequence[str]) -> int:
    """Return the exit status."""
    try:
        directory = compiled(words[0] if words else "6.12")
    except (archive.Unavailable, OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"the kernel's tests: {error}\n")
        return archive.NOT_HERE
    counts: collections.Counter[str] = collections.Counter()
    unknown: collections.Counter[str] = collections.Counter()
    contradictions, elsewhere = [], []
    for spec, program, expected in tests(directory):
        counts["programs"] += 1
        try:
            load(spec, program, pins=PinRoot()).close()
            counts["loaded"] += 1
            continue
        except VerifierError as error:
            refused = error
        except PytcError:
            counts["not loadable here"] += 1
            continue
        if not refused.title:
            counts["without a log"] += 1
            continue
        counts["refused"] += 1
        if refused.category == "other":
            unknown[refused.title[:100]] += 1
            continue
        counts["explained"] += 1
        counts["with a line"] += ".c:" in refused.at or ".h:" in refused.at
        stopped = _SOURCE_LINE.findall(refused.log)
        counts["with the verifier's own lines"] += bool(stopped)
        at = os.path.basename(refused.at.partition(" ")[0]).split(":")[:2]
        if stopped and at != [os.path.basename(stopped[-1][0]), stopped[-1][1]]:
            elsewhere.append(f"{spec.name} {program.name}: {':'.join(at)}, stopped at {':'.join(stopped[-1])}")
        as_expected = [text for text in expected if text[:40] in refused.log or text[:40] in str(refused)]
        sets = [one for one in map(allowed, as_expected) if one is not None]
        if sets and not any(refused.category in one for one in sets):
            contradictions.append(f"{spec.name} {program.name}: {refused.category}, expected {as_expected}")
    for name, number in counts.items():
        sys.stdout.write(f"{name}: {number}\n")
    for text, number in unknown.most_common(40):
        sys.stdout.write(f"unknown: {number} {text}\n")
    for text in elsewhere:
        sys.stdout.write(f"another line: {text}\n")
    for text in contradictions:
        sys.stdout.write(f"contradiction: {text}\n")
    share = counts["explained"] / max(counts["refused"], 1)
    sys.stdout.write(f"explained: {share:.1%} of {counts['refused']}, contradictions: {len(contradictions)}\n")
    return int(share < 0.95 or bool(contradictions))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
