"""What may follow in a line, and how a shell is told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.manual.words import SECTIONS, places
from pytc.cli.candidates import compared_words, find_candidates
from pytc.cli.command_line import OPTIONS
from pytc.cli.completion import complete
from pytc.cli.shell_words import quote_word, split
from pytc.commands.completion import SHELLS
from pytc.commands.dispatch import OBJECTS, parse_words
from pytc.errors import PytcError
from pytc.words.engine import Probe
from tests.action_lines import BY_KIND
from tests.compat.lines import steps
from tests.elf_writer import RETURN_0, code, elf
from tests.processes import SOURCE, cannot, pytc, run

_ANY = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
_SOME = st.sampled_from([*OBJECTS, "add", "dev", "bpf", "obj", "action", "-n", "root", "key", "{", "is"])


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("", "filter prog help"),
        ("filter", "add replace show help"),
        ("filter add", "dev block protocol bpf"),
        ("filter add dev lo ingress bpf", "object-file obj direct-action"),
        ("qdisc add dev lo", "clsact root htb stab"),
        ("filter add dev lo ingress bpf obj x.o", "section set map export action"),
        ("exec bpf", "import graft"),
        ("filter add dev lo ingress bpf obj x.o map m", "max_entries pinned"),
        ("exec bpf import /x", "run timeout"),
        ("filter add dev lo ingress u32 match", "ip tcp u32"),
        ("filter add dev lo ingress u32 match ip", "protocol dport src dst nofrag firstfrag df mf"),
        ("filter add dev lo ingress u32 match ip6", "src dst priority flowlabel"),
        ("filter add dev lo ingress u32 match ether", "src dst"),
        ("filter add dev lo ingress u32 sample tcp", "src dst"),
        ("filter add dev lo ingress u32 match ip src 10.0.0.1", "at match flowid"),
        ("prog run obj x.o packet ip preset hits", "keytype valuetype key value"),
        ("filter add dev lo ingress matchall action mirred", "egress ingress"),
        ("actions list action", "gact police"),
        ("filter add dev lo ingress protocol ip flower dst_ip 10.0.0.1", "src_ip ip_proto action"),
        ("filter add dev lo ingress protocol ip flower ip_proto", "tcp icmp"),
        ("filter add dev lo ingress protocol arp flower arp_op", "request reply"),
        ("filter add dev lo ingress protocol ppp_ses flower ppp_proto", "ip mpls_uc"),
        ("filter add dev lo ingress protocol mpls_uc flower mpls lse depth 1", "label tc action"),
        ("qdisc add dev lo stab linklayer", "ethernet atm"),
        ("actions add action", "bpf drop"),
        ("completion", "bash zsh"),
        ("apply FILE", "owner prune"),
        ("export-state", "dev object"),
        ("pins", "show delete change"),
        ("pins delete", "unused dead object"),
        ("class add dev lo parent 1: htb", "rate ceil"),
        ("chain add", "block"),
        ("hooks", "dev"),
        ("tcx attach dev lo ingress", "before obj"),
        ("cgroup attach /x", "sock_ops connect4"),
        ("object lint x.o", "for"),
        ("cbpf compile as", "tcpdump asm"),
        ("map set name x key 1 value", "+= {"),
        ("actions get action bpf", "index"),
    ],
)
def test_words_that_may_follow(line: str, offered: str) -> None:
    assert set(offered.split()) <= set(find_candidates(line.split()).words)


@pytest.mark.parametrize(
    ("line", "not_offered"),
    [
        ("filter add chain 3", "chain"),
        ("filter add dev lo ingress", "dev egress"),
        ("class add dev lo", "pfifo tbf"),
        ("qdisc add dev lo root htb", "dev rate htb"),
        ("actions add action", "flowid"),
        ("qdisc", "list ls"),
        ("actions get action", "drop"),
        ("map dump id 1", "id name fd"),
        ("exec bpf", "run"),
        ("filter show dev lo", "bpf"),
        ("filter add dev lo ingress protocol ip flower dst_ip 10.0.0.1", "dst_ip"),
        ("object show x.o", "for type"),
    ],
)
def test_words_that_make_no_sense(line: str, not_offered: str) -> None:
    assert not set(not_offered.split()) & set(find_candidates(line.split()).words)


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("-n", "namespace"),
        ("-s -n x filter show dev", "device"),
        ("filter add dev lo ingress bpf obj", "object file"),
        ("object show", "object file"),
        ("prog run obj x.o pcap", "capture"),
        ("prog run obj x.o write", "file"),
        ("filter add dev lo ingress bpf obj x.o sec", "section"),
        ("filter add dev lo protocol", "protocol"),
        ("map dump pinned", "pin"),
        ("map dump fd", ""),
        ("prog run obj x.o map", "map"),
        ("object lint x.o type", "type"),
        ("filter add dev dev", ""),
        ("filter add dev lo protocol 802.1q flower vlan_ethtype", "protocol"),
        ("filter add dev lo protocol ip flower ip_proto icmp type", ""),
        ("cgroup show", "cgroup"),
        ("cbpf run x", "capture"),
        ("qdisc add dev lo handle", ""),
    ],
)
def test_values_that_may_follow(line: str, value: str) -> None:
    assert find_candidates(line.split()).value == value


def test_files_are_those_that_are_expected(tmp_path: Path) -> None:
    """Others only where there is none of them; and directories, in which there may be some."""
    for name in ("a.o", "b.o", "b.c", "in.pcap", ".hidden.o"):
        (tmp_path / name).touch()
    (tmp_path / "bpf").mkdir()
    line = "filter add dev lo ingress bpf obj".split()
    assert complete(line, f"{tmp_path}/").words == [f"{tmp_path}/{name}" for name in ("a.o", "b.o", "bpf/")]
    assert complete(line, f"{tmp_path}/.").words == [f"{tmp_path}/.hidden.o"]
    for prefix, files in (("a", ""), ("b.c", "files"), ("in", "files"), ("none/", "files")):
        assert complete(line, f"{tmp_path}/{prefix}").directives == files
    assert complete(["prog", "run", "obj", "x.o", "pcap"], f"{tmp_path}/").words == [
        f"{tmp_path}/bpf/",
        f"{tmp_path}/in.pcap",
    ]


def test_other_words_for_the_same_are_completed_where_they_are_meant() -> None:
    assert "list" not in find_candidates(["class"]).words
    assert find_candidates(["class"], "li").words == ("list",)


@pytest.mark.parametrize("name", OBJECTS)
def test_every_object_has_words_to_offer(name: str) -> None:
    assert find_candidates([name]).words
    for verb in find_candidates([name]).words:
        find_candidates([name, verb])


@pytest.mark.parametrize("option", [row.name for row in OPTIONS])
def test_every_option_is_offered(option: str) -> None:
    assert f"-{option}" in find_candidates([], "-").words


def test_what_is_offered_is_understood() -> None:
    """The line is right as far as it goes: the parser only wants more words."""
    line = ["filter", "add", "dev", "lo", "ingress", "u32"]
    for word in find_candidates(line).words:
        try:
            parse_words([*line, word])
        except PytcError as error:
            assert word in ("help", "indev") or "not complete" in str(error)


class _Hashed(Probe):
    """Keeps who has looked it up by its hash, where it cannot keep what it is compared with."""

    by: ClassVar[dict[tuple[str, str], str]] = {}
    line: ClassVar[str] = ""

    def __hash__(self) -> int:
        caller = sys._getframe(1)
        self.by[Path(caller.f_code.co_filename).name, caller.f_code.co_name] = self.line
        return super().__hash__()


def test_no_table_of_words_is_looked_up_by_a_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Along all lines that tc understands. Those who do look up ask the table itself then, or what follows is a value
    of a sort."""
    monkeypatch.setattr("pytc.cli.candidates.Probe", _Hashed)
    lines = [command for table in ("filters", "qdiscs") for step in steps(table) for command in step.on("lo")]
    lines += [["actions", "add", "action", *line.split()] for kind in BY_KIND.values() for line in kind]
    beginnings = {tuple(line[:count]) for line in lines for count in range(1, len(line) + 1)}
    assert len(beginnings) > 500
    for words in sorted(beginnings):
        _Hashed.line = " ".join(words)
        find_candidates(words)
    for known in (
        ("engine.py", "find"),
        ("engine.py", "take_verb"),
        ("__init__.py", "find"),
        ("words.py", "take_options"),
        ("protocols.py", "parse_protocol"),
    ):
        _Hashed.by.pop(known, None)
    assert _Hashed.by == {}


