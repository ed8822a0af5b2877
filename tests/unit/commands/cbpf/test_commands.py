"""``pytc cbpf``: words, text, JSON, exit status. Nothing here needs privileges."""

from __future__ import annotations

import io
import os
import pty
import select
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pytc.bpf import read_object
from pytc.cbpf import assemble, compile_expression, compiler, disassemble
from pytc.cli.completion import offers
from pytc.cli.usage import topics
from pytc.commands.cbpf.asm import AssembleProgram
from pytc.commands.cbpf.compile import CompileExpression
from pytc.commands.cbpf.disasm import DisassembleProgram
from pytc.commands.cbpf.programs import ClassicSource
from pytc.commands.cbpf.run import RunProgram
from pytc.commands.cbpf.to_ebpf import TranslateProgram
from pytc.commands.dispatch import parse_words
from pytc.commands.shared.command import Command, Help
from pytc.errors import ExpressionError, HelpRequested, UsageError
from pytc.handles import INGRESS
from pytc.packets import open_capture
from pytc.packets.link_types import RAW
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.shared.expression_words import VERDICTS
from tests.captures import TCP, as_pcap, captures, eth, ip4, packets, raw, tcp
from tests.conftest import PATIENCE
from tests.processes import PYTC, ROOT, json_of, printed, refused

ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"
SOURCE = "ldh [12]\njne #0x806, drop\nret #-1\ndrop: ret #0\n"
TEXT = ClassicSource("text", ARP)


