"""``pytc object``: words, text, JSON, exit status. Nothing here needs privileges or a kernel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytc.cli.completion import complete
from pytc.cli.main import main
from pytc.cli.usage import topics
from pytc.commands.dispatch import parse_words
from pytc.commands.object.convert import ConvertObject
from pytc.commands.object.lint import LintObject
from pytc.commands.object.show import ShowObject
from pytc.commands.shared.command import Command, Help
from pytc.errors import HelpRequested, UsageError
from tests.conftest import EXAMPLES, OBJECTS, Compiler
from tests.elf_writer import RETURN_0, code, elf, function
from tests.processes import ROOT, json_of, printed, pytc_here

#: legacy44_junk cannot be read, by design.
NAMES = sorted(path.stem for path in OBJECTS.glob("*.c") if path.stem != "legacy44_junk")
TRAFFIC = str(EXAMPLES / "traffic.o")
MEMBERS = {"sections", "programs", "maps", "variables", "externs", "needs"}


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("object show f.o", ShowObject("f.o")),
        ("o s f.o", ShowObject("f.o")),
        ("obj sh f.o", ShowObject("f.o")),
        ("object lint f.o", LintObject("f.o")),
        ("o l f.o for 5.4", LintObject("f.o", "5.4")),
        ("o l f.o f v6.1.0-rc3 t xdp", LintObject("f.o", "6.1", 6)),
        ("o l f.o type cls for 5.15.0-91-generic", LintObject("f.o", "5.15", 3)),
        ("o c f.o", ConvertObject("f.o")),
        ("object help", Help("object")),
        ("o h", Help("object")),
        ("object", Help("object")),
        ("object show ./help", ShowObject("./help")),
    ],
)
def test_words(line: str, command: Command) -> None:
    assert parse_words(line.split()) == command


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("object bogus f.o", 'Command "bogus" is unknown'),
        ("object show", "not complete"),
        ("object lint f.o for", "not complete"),
        ("object lint f.o for five", "invalid kernel version"),
        ("object lint f.o for 5", "invalid kernel version"),
        ("object lint f.o type bogus", "invalid program type"),
        ("object lint f.o for 5.4 for 5.5", "duplicate"),
        ("object show f.o more", 'What is "more"'),
        ("object convert f.o for 5.4", 'What is "for"'),
    ],
)
def test_wrong_words(line: str, text: str) -> None:
    with pytest.raises(UsageError, match=text):
        parse_words(line.split())


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("object show help", "object show"),
        ("object lint help", "object lint"),
        ("o l f.o help", "object lint"),
        ("o s f.o help", "object show"),
        ("object convert help", "object convert"),
    ],
)
def test_help_is_known_everywhere(line: str, topic: str) -> None:
    with pytest.raises(HelpRequested) as request:
        parse_words(line.split())
    assert request.value.topic == topic
    assert topic in topics()


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ([], "lint"),
        (["lint", "f.o"], "for"),
        (["lint", "f.o", "for", "5.4"], "type"),
        (["lint", "f.o", "type"], "sched_cls"),
    ],
)
def test_completion(given: list[str], offered: str) -> None:
    assert offered in complete(["object", *given], "").words


@pytest.mark.parametrize("given", [["show", "f.o"], ["convert", "f.o"]])
def test_completion_offers_nothing_where_nothing_follows(given: list[str]) -> None:
    assert complete(["object", *given], "").words == ["help"]


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_shown_as_json(build: Compiler, name: str) -> None:
    path = build(name)
    [document] = json_of("object", "show", path)
    assert document["object"] == path
    assert document.keys() >= MEMBERS
    assert document["programs"]
    assert not any("problem" in program for program in document["programs"])
    assert {used for program in document["programs"] for used in program["maps"]} <= {
        declared["name"] for declared in document["maps"]
    }


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_shown_as_text(build: Compiler, name: str) -> None:
    path = build(name)
    text = printed("object", "show", path)
    assert text.startswith(f"{path}\nlicense: ")
    assert "programs:\n" in text
    assert all(line == line.rstrip() for line in text.splitlines())


@pytest.mark.parametrize("name", NAMES)
def test_every_object_is_linted(build: Compiler, name: str) -> None:
    """The status says whether there are errors, in text and JSON alike."""
    path = build(name)
    for kernel in ("4.4", "5.4", "6.18"):
        status, out, _ = pytc_here("-j", "object", "lint", path, "for", kernel)
        (document,) = json.loads(out)
        assert status == int(document["errors"] > 0)
        assert len(document["findings"]) == document["errors"] + document["warnings"] + document["notes"]
        text = printed("object", "lint", path, "for", kernel, status=status)
        assert len(text.splitlines()) == len(document["findings"]) + 1


def test_global_variables_in_json(build: Compiler) -> None:
    variables = {one["name"]: one for one in json_of("object", "show", build("modern_globals"))[0]["variables"]}
    assert variables["ports"] == {
        "name": "ports",
        "section": ".rodata",
        "type": "const volatile __u16 [4]",
        "size": 8,
        "value": [53, 67, 123, 443],
        "constant": True,
    }
    assert variables["big"]["value"] == 0x1122334455667788
    assert not variables["state"]["constant"]


def test_the_example_as_text() -> None:
    text = printed("object", "show", TRAFFIC)
    assert "  classifier  count_protocols  sched_cls  " in text
    assert "      subprograms  ip_protocol\n" in text
    assert "const volatile __u32 header_bytes = 14\n" in text
    assert "needs Linux 5.2 or later:\n  5.2   global data\n  4.16  bpf-to-bpf calls\n" in text


def test_maps_with_all_attributes(build: Compiler) -> None:
    maps = {one["name"]: one for one in json_of("object", "show", build("legacy36"))[0]["maps"]}
    assert maps["map_hash"] == {
        "name": "map_hash",
        "type": "hash",
        "key_size": 4,
        "value_size": 8,
        "max_entries": 16,
        "flags": ["no_prealloc"],
        "pinning": "none",
        "numa_node": None,
        "map_extra": 0,
        "frozen": False,
        "id": 0,
        "inner_id": 0,
        "inner_idx": maps["map_hash"]["inner_idx"],
        "inner": None,
        "slots": [],
        "origin": "maps",
        "layout": "bpf_elf_map",
        "layout_size": 36,
        "key_type": None,
        "value_type": None,
    }


def test_slots_and_templates(build: Compiler) -> None:
    [document] = json_of("object", "show", build("legacy_inner"))
    outer = next(one for one in document["maps"] if one["name"] == "outer")
    assert outer["slots"] == [{"slot": 2, "name": "inner"}]
    assert outer["inner"]["type"] == "array"
    programs = json_of("object", "show", build("legacy_tail"))[0]["programs"]
    assert programs[1]["slots"] == [{"map": "jmp", "id": 42, "slot": 3}]
    assert programs[3]["slots"] == [{"map": None, "id": 7, "slot": 0}]


def test_details_show_long_values_whole(build: Compiler) -> None:
    path = build("globals_struct")
    assert " ...\n" in printed("object", "show", path)
    assert " ...\n" not in printed("-d", "object", "show", path)


def test_a_finding_stands_where_compilers_put_it(build: Compiler) -> None:
    path = build("reject_helper")
    first, last = printed("object", "lint", path, status=1).splitlines()
    place, _, rest = first.partition(": ")
    assert place.partition(":")[0].endswith("reject_helper.c")
    assert rest.startswith(
        'error: program "cls_main" in section "classifier": only programs with a GPL-compatible license may call'
    )
    assert last == f"{path}: 1 error"


def test_nothing_is_found_in_a_good_object(build: Compiler) -> None:
    path = build("modern_globals")
    assert printed("object", "lint", path) == f"{path}: nothing found\n"
    assert json_of("object", "lint", path)[0] == {
        "object": path,
        "findings": [],
        "errors": 0,
        "warnings": 0,
        "notes": 0,
    }


def test_lint_for_a_kernel() -> None:
    [document] = json_of("object", "lint", TRAFFIC, "for", "5.1", "type", "sched_cls", status=1)
    assert [one["check"] for one in document["findings"]] == ["feature-version", "btf-version"]
    assert document["findings"][0]["line"] > 0
    assert json_of("object", "lint", TRAFFIC, "for", "5.2", "type", "sched_cls")[0]["findings"] == []


def test_convert_prints_source(build: Compiler) -> None:
    path = build("legacy16")
    text = printed("object", "convert", path)
    assert text.startswith("/* Maps of legacy16.o")
    assert '} map_hash SEC(".maps");\n' in text
    assert json_of("object", "convert", path)[0] == {"object": path, "source": text}


@pytest.mark.parametrize("verb", ["show", "lint", "convert"])
@pytest.mark.parametrize("path", ["/nowhere.o", "/etc/passwd", "/dev/null"])
def test_what_is_no_object(capsys: pytest.CaptureFixture[str], verb: str, path: str) -> None:
    assert main(["object", verb, path]) == 1
    found = capsys.readouterr()
    assert not found.out
    assert path in found.err


def test_the_layout_of_20_bytes_can_be_said(build: Compiler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTC_MAP_LAYOUT", "bpf_map_def")
    maps = json_of("object", "show", build("legacy20", flags=()))[0]["maps"]
    assert {one["layout"] for one in maps} == {"bpf_map_def"}


def test_names_do_not_control_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "bad.o"
    path.write_bytes(elf(code("a\x1b[2Jb", RETURN_0), symbols=[function("f\x07", "a\x1b[2Jb")]))
    for verb in ("show", "lint"):
        assert "\x1b" not in printed("object", verb, str(path))
    assert json_of("object", "show", str(path))[0]["sections"][0]["name"] == "a\x1b[2Jb"


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("object show examples/bpf/traffic.o", 0),
        ("object lint examples/bpf/traffic.o for 5.1", 1),
        ("object convert examples/bpf/mark_stats.o", 0),
    ],
)
def test_the_documentation_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch, line: str, status: int) -> None:
    monkeypatch.chdir(ROOT)
    page = (ROOT / "docs" / "object-command.md").read_text()
    assert line in page
    assert f"\n{printed(*line.split(), status=status)}```\n" in page
