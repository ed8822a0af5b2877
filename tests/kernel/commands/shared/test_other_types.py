"""Programs of another type than a hook's are not taken for filters: XDP_PASS would drop every packet there."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.bpf import ProgramType, read_object
from pytc.bpf.analyse.lint import lint_file
from tests.conftest import Compiler
from tests.network import Network
from tests.processes import pytc

pytestmark = pytest.mark.kernel

IN = ("dev", "em1", "ingress")
FILTER = ("filter", "add", *IN, "bpf", "da")


def test_the_type_is_what_the_section_or_the_argument_tells(build: Compiler) -> None:
    types = {program.name: program.type for program in read_object(build("attached/hooks")).programs}
    assert types == {
        "by_section": ProgramType.XDP,
        "by_old_section": ProgramType.XDP,
        "by_argument": ProgramType.XDP,
        "by_registers": ProgramType.KPROBE,
        "of_any_hook": ProgramType.UNSPEC,
        "without_argument": ProgramType.UNSPEC,
        "act": ProgramType.SCHED_ACT,
        "by_socket": ProgramType.SOCKET_FILTER,
    }


def test_without_types_the_argument_tells_nothing(build: Compiler) -> None:
    (program,) = read_object(build("attached/only_xdp", flags=())).programs
    assert program.type is ProgramType.UNSPEC


@pytest.mark.parametrize(
    "words",
    [
        FILTER,
        ("tcx", "attach", *IN),
        ("--dry-run", *FILTER),
        ("action", "add", "action", "bpf"),
        ("filter", "add", *IN, "matchall", "action", "bpf"),
    ],
    ids=["filter", "tcx", "dry-run", "action", "action of a filter"],
)
def test_the_only_program_is_refused_by_its_type(clsact: Network, build: Compiler, words: tuple[str, ...]) -> None:
    options = tuple(word for word in words if word.startswith("--"))
    done = clsact.pytc(*words[len(options) :], "obj", build("attached/only_xdp"), options=options)
    needed = "sched_act" if "action" in words else "sched_cls"
    path = build("attached/only_xdp")
    assert done.status == (255 if words[0] == "action" else 1), "as tc's"
    assert done.err.startswith(
        f'object file "{path}": program "only" (section "prog") is of type xdp; {needed} is needed here\n'
        f'Hint: "type {needed}" loads it as {needed} all the same: XDP_PASS (2) is TC_ACT_SHOT\n'
    )
    assert clsact.ok("filter", "show", *IN) == "" and clsact.ping()


@pytest.mark.parametrize(
    ("program", "type"),
    [
        ("by_section", "xdp"),
        ("by_old_section", "xdp"),
        ("by_argument", "xdp"),
        ("by_registers", "kprobe"),
        ("by_socket", "socket_filter"),
    ],
)
def test_a_program_that_is_named_is_refused_by_its_type(
    clsact: Network, build: Compiler, program: str, type: str
) -> None:
    done = clsact.pytc(*FILTER, "obj", build("attached/hooks"), "program", program)
    assert done.status == 1 and f"is of type {type}; sched_cls is needed here" in done.err
    assert clsact.ok("filter", "show", *IN) == ""


@pytest.mark.parametrize("program", ["of_any_hook", "without_argument", "act"])
def test_programs_that_may_be_filters_are_filters(clsact: Network, build: Compiler, program: str) -> None:
    assert clsact.pytc(*FILTER, "obj", build("attached/hooks"), "program", program) == (0, "", "")


def test_a_named_section_loads_with_a_warning(clsact: Network, build: Compiler) -> None:
    warning = (
        'Warning: program "by_old_section" (section "xdp_pass") is of type xdp; as sched_cls, its return values mean '
        'something else: XDP_PASS (2) is TC_ACT_SHOT. "type sched_cls" says that this is meant\n'
    )
    words = (*FILTER, "obj", build("attached/hooks"), "section", "xdp_pass")
    assert clsact.ping()
    assert clsact.pytc(*words, options=("--dry-run",)).err == warning
    assert clsact.pytc(*words) == (0, "", warning)
    assert not clsact.ping(), "XDP_PASS is TC_ACT_SHOT"


@pytest.fixture
def contradictory(build: Compiler, tmp_path: Path) -> str:
    """An object whose section is one of filters, and whose argument is that of XDP programs."""
    path = tmp_path / "contradictory.o"
    data = Path(build("attached/only_xdp")).read_bytes()
    assert b"\0prog\0" in data
    path.write_bytes(data.replace(b"\0prog\0", b"\0tc/x\0"))
    return str(path)


def test_an_argument_that_contradicts_the_section_is_warned_of(clsact: Network, contradictory: str) -> None:
    warning = (
        'Warning: program "only" (section "tc/x") has a struct xdp_md for its argument; as sched_cls, it gets another '
        "structure, and its return values mean something else; XDP_PASS (2) is TC_ACT_SHOT\n"
    )
    words = (*FILTER, "obj", contradictory)
    assert clsact.pytc(*words, options=("--dry-run",)).err == warning
    for options, said in (((), (*words,)), (("--no-warn",), (*words,)), ((), (*words, "type", "sched_cls"))):
        expected = warning if not options and said == words else ""
        assert clsact.pytc(*said, options=options) == (0, "", expected)
    assert not clsact.ping(), "XDP_PASS is TC_ACT_SHOT"
    (finding,) = [one for one in lint_file(contradictory) if one.check == "argument-type"]
    assert (finding.severity, finding.program) == ("warning", "only")


def test_a_section_is_named_without_a_warning(clsact: Network, build: Compiler) -> None:
    words = (*FILTER, "obj", build("attached/hooks"), "section", "xdp_pass")
    assert clsact.pytc(*words, options=("--no-warn",)) == (0, "", "")


def test_in_a_batch_each_line_warns(clsact: Network, build: Compiler) -> None:
    line = " ".join((*FILTER, "obj", build("attached/hooks"), "section", "by/argument"))
    done = pytc("-n", clsact.name, "-b", "-", env=clsact.env, input=f"{line}\n" * 3)
    assert done.status == 0 and done.err.count("is of type xdp; as sched_cls") == 3


def test_the_type_in_words_loads_without_a_word(clsact: Network, build: Compiler) -> None:
    for words in (("section", "xdp"), ("program", "by_argument"), ("section", "xdp_pass", "program", "by_old_section")):
        done = clsact.pytc(*FILTER, "obj", build("attached/hooks"), *words, "type", "sched_cls")
        assert done == (0, "", "")


def test_another_type_in_words_is_refused(clsact: Network, build: Compiler) -> None:
    done = clsact.pytc(*FILTER, "obj", build("attached/hooks"), "section", "xdp", "type", "xdp")
    assert done.status == 1
    assert "a program of type xdp does not go here; sched_cls is needed" in done.err


@pytest.mark.parametrize("program", ["by_old_section", "by_argument"])
def test_a_test_run_takes_xdp_for_xdp(root: None, build: Compiler, program: str) -> None:
    done = pytc("prog", "run", "obj", build("attached/hooks"), "program", program, "packet", "ip udp", "expect", "PASS")
    assert done.status == 0 and "XDP_PASS (2)" in done.out