@pytest.fixture
def capture(tmp_path: Path) -> str:
    path = tmp_path / "ipv6.pcapng"
    path.write_bytes(captures()["ipv6"][1])
    return str(path)


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["cbpf"], Help("cbpf")),
        (["cbpf", "help"], Help("cbpf")),
        (["cb", "h"], Help("cbpf")),
        (["cbpf", "compile", "tcp port 80"], CompileExpression("tcp port 80")),
        (["cbpf", "comp", "RAW", "tcp", "port", "80"], CompileExpression("tcp port 80", "RAW")),
        (
            ["cbpf", "c", "dlt", "dlt_raw", "as", "c", "snaplen", "96", "ip"],
            CompileExpression("ip", "RAW", "", 96, "c"),
        ),
        (["cbpf", "c", "dev", "em1", "vlan"], CompileExpression("vlan", "", "em1")),
        (["cbpf", "c", "FDDI"], CompileExpression("FDDI")),
        (["cbpf", "c", ""], CompileExpression("")),
        (["cbpf", "asm", "f", "as", "tcpdump"], AssembleProgram("f", "tcpdump")),
        (["cbpf", "disasm", ARP], DisassembleProgram(TEXT)),
        (["cbpf", "d", "bytecode", ARP], DisassembleProgram(TEXT)),
        (["cbpf", "d", "f"], DisassembleProgram(ClassicSource("file", "f"))),
        (["cbpf", "d", "bcf", "1,2", "as", "asm"], DisassembleProgram(ClassicSource("file", "1,2"), "asm")),
        (["cbpf", "d", "expression", "ip", "dlt", "RAW"], DisassembleProgram(ClassicSource("expression", "ip", "RAW"))),
        (
            ["cbpf", "d", "from", "dev", "em1", "ingress", "pref", "1", "handle", "0x2", "as", "tc"],
            DisassembleProgram(ClassicSource("filter", selector=FilterSelector("em1", INGRESS, 1, handle="0x2")), "tc"),
        ),
        (["cbpf", "run", "p", ARP], RunProgram("p", TEXT)),
        (
            [
                "cbpf",
                "r",
                "-",
                "expression",
                "ip",
                "set",
                "mark=1",
                "set",
                "type=0x4",
                "unt",
                "count",
                "5",
                "sum",
                "w",
                "o",
            ],
            RunProgram("-", ClassicSource("expression", "ip"), (("mark", 1), ("type", 4)), True, 5, True, "o"),
        ),
        (["cbpf", "run", "p", ARP, "step", "untagged"], RunProgram("p", TEXT, (), True, step=True)),
        (["cbpf", "to-ebpf", ARP, "write", "o"], TranslateProgram(TEXT, "o")),
        (["cbpf", "to", ARP, "verdict", "drop", "write", "o"], TranslateProgram(TEXT, "o", 2)),
    ],
)
def test_words(words: list[str], command: Command) -> None:
    assert parse_words(words) == command


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["cbpf", "bogus"], 'Command "bogus" is unknown'),
        (["cbpf", "compile"], "not complete"),
        (["cbpf", "compile", "as", "pascal", "ip"], "unknown form"),
        (["cbpf", "compile", "snaplen", "-1", "ip"], "snaplen"),
        (["cbpf", "compile", "dlt", "a b", "ip"], "link type"),
        (["cbpf", "asm"], "not complete"),
        (["cbpf", "asm", "f", "more"], 'What is "more"'),
        (["cbpf", "disasm", "from", "ingress"], '"dev NAME" is missing'),
        (["cbpf", "run", "p"], "not complete"),
        (["cbpf", "run", "p", ARP, "set", "nla=1"], "NAME=NUMBER expected"),
        (["cbpf", "run", "p", ARP, "set", "mark"], "NAME=NUMBER expected"),
        (["cbpf", "run", "p", ARP, "set", "mark=4294967296"], "NAME=NUMBER expected"),
        (["cbpf", "run", "p", ARP, "count", "x"], "invalid count"),
        (["cbpf", "run", "p", ARP, "step", "count", "3"], '"count" has no meaning with "step"'),
        (["cbpf", "run", "p", ARP, "step", "write", "o"], '"write" has no meaning with "step"'),
        (["cbpf", "to-ebpf", ARP], '"write FILE" is missing'),
        (["cbpf", "to-ebpf", ARP, "verdict", "maybe", "write", "o"], "unknown verdict"),
    ],
)
def test_wrong_words(words: list[str], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        parse_words(words)


@pytest.mark.parametrize("verb", ["compile", "asm", "disasm", "run", "to-ebpf"])
def test_help_is_known_everywhere(verb: str) -> None:
    with pytest.raises(HelpRequested) as request:
        parse_words(["cbpf", verb, "help"])
    assert request.value.topic == f"cbpf {verb}"
    assert request.value.topic in topics()


@pytest.mark.parametrize(
    ("given", "offered"),
    [
        ([], "disasm"),
        (["compile"], "dlt"),
        (["run", "p"], "expression"),
        (["run", "p", "x"], "untagged"),
        (["to-ebpf", "x"], "verdict"),
    ],
)
def test_completion(given: list[str], offered: str) -> None:
    assert offered in offers(["cbpf", *given], "")[1]
    assert offered not in offers(["cbpf", *given, offered], "")[1]


def test_the_words_are_those_of_the_library() -> None:
    from pytc.cbpf.ancillary import SETTABLE
    from pytc.cbpf.formats import FORMS
    from pytc.cbpf.translate import VERDICTS as KNOWN
    from pytc.commands.cbpf import HELP, run

    assert ", ".join(SETTABLE) in " ".join(run.HELP.split())
    assert VERDICTS == KNOWN
    assert f"FORM    := {' | '.join(FORMS)}\n" in HELP


def test_compile(libpcap: None) -> None:
    assert printed("cbpf", "compile", "arp") == ARP + "\n"
    assert printed("cbpf", "compile", "snaplen", "262144", "as", "tcpdump", "arp") == (
        "4\n40 0 0 12\n21 0 1 2054\n6 0 0 262144\n6 0 0 0\n"
    )
    assert printed("cbpf", "compile", "as", "asm", "RAW", "ip").startswith("l0:     ldb [0]\n")
    assert printed("cbpf", "compile", "") == "1,6 0 0 4294967295\n"
    (found,) = json_of("cbpf", "compile", "arp")
    assert found["length"] == 4
    assert found["bytecode"] == ARP
    assert found["insns"][1] == {"code": 21, "jt": 0, "jf": 1, "k": 2054, "text": "jne #0x806, l3"}


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["tcp porp 80"], "libpcap: can't parse filter expression: syntax error"),
        (["dlt", "BOGUS", "ip"], "BOGUS"),
        (["dlt", "RAW", "ether host 1:2:3:4:5:6"], "libpcap: "),
        (["ip protochain 6"], "a program that no kernel accepts"),
        (["host no.such.host.invalid"], "libpcap: "),
        (["a\0b"], "NUL"),
        (["x" * 70000], "at most 65536 characters"),
        (["len = " + "(" * 5000], "libpcap: "),
        (["\udcff"], "libpcap: "),
    ],
)
def test_expressions_that_do_not_compile(libpcap: None, words: list[str], text: str) -> None:
    assert text in refused("cbpf", "compile", *words)


