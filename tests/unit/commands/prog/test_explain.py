"""``pytc prog explain``: logs of any loader."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from pytc.commands.dispatch import parse_words
from pytc.commands.prog.explain import ExplainLog
from pytc.errors import HelpRequested, UsageError
from tests.conftest import Compiler
from tests.processes import PYTC, ROOT, run

LOG = ROOT / "tests" / "golden" / "files" / "refused.log"
OBJECT = LOG.with_suffix(".o")


def test_words() -> None:
    assert parse_words("prog explain a.log".split()) == ExplainLog("a.log")
    assert parse_words("prog explain - obj a.o program cls type xdp".split()) == ExplainLog("-", "a.o", "cls", 6)
    assert parse_words("prog expl a.log object-file a.o".split()) == ExplainLog("a.log", "a.o")
    for words in ("prog explain", "prog explain a.log nosuch", "prog explain a.log type nosuch"):
        with pytest.raises(UsageError):
            parse_words(words.split())
    with pytest.raises(HelpRequested):
        parse_words("prog explain help".split())


def explained(log: str, tmp_path: Path, *words: str) -> dict[str, object]:
    path = tmp_path / "verifier.log"
    path.write_text(log)
    done = run(*PYTC, "-j", "prog", "explain", str(path), *words)
    assert done.status == 0, done.err
    (report,) = json.loads(done.out)
    assert isinstance(report, dict)
    return report


@pytest.mark.parametrize(
    "prefix",
    ["", "\t", "2026-11-30T23:59:59.0000000Z ", "libbpf: ", "[   12.345678] "],
    ids=["plain", "tab", "ci", "libbpf", "dmesg"],
)
def test_what_loaders_put_before_each_line_is_left_out(tmp_path: Path, prefix: str) -> None:
    text = "".join(f"{prefix}{line}\n" for line in LOG.read_text().splitlines())
    report = explained(text, tmp_path)
    assert report["category"] == "packet-bounds"
    assert str(report["at"]).startswith("reject_verifier.c:8 (instruction 1, ")
    assert report["path"] == [
        "reject_verifier.c:6: unsigned char *data = (void *)(long)skb->data;  <- the start of the packet",
        "reject_verifier.c:8: if (data[23] == 17) /* the verifier's log names this line */  <- refused here",
    ]


def test_of_several_logs_the_last_counts(tmp_path: Path) -> None:
    other = LOG.read_text().replace("'cls_main'", "'first'").replace("R1 offset", "R5 offset")
    report = explained(other + LOG.read_text(), tmp_path)
    assert str(report["message"]).endswith("R1 offset is outside of the packet")


def test_the_object_adds_columns_functions_and_the_hooks_verdict(tmp_path: Path) -> None:
    report = explained(LOG.read_text(), tmp_path, "obj", str(OBJECT))
    assert ":8:5 in cls_main (" in str(report["at"])
    assert "return TC_ACT_OK;" in str(report["suggestion"])


def test_the_program_is_found_by_its_instructions(tmp_path: Path, build: Compiler) -> None:
    if shutil.which("clang") is None:
        pytest.skip("clang is not installed")
    log = LOG.read_text().replace("prog 'cls_main': BPF program", "BPF program").replace("prog 'cls_main': -- ", "-- ")
    assert ":8:5 in cls_main (" in str(explained(log, tmp_path, "obj", str(OBJECT))["at"])
    done = run(*PYTC, "prog", "explain", str(LOG), "obj", build("ringbuf"), "program", "nosuch")
    assert done.status == 1
    assert 'no program "nosuch"' in done.err


def test_from_standard_input() -> None:
    done = run(*PYTC, "prog", "explain", "-", input=LOG.read_text())
    assert done.out.startswith("may read past the end of the packet\n  at reject_verifier.c:8 (")
    assert done.status == 0


@pytest.mark.parametrize("text", ["", "root:x:0:0\n", "processed 5 insns (limit 1000000)\n", "0: (95) exit\n"])
def test_a_file_without_a_refusal_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "no.log"
    path.write_text(text)
    done = run(*PYTC, "prog", "explain", str(path))
    assert done.status == 1
    assert "has no message of the verifier that refuses a program" in done.err


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    done = run(*PYTC, "prog", "explain", str(tmp_path / "nosuch"))
    assert done.status == 1
    assert "No such file or directory" in done.err
