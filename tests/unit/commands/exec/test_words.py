"""The words of exec."""

from __future__ import annotations

import pytest

from pytc.cli.exit_status import exit_status
from pytc.cli.usage import topics, usage
from pytc.commands.dispatch import parse_words
from pytc.commands.exec.agent import DropObject, ListObjects, ServeMaps
from pytc.commands.exec.debug import ReadTrace
from pytc.commands.exec.graft import GraftProgram
from pytc.commands.exec.import_ import FetchMaps, ImportMaps
from pytc.commands.exec.socket_rights import SocketRights
from pytc.commands.shared.command import Command, Help
from pytc.errors import HelpRequested, PytcError
from pytc.tc.kinds.shared.programs import OBJECT, PINNED, BpfSource


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("exec bpf import /tmp/bpf", ImportMaps("/tmp/bpf")),
        ("e bpf imp /tmp/bpf", ImportMaps("/tmp/bpf")),
        ("exec bpf imp /tmp/bpf run env", ImportMaps("/tmp/bpf", ("env",))),
        ("exec bpf import p r agent -x run y", ImportMaps("p", ("agent", "-x", "run", "y"))),
        (
            "exec bpf import p timeout 1.5 count 3 ro mode 0660 user 7 run a",
            ImportMaps("p", ("a",), True, 1.5, 3, SocketRights(0o660, "7")),
        ),
        ("exec bpf import p timeout 1e1", ImportMaps("p", timeout=10.0)),
        ("exec bpf import p timeout 500ms", ImportMaps("p", timeout=0.5)),
        ("exec bpf import p timeout 2m", ImportMaps("p", timeout=120.0)),
        ("exec bpf import h", ImportMaps("h")),
        ("exec bpf import agent", ImportMaps("agent")),
        ("exec bpf import agent run sh", ImportMaps("agent", ("sh",))),
        ("exec bpf import agent timeout 1", ImportMaps("agent", timeout=1.0)),
        ("exec bpf import ./agent ro", ImportMaps("./agent", read_only=True)),
        ("exec bpf import agent /run/x", FetchMaps("/run/x")),
        (
            "exec bpf import agent /run/x object bpf.o ro run sh -c x",
            FetchMaps("/run/x", ("sh", "-c", "x"), True, "bpf.o"),
        ),
        ("exec bpf agent /run/x", ServeMaps("/run/x")),
        ("exec bpf agent /run/x mode 660 user nobody", ServeMaps("/run/x", SocketRights(0o660, "nobody"))),
        ("exec bpf agent /run/x list", ListObjects("/run/x")),
        ("exec bpf agent /run/x l", ListObjects("/run/x")),
        ("exec bpf agent /run/x drop bpf.o", DropObject("/run/x", "bpf.o")),
        ("exec bpf debug", ReadTrace()),
        ("exec bpf dbg", ReadTrace()),
        ("exec bpf d", ReadTrace()),
        ("exec help", Help("exec")),
        ("exec bpf", Help("exec bpf")),
        ("exec bpf help", Help("exec bpf")),
        ("exec bpf graft m:x key 0x10 obj a.o sec b", GraftProgram("m:x", 16, BpfSource(OBJECT, "a.o", section="b"))),
        (
            "exec bpf graft m:x object-file a.o s 1/2 type act verb",
            GraftProgram("m:x", None, BpfSource(OBJECT, "a.o", section="1/2", verbose=True, type=4)),
        ),
        ("exec bpf graft m:x k 1 pinned m:y", GraftProgram("m:x", 1, BpfSource(PINNED, "m:y"))),
    ],
)
def test_words(line: str, command: Command) -> None:
    assert parse_words(line.split()) == command


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("exec", 255, "No command given"),
        ("exec xdp", 255, 'Unknown exec "xdp"'),
        ("exec bpf nothing", 255, "nothing"),
        ("exec bpf run sh", 255, "No import parameter"),
        ("exec bpf import", 255, "not complete"),
        ("exec bpf import p run", 255, "not complete"),
        ("exec bpf import p bogus", 255, "bogus"),
        ("exec bpf import p timeout -1", 255, "seconds"),
        ("exec bpf import p timeout nan", 255, "seconds"),
        ("exec bpf import p timeout inf", 255, "seconds"),
        ("exec bpf import p count 0", 255, "number"),
        ("exec bpf import p count 2000", 255, "number"),
        ("exec bpf import p mode 888", 255, "octal"),
        ("exec bpf import p mode 1777", 255, "octal"),
        ("exec bpf import p mode 444", 255, "octal"),
        ("exec bpf import p ro ro", 255, "duplicate"),
        ("exec bpf import agent p timeout 1", 255, "timeout"),
        ("exec bpf agent", 255, "not complete"),
        ("exec bpf agent p drop", 255, "not complete"),
        ("exec bpf agent p list more", 255, "more"),
        ("exec bpf agent p bogus", 255, "bogus"),
        ("exec bpf debug more", 255, "more"),
        ("exec bpf graft", 255, "not complete"),
        ("exec bpf graft m:x", 255, "not complete"),
        ("exec bpf graft m:x key x obj a", 255, "key value not integer"),
        ("exec bpf graft m:x key 1", 255, "not complete"),
        ("exec bpf graft m:x bcf /x", 1, "only a program"),
        ("exec bpf graft m:x obj a.o da", 1, "What is"),
    ],
)
def test_wrong_words(line: str, status: int, said: str) -> None:
    with pytest.raises(PytcError, match=said) as raised:
        parse_words(line.split())
    assert exit_status(raised.value) == status


@pytest.mark.parametrize("verb", ["import", "agent", "debug", "graft"])
def test_help(verb: str) -> None:
    with pytest.raises(HelpRequested) as raised:
        parse_words(["exec", "bpf", verb, "help"])
    assert raised.value.topic in topics()
    assert usage(raised.value.topic).startswith(f"Usage: pytc exec bpf {'{ debug' if verb == 'debug' else verb}")
