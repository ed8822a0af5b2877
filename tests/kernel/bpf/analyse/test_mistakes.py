"""Classic mistakes: what lint finds of them without a kernel, and what loading says of the rest."""

from __future__ import annotations

import platform
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import ProgramType, load, read_bytes, read_object, select_program
from pytc.bpf.analyse import lint_flow
from pytc.bpf.analyse.findings import Finding
from pytc.bpf.analyse.lint import lint_file
from pytc.errors import PytcError, VerifierError
from tests.conftest import OBJECTS, VERIFIER, Compiler
from tests.elf_writer import EXIT, code, elf, function, insn, license
from tests.processes import must
from tests.tiers import sample

pytestmark = pytest.mark.kernel

FLOW = {
    *("null-check", "packet-check", "packet-stale", "unbounded-index", "context-write", "unreleased", "helper-type"),
    *("map-use", "stack-size", "loop-bound"),
}
#: Test objects that the kernel refuses for what lint finds in them.
REFUSED = {"stack_big": "stack-size", "reject_verifier": "packet-check"}
PROGRAM = 'SEC("tc") int wrong(struct __sk_buff *skb) { %s }\nchar _license[] SEC("license") = "GPL";\n'
MAP = 'struct { __uint(type, BPF_MAP_TYPE_%s); %s } m SEC(".maps");\n'
USE = "__u32 key = 0; return bpf_map_lookup_elem(&m, &key) ? 1 : 0;"


class Mistake(NamedTuple):
    """A mistake in an example, or in ``source``; ``check`` of lint finds it, or the load ends with ``category`` or a
    text."""

    name: str
    check: str = ""
    said: str = ""
    source: str = ""
    debug: bool = True


MISTAKES = [
    Mistake(
        "endless loop",
        "loop-bound",
        source=PROGRAM % "volatile __u32 i = 0; while (1) { i++; if (i == skb->len) break; } return 0;",
    ),
    Mistake("null-pointer", "null-check"),
    Mistake("packet-bounds", "packet-check"),
    Mistake("license", "gpl-helper"),
    Mistake(
        "no license",
        "gpl-helper",
        source=(PROGRAM % 'char f[] = "x"; bpf_trace_printk(f, sizeof(f)); return 0;').replace("char _license", "//"),
    ),
    Mistake(
        "section xdp",
        "section-type",
        source=(PROGRAM % "return 0;").replace('"tc"', '"xdp"'),
    ),
    Mistake(
        "section kprobe",
        "section-type",
        source=(PROGRAM % "return 0;").replace('"tc"', '"kprobe/netif_rx"'),
    ),
    Mistake("stack-size", "stack-size"),
    Mistake("uninitialised-register", said="uninitialised-register"),
    Mistake("uninitialised-stack", "map-key-padding"),
    Mistake(
        "max_entries 0",
        "map-entries",
        source=MAP % ("HASH", "__type(key, __u32); __type(value, __u32);") + PROGRAM % USE,
    ),
    Mistake(
        "array with a key of 8 bytes",
        "map-key",
        source=MAP % ("ARRAY", "__uint(max_entries, 1); __type(key, __u64); __type(value, __u32);")
        + PROGRAM % USE.replace("__u32 key", "__u64 key"),
    ),
    Mistake(
        "lpm trie without its flag",
        "map-flags",
        source="struct k { __u32 length, address; };\n"
        + MAP % ("LPM_TRIE", "__uint(max_entries, 1); __type(key, struct k); __type(value, __u32);")
        + PROGRAM % "struct k key = { 32, skb->len }; return bpf_map_lookup_elem(&m, &key) ? 1 : 0;",
    ),
    Mistake("no debug information", "map-definition", source=MAP % ("HASH", "") + PROGRAM % USE, debug=False),
    Mistake("missing-symbol", said="missing-symbol"),
    Mistake("unbounded-index", "unbounded-index"),
    Mistake("map-value-bounds", said="map-value-bounds"),
    Mistake("helper-unavailable", "helper-type"),
    Mistake("reference-leak", "unreleased"),
    Mistake(
        "unknown kfunc",
        said='no function "no_such_function"',
        source="extern int no_such_function(int) __ksym;\n" + PROGRAM % "return no_such_function(1);",
    ),
    Mistake("undefined function", "link", source="int elsewhere(int);\n" + PROGRAM % "return elsewhere(skb->len);"),
    Mistake("stale-packet-pointer", "packet-stale"),
    Mistake("context-field", "context-write"),
    Mistake("lock", "unreleased"),
    Mistake("too-complex", said="too-complex"),
    Mistake("map-kind", "map-use"),
]