@given(st.lists(st.one_of(_SOME, _ANY), max_size=7), _ANY)
def test_any_line_can_be_asked_for(words: list[str], begun: str) -> None:
    found = find_candidates(words, begun)
    assert all(word.isprintable() for word in found.words)


def test_names_in_an_object(tmp_path: Path) -> None:
    path = tmp_path / "two.o"
    path.write_bytes(elf(code("tc/a", RETURN_0), code("tc/b", RETURN_0)))
    line = ["filter", "add", "dev", "lo", "ingress", "bpf", "obj", str(path), "sec"]
    assert complete(line, "") == ("", ["tc/a", "tc/b"])
    assert complete(line, "tc/b") == ("", ["tc/b"])


@given(_ANY, st.sampled_from(("", "'", '"', "$'")))
def test_what_is_quoted_is_read_again(text: str, quote: str) -> None:
    written = quote_word(text, quote)
    if written is not None:
        begun = split(f"pytc {quote}{written}")[1]
        assert (begun.text, begun.quote) == (text, quote)
        assert all(c >= " " for c in written)


def test_bash_reads_it_the_same_way() -> None:
    texts: list[str] = []

    @given(_ANY)
    def gather(text: str) -> None:
        texts.append(text)

    gather()
    if shutil.which("bash") is None:
        cannot("bash is not installed")
    lines = "".join(f"printf '%s\\0' x{quote_word(text)} \n" for text in texts)
    done = subprocess.run(
        ["bash", "--norc"],
        input=lines.encode(),
        capture_output=True,
        check=False,
        timeout=60,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    assert done.stdout.decode().split("\0")[:-1] == [f"x{text}" for text in texts]
    assert not done.stderr


@pytest.mark.parametrize(
    ("line", "words", "begun"),
    [
        ("pytc a b", ["pytc", "a"], "b"),
        ("pytc a ", ["pytc", "a"], ""),
        ("pytc 'a b' \"c d", ["pytc", "a b"], "c d"),
        ("pytc a\\ b", ["pytc"], "a b"),
        ("pytc $'a\\n\\x41\\101' x", ["pytc", "a\nAA"], "x"),
        ("pytc $(id) `x", ["pytc", "$(id)"], "`x"),
        ("pytc a\\", ["pytc"], "a"),
        ("pytc '' ", ["pytc", ""], ""),
    ],
)
def test_lines_are_taken_apart(line: str, words: list[str], begun: str) -> None:
    found, last = split(line)
    assert (found, last.text) == (words, begun)


@pytest.mark.parametrize("shell", SHELLS)
def test_scripts_are_right(shell: str) -> None:
    if shutil.which(shell) is None:
        (cannot if shell == "bash" else pytest.skip)(f"{shell} is not installed")
    script = pytc("completion", shell).out
    assert "_PYTC_COMPLETE" in script
    done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("shell", "words"), [("tcsh", ["x"]), ("bash", ["x"]), ("zsh", []), ("bash", ["a", "b", "c"])])
def test_other_questions_have_no_answer(shell: str, words: list[str]) -> None:
    done = pytc(*words, env={"_PYTC_COMPLETE": shell})
    assert done == (1, "", "")


def test_completion_loads_no_third_party() -> None:
    done = run(
        sys.executable,
        "-X",
        "importtime",
        "-m",
        "pytc",
        "filter",
        "add",
        "dev",
        "",
        env={"_PYTC_COMPLETE": "zsh", **SOURCE},
    )
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.err.splitlines()}
    assert done.out
    assert not loaded & {"click", "pyroute2", "elftools"}


#: Words of the tables that are short for others, which are offered.
_SHORT = {"action", "del", "key", "pref", "prio"}


@pytest.mark.parametrize("section", [section for section in SECTIONS if section != "Options"])
def test_each_word_of_each_kind_is_offered(section: str) -> None:
    missing = [
        f"{' '.join(place.beginning)} {entry.word}"
        for place in places(section)
        for entry in place.entries
        if entry.word not in {*compared_words([*place.beginning]), *_SHORT}
    ]
    assert missing == []
