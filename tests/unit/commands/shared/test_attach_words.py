"""The words of ``pytc tcx``, ``hooks``, ``cgroup`` and ``link``. Nothing here needs a kernel."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.usage import topics, usage
from pytc.commands.cgroup.attach import AttachCgroup
from pytc.commands.cgroup.detach import DetachCgroup
from pytc.commands.cgroup.show import ShowCgroup
from pytc.commands.cgroup.tree import ShowCgroupTree
from pytc.commands.cgroup.words import CgroupName
from pytc.commands.dispatch import parse_words
from pytc.commands.hooks.show import ShowHooks
from pytc.commands.link.detach import DetachLink
from pytc.commands.link.pin import PinLink
from pytc.commands.link.show import ShowLinks
from pytc.commands.link.unpin import UnpinLink
from pytc.commands.link.update import UpdateLink
from pytc.commands.shared.attach_words import Reference
from pytc.commands.shared.command import Command, Help
from pytc.commands.tcx.attach import AttachTcx, Position
from pytc.commands.tcx.detach import DetachTcx
from pytc.commands.tcx.replace import ReplaceTcx
from pytc.commands.tcx.show import ShowTcx
from pytc.errors import HelpRequested, PytcError, UsageError
from pytc.tc.kinds.shared.programs import BARE, OBJECT, PINNED, BpfSource

FILE = BpfSource(OBJECT, "f")
AT = CgroupName("/c")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("tcx attach dev em1 ingress obj f", AttachTcx("em1", "ingress", FILE)),
        (
            "tcx add egress dev em1 first revision 7 link m:l obj f sec s",
            AttachTcx("em1", "egress", FILE._replace(section="s"), Position("first"), "m:l", 7),
        ),
        ("tcx attach dev em1 ingress obj f set a=1 before id 5 last", None),
        (
            "tcx attach dev em1 ingress before link /l ./f",
            AttachTcx("em1", "ingress", BpfSource(BARE, "./f"), Position("before", Reference("link", "/l"))),
        ),
        (
            "tcx attach dev em1 peer pinned /p after name x",
            AttachTcx("em1", "peer", BpfSource(PINNED, "/p"), Position("after", Reference("name", "x"))),
        ),
        (
            "tcx replace dev em1 ingress old pinned m:l obj f",
            ReplaceTcx("em1", "ingress", FILE, Reference("pinned", "m:l")),
        ),
        ("tcx replace dev em1 ingress obj f revision 3", ReplaceTcx("em1", "ingress", FILE, None, 3)),
        ("tcx detach dev em1 egress all", DetachTcx("em1", "egress", None)),
        ("tcx delete dev em1 egress id 5 revision 2", DetachTcx("em1", "egress", Reference("id", "5"), 2)),
        ("tcx detach dev em1 egress", None),
        ("tcx attach dev em1 obj f", None),
        ("tcx attach ingress obj f", None),
        ("tcx attach dev em1 ingress", None),
        ("tcx attach dev em1 ingress bytecode 1,6,0,0,0", None),
        ("tcx attach dev em1 ingress revision 0 obj f", None),
        ("tcx attach dev em1 ingress before id x obj f", None),
        ("tcx attach dev em1 ingress egress obj f", None),
        ("tcx bogus", None),
        ("tcx show dev em1 bogus", None),
        ("tcx", ShowTcx()),
        ("tcx show", ShowTcx()),
        ("t ls dev em1 peer", ShowTcx("em1", "peer")),
        ("hooks dev em1", ShowHooks("em1")),
        ("hooks show dev em1", ShowHooks("em1")),
        ("hooks", ShowHooks()),
        ("cgroup attach /c obj f", AttachCgroup(AT, FILE)),
        ("cgroup attach pid 7 connect4 override obj f", AttachCgroup(CgroupName(pid=7), FILE, "connect4", "override")),
        ("cgroup attach /c obj f sock_ops link m:l", AttachCgroup(AT, FILE, "sock_ops", link="m:l")),
        ("cgroup attach /c replace id 3 obj f", AttachCgroup(AT, FILE, old=Reference("id", "3"))),
        ("cgroup attach /c override link m:l obj f", None),
        ("cgroup attach /c exclusive replace id 3 obj f", None),
        ("cgroup attach /c multi override obj f", None),
        ("cgroup attach pid x obj f", None),
        ("cgroup attach", None),
        ("cgroup detach /c id 3", DetachCgroup(AT, Reference("id", "3"))),
        ("cgroup detach /c ingress all", DetachCgroup(AT, None, "ingress")),
        ("cgroup detach /c", None),
        ("cgroup show /c", ShowCgroup(AT)),
        ("cg ls /c egress eff", ShowCgroup(AT, "egress", True)),
        ("cgroup tree", ShowCgroupTree()),
        ("cgroup tree /c effective", ShowCgroupTree(AT, True)),
        ("link", ShowLinks()),
        ("link show 7", ShowLinks("7")),
        ("link show id 7", ShowLinks("7")),
        ("link show pinned 7", ShowLinks("./7")),
        ("link show id x", None),
        ("link show 0", None),
        ("link detach m:l", DetachLink("m:l")),
        ("link pin 7 m:l", PinLink("7", "m:l")),
        ("link pin 7", None),
        ("link unpin m:l", UnpinLink("m:l")),
        ("link update 7 obj f", UpdateLink("7", FILE)),
        ("link update 7", None),
    ],
)
def test_words(line: str, command: Command | None) -> None:
    if command is None:
        with pytest.raises(PytcError):
            parse_words(line.split())
    else:
        assert parse_words(line.split()) == command


@pytest.mark.parametrize(
    "line",
    [
        "tcx help",
        "tcx attach help",
        "tcx detach help",
        "tcx replace help",
        "tcx show help",
        "hooks help",
        "cgroup",
        "cgroup help",
        "cgroup attach help",
        "cgroup detach help",
        "cgroup show help",
        "cgroup tree help",
        "link help",
        "link update help",
    ],
)
def test_help_is_there(line: str) -> None:
    try:
        command = parse_words(line.split())
    except HelpRequested as request:
        topic = request.topic
    else:
        assert isinstance(command, Help)
        topic = command.topic
    assert topic in topics()
    assert usage(topic).startswith(f"Usage: pytc {topic.split()[0]}")


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("tcx attach dev em1 ingress obj f bogus", "tcx attach"),
        ("tcx replace dev em1 ingress obj f bogus", "tcx replace"),
        ("tcx show bogus", "tcx show"),
        ("cgroup attach /c obj f bogus", "cgroup attach"),
        ("link update 3 obj f bogus", "link update"),
        ("exec bpf graft m:x obj f bogus", "exec bpf graft"),
        ("filter add dev em1 ingress bpf obj f bogus", "filter add bpf"),
    ],
)
def test_an_unknown_word_leads_to_the_help_of_its_command(line: str, topic: str) -> None:
    with pytest.raises(PytcError) as caught:
        parse_words(line.split())
    assert str(caught.value) == f'What is "bogus"? Try "pytc {topic} help".'
    with pytest.raises(HelpRequested) as request:
        parse_words([*topic.split(), "help"])
    assert request.value.topic.split()[0] == topic.split(maxsplit=1)[0]


WORDS = [
    "attach",
    "detach",
    "replace",
    "show",
    "tree",
    "pin",
    "update",
    "dev",
    "em1",
    "ingress",
    "peer",
    "first",
    "before",
    "after",
    "id",
    "name",
    "link",
    "pinned",
    "old",
    "revision",
    "all",
    "7",
    "0",
    "-1",
    "obj",
    "f",
    "sec",
    "set",
    "a=1",
    "pid",
    "multi",
    "override",
    "effective",
    "connect4",
    "help",
    "m:x",
    "",
    "\0",
]


@given(
    st.sampled_from(["tcx", "hooks", "cgroup", "link"]),
    st.lists(st.sampled_from(WORDS) | st.text(max_size=5), max_size=9),
)
def test_any_words_are_a_command_or_a_clean_error(name: str, words: list[str]) -> None:
    try:
        command = parse_words([name, *words])
    except PytcError as error:
        assert str(error)
    else:
        assert type(command).__name__


def test_a_usage_error_has_the_status_of_tc() -> None:
    with pytest.raises(UsageError):
        parse_words(["tcx", "attach", "dev", "em1", "obj", "f"])


EXIT, NEXT, OK = bytes([0x95]) + bytes(7), bytes([0xB7, 0, 0, 0]) + b"\xff" * 4, bytes([0xB7, 0, 0, 0, 0, 0, 0, 0])