def compiled(mistake: Mistake, build: Compiler, directory: Path) -> str:
    if not mistake.source:
        return build(f"examples/{mistake.name}", loads=False)
    source, target = directory / "wrong.c", directory / "wrong.o"
    source.write_text(f'#include "{VERIFIER}/examples/example.h"\n{mistake.source}')
    include = f"-I/usr/include/{platform.machine()}-linux-gnu"
    debug = ["-g"] if mistake.debug else []
    must("clang", "-O2", *debug, "-target", "bpf", include, "-c", str(source), "-o", str(target))
    return str(target)


def found(path: str) -> list[Finding]:
    return [one for one in lint_file(path, type=ProgramType.SCHED_CLS) if one.program in ("", "wrong")]


@pytest.mark.needs("host")
@pytest.mark.parametrize(
    "mistake",
    [
        pytest.param(mistake, marks=[pytest.mark.slow] if mistake.name == "too-complex" else [], id=mistake.name)
        for mistake in MISTAKES
    ],
)
def test_mistakes_are_found(root: None, build: Compiler, tmp_path: Path, mistake: Mistake) -> None:
    path = compiled(mistake, build, tmp_path)
    if mistake.check:
        assert mistake.check in [finding.check for finding in found(path)]
        return
    spec = read_object(path).unpinned()
    chosen = select_program(spec, program="wrong")
    with pytest.raises(PytcError) as refused:
        load(spec, chosen, type=chosen.type or ProgramType.SCHED_CLS).close()
    error = refused.value
    assert mistake.said in (error.category if isinstance(error, VerifierError) else str(error))


def test_most_are_found_without_a_kernel() -> None:
    assert sum(bool(mistake.check) for mistake in MISTAKES) >= 20


@pytest.mark.parametrize("name", sample(sorted(path.stem for path in OBJECTS.glob("*.c"))))
def test_nothing_is_wrong_with_what_loads(build: Compiler, name: str) -> None:
    """Each finding would be one for which every kernel refuses the program."""
    checks = {one.check for one in lint_file(build(name, loads=False)) if one.check in FLOW}
    assert checks == ({REFUSED[name]} if name in REFUSED else set())


@pytest.mark.parametrize("name", sorted(path.stem for path in (VERIFIER / "examples").glob("*.c")))
def test_nothing_is_wrong_with_the_programs_put_right(build: Compiler, name: str) -> None:
    findings = lint_file(build(f"examples/{name}", loads=False), type=ProgramType.SCHED_CLS)
    assert not [one for one in findings if one.program == "right" and one.check in FLOW]


def test_the_helpers_of_a_type_are_those_that_this_kernel_allows(root: None) -> None:
    """Kernels allow fewer, by their configuration, and none allows more."""
    assert len(lint_flow._ALLOWED) == 7
    for type, allowed in lint_flow._ALLOWED.items():
        for number in range(1, 212, 7):
            image = elf(code("tc", insn(0x85, immediate=number), EXIT), license(), symbols=[function("f", "tc")])
            spec = read_bytes(image)
            try:
                load(spec, spec.programs[0], type=type).close()
                is_allowed = True
            except VerifierError as error:
                is_allowed = error.category != "helper-unavailable"
            assert allowed >> number & 1 or not is_allowed, (type.name, number)
