"""The words of ``pytc cbpf``: commands, help, completion. Nothing here needs privileges."""

from __future__ import annotations

import pytest

from pytc.cli.completion import complete
from pytc.cli.usage import topics
from pytc.commands.cbpf.asm import AssembleProgram
from pytc.commands.cbpf.compile import CompileExpression
from pytc.commands.cbpf.disasm import DisassembleProgram
from pytc.commands.cbpf.programs import ClassicSource
from pytc.commands.cbpf.run import RunProgram
from pytc.commands.cbpf.to_ebpf import TranslateProgram
from pytc.commands.dispatch import parse_words
from pytc.commands.shared.command import Command, Help
from pytc.errors import HelpRequested, UsageError
from pytc.handles import INGRESS
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.shared.expression_words import VERDICTS

ARP = "4,40 0 0 12,21 0 1 2054,6 0 0 4294967295,6 0 0 0"
TEXT = ClassicSource("text", ARP)


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
            DisassembleProgram(ClassicSource("filter", selector=FilterSelector("em1", INGRESS, 1), handle=2), "tc"),
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
    assert offered in complete(["cbpf", *given], "").words
    assert offered not in complete(["cbpf", *given, offered], "").words


def test_the_words_are_those_of_the_library() -> None:
    from pytc.cbpf.ancillary import SETTABLE
    from pytc.cbpf.formats import FORMS
    from pytc.cbpf.translate import VERDICTS as KNOWN
    from pytc.commands.cbpf import HELP, run

    assert ", ".join(SETTABLE) in " ".join(run.HELP.split())
    assert VERDICTS == KNOWN
    assert f"FORM    := {' | '.join(FORMS)}\n" in HELP