def test_without_libpcap_the_package_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(compiler, "LIBRARIES", ("libpcap-that-is-not-there.so",))
    text = refused("cbpf", "compile", "arp")
    assert "tcpdump expressions need libpcap, which is not installed" in text
    assert "apt install libpcap0.8" in text
    with pytest.raises(ExpressionError):
        compile_expression("ip")


def test_asm_and_disasm(tmp_path: Path) -> None:
    path = tmp_path / "arp.asm"
    path.write_text(SOURCE)
    assert printed("cbpf", "asm", str(path)) == ARP + "\n"
    assert printed("cbpf", "asm", str(path), "as", "c").startswith("{ 0x28, 0, 0, 0x0000000c },\n")
    text = printed("cbpf", "disasm", ARP)
    assert assemble(text) == assemble(SOURCE)
    lines = tmp_path / "lines"
    lines.write_text(printed("cbpf", "disasm", ARP, "as", "tcpdump"))
    assert printed("cbpf", "disasm", str(lines)) == printed("cbpf", "disasm", str(path)) == text
    lines.write_text("\n" + printed("cbpf", "disasm", ARP, "as", "c"))
    assert printed("cbpf", "disasm", str(lines)) == text
    assert json_of("cbpf", "asm", str(path)) == json_of("cbpf", "disasm", ARP)


def test_programs_come_through_pipes(tmp_path: Path) -> None:
    """As of ``<(COMMAND)`` and on the standard input; a FIFO that lies somewhere is not waited for."""
    line = (
        "pytc cbpf disasm - < {0}; pytc cbpf disasm /dev/stdin < {0}; cat {0} | pytc cbpf disasm -; "
        "pytc cbpf disasm <(cat {0}); pytc cbpf asm <(pytc cbpf disasm {0}) as asm"
    )
    path = tmp_path / "code"
    path.write_text(ARP)
    script = f'pytc() {{ "{sys.executable}" -m pytc "$@"; }}\n' + line.format(path)
    done = subprocess.run(
        ["bash", "-ec", script],
        env={**os.environ, "PYTHONPATH": "src"},
        cwd=ROOT,
        timeout=60,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == disassemble(assemble(SOURCE)) * 5
    endless = subprocess.run(
        ["bash", "-c", "yes | " + sys.executable + " -m pytc cbpf disasm -"],
        cwd=ROOT,
        timeout=60,
        env={**os.environ, "PYTHONPATH": "src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (endless.returncode, "it exceeds the limit of 1048576 bytes" in endless.stderr) == (1, True)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{ 0x28, 0, 0, 0xc },\n{ 6, 0, 0, }", 'line 2: "{ code, jt, jf, k }," expected, not "{ 6, 0, 0, }"'),
        ("{ 0x28, 0, 0, 12 }, 6 0 0 0", 'line 1: "{ code, jt, jf, k }," expected, not "6 0 0 0"'),
        ("{ 6, 256, 0, 0 }", "line 1: jt: 256 is more than 255"),
        ("{ 6, 0, 0, x }", 'line 1: k: "x" is not a number'),
        ("{ 6, 0, 0, 0x" + "f" * 99 + " }", "line 1: k: 0xfff"),
        ("{ 0, 0, 0, 1 }", "the last instruction is not a return"),
        ("(000) ldh      [12]", '"tcpdump -ddd" prints bytecode'),
        ("ldh [12]\nbogus", 'line 2: an instruction expected, not "bogus"'),
        ("", "there are no instructions"),
        ("2,6 0 0 0", "bytecode claims 2 instructions but has 1"),
        ("ldi #1", "line 1: the last instruction is not a return"),
    ],
)
def test_files_that_hold_no_program(tmp_path: Path, content: str, text: str) -> None:
    path = tmp_path / "program"
    path.write_text(content)
    assert f'"{path}": ' in refused("cbpf", "asm", str(path))
    assert text in refused("cbpf", "asm", str(path))
    assert "cannot read" in refused("cbpf", "asm", str(tmp_path / "none"))
    assert "not a regular file" in refused("cbpf", "disasm", "/dev/zero")


def test_run(capture: str) -> None:
    out = printed("cbpf", "run", capture, ARP)
    assert out.startswith("packet 1: no match\n")
    assert out.endswith("packet 19: match (0xffffffff)\n19 packets, 1 matched, 18 did not\n")
    assert printed("cbpf", "run", capture, ARP, "summary") == "19 packets, 1 matched, 18 did not\n"
    assert printed("cbpf", "run", capture, ARP, "summary", "count", "18").startswith("18 packets, 0 matched")
    (found,) = json_of("cbpf", "run", capture, ARP)
    assert found["count"] == 19
    assert found["matched"] == 1
    assert found["packets"][18] == {"number": 19, "match": True, "value": 0xFFFFFFFF}


def test_the_manual_shows_what_is_printed() -> None:
    page = (ROOT / "docs" / "cbpf.md").read_text()
    example = ROOT / "examples" / "cbpf"
    for words in (("disasm", ARP), ("run", str(example / "traffic.pcap"), str(example / "ssh.asm"))):
        assert f"```text\n{printed('cbpf', *words)}```" in page


def test_run_with_extensions(capture: str) -> None:
    mark = "2,32 0 0 4294963220,22 0 0 0"
    assert "match (0x7)" in printed("cbpf", "run", capture, mark, "set", "mark=7", "count", "1")
    assert "no match" in printed("cbpf", "run", capture, mark, "count", "1")


def test_run_an_expression_over_what_the_capture_holds(capture: str, libpcap: None) -> None:
    assert printed("cbpf", "run", capture, "expression", "arp", "summary").startswith("19 packets, 1 matched")
    assert "0 matched" in printed("cbpf", "run", capture, "expression", "udp", "dlt", "RAW", "summary")


def test_matching_packets_are_written(capture: str, tmp_path: Path) -> None:
    target = tmp_path / "out.pcapng"
    printed("cbpf", "run", capture, ARP, "summary", "write", str(target))
    with open_capture(str(target)) as packets:
        assert [packet.data for packet in packets] == [captures()["ipv6"][0][18].data]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ipv6.pcapng", "out.pcapng"]


def test_a_run_that_fails_leaves_nothing_behind(capture: str, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged"
    damaged.write_bytes(Path(capture).read_bytes()[:-3])
    target = tmp_path / "out"
    target.write_text("as it was")
    text = refused("cbpf", "run", str(damaged), ARP, "write", str(target))
    assert "it ends within a block" in text
    assert target.read_text() == "as it was"
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
def test_only_regular_files_are_written_over(tmp_path: Path, kind: str) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    other.write_text("precious")
    if kind == "link":
        target.symlink_to(other)
    elif kind == "pipe":
        os.mkfifo(target)
    else:
        target.mkdir()
    text = refused("cbpf", "to-ebpf", ARP, "write", str(target))
    assert f'cannot write "{target}"' in text
    assert other.read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_to_ebpf_writes_an_object(tmp_path: Path) -> None:
    target = tmp_path / "arp.o"
    target.write_text("older")
    assert printed("cbpf", "to-ebpf", ARP, "verdict", "drop", "write", str(target)) == ""
    spec = read_object(str(target))
    assert [(program.section, program.name) for program in spec.programs] == [("classifier", "expression")]
    assert stat.S_ISREG(target.stat().st_mode)
    assert "cannot be translated" in refused("cbpf", "to-ebpf", "2,32 0 0 4294963252,22 0 0 0", "write", str(target))
    assert read_object(str(target)).programs
    assert "No such file" in refused("cbpf", "to-ebpf", ARP, "write", str(tmp_path / "no" / "x"))


def test_stepping_reads_commands(capture: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("step\nrun\nnext 99\n"))
    out = printed("cbpf", "run", capture, ARP, "step")
    assert out.startswith("packet 1, 74 bytes\nl0:     ldh [12]\n")
    assert "no match\nThe capture has 19 packets.\npacket 19, " in out


def test_stepping_through_an_expression_ends_with_the_input(
    capture: str, libpcap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("run"))
    out = printed("cbpf", "run", capture, "expression", "ip6", "step")
    assert "returned 0xffffffff" in out


def test_stepping_through_an_expression_takes_what_the_capture_holds(
    tmp_path: Path, libpcap: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "raw"
    path.write_bytes(as_pcap(packets(raw([eth(ip4(tcp(1, 80), TCP))]), RAW), RAW))
    monkeypatch.setattr("sys.stdin", io.StringIO("run\n"))
    out = printed("cbpf", "run", str(path), "expression", "tcp port 80", "step")
    assert out.startswith("packet 1, 40 bytes\nl0:     ldb [0]\n")
    assert out.endswith("returned 0xffffffff (4294967295): match\n")


@pytest.mark.parametrize("path", ["/etc/passwd", "/none", "/dev/null", "/"])
def test_what_is_no_capture(path: str) -> None:
    assert f'capture "{path}"' in refused("cbpf", "run", path, ARP)


@pytest.mark.parametrize(
    ("keys", "shown", "status"),
    [
        (b"step\n\x04", "A 0x000086dd", 0),
        (b"bre l1\nrun\nquit\n", "breakpoint 1", 0),
        (b"\x03", "> ", 130),
    ],
)
def test_stepping_at_a_terminal(capture: str, keys: bytes, shown: str, status: int) -> None:
    """With a prompt; the end of the input ends it, and Ctrl-C does."""
    ours, theirs = pty.openpty()
    words = ("setsid", "--ctty", "--wait", *PYTC, "cbpf", "run", capture, ARP, "step")
    with subprocess.Popen(
        words,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "src", "TERM": "dumb"},
    ) as shell:
        os.close(theirs)
        try:
            said = _until(ours, "> ")
            assert "l0:     ldh [12]" in said
            os.write(ours, keys)
            said += _until(ours, "", keys[-1:] if status else b"")
        finally:
            os.close(ours)  # hangs up: nothing waits for a key for ever
        assert shell.wait(timeout=PATIENCE) == status, said
    assert shown in said
    assert "Traceback" not in said


def _until(terminal: int, text: str, again: bytes = b"") -> str:
    """What a terminal shows up to a text, or to the end. ``again`` is typed where nothing comes for a second: a signal
    may come before anybody waits for a key."""
    said = ""
    for _ in range(20):
        while select.select([terminal], [], [], 1)[0]:
            try:
                said += os.read(terminal, 1 << 12).decode()
            except OSError:
                return said
            if text and text in said:
                return said
        if again:
            os.write(terminal, again)
    raise AssertionError(f"no end in sight: {said}")
