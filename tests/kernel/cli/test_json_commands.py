"""Every command that shows something: its JSON parses, whatever the options, in a batch as a document of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

import pytest

from pytc.bpf import MapSpec, MapType
from pytc.bpf.maps.map import create_map
from pytc.cli.batch import split_words
from pytc.commands.dispatch import OBJECTS, object_name, parse_words
from pytc.commands.shared.command import Command
from pytc.exec_proxy.map_transfer import identify, send_maps
from tests import strict_json
from tests.conftest import EXAMPLES, Compiler
from tests.kernel.bpf.support import loaded, verdict, word
from tests.kernel.exec_proxy.support import array_maps
from tests.network import Network
from tests.processes import PYTC, running
from tests.waiting import until

TRAFFIC = EXAMPLES / "traffic.o"
EVENTS = 3
#: Qdiscs that are added and deleted, and a chain.
NEWS = 7
#: A filter that is there, and one that is made for the row.
THERE, MADE = "dev em1 ingress pref 1 protocol all handle 1 bpf", "dev em1 ingress pref 77 protocol all handle 7"


class Row(NamedTuple):
    """A line and what it parses to; ``documents`` is how many it prints, with -echo."""

    command: str
    line: str
    documents: int = 1


#: Those with which a line is tried; what changes something is undone by another row, for the next time.
ROWS = (
    Row("ShowQdiscs", "qdisc show"),
    Row("ShowQdiscs", "qdisc show dev em1"),
    Row("ShowQdiscs", "qdisc show dev lo"),
    Row("ShowClasses", "class show dev em1"),
    Row("ShowClasses", "class show dev lo"),
    Row("ShowFilters", "filter show dev em1 ingress"),
    Row("ShowFilters", "filter show dev em1 egress"),
    Row("ShowFilters", "filter show dev em1"),
    Row("GetFilter", f"filter get {THERE}"),
    Row("ShowChains", "chain show dev em1 ingress"),
    Row("ShowChains", "chain show dev lo"),
    Row("GetChain", "chain get dev em1 ingress chain 5"),
    Row("ShowActions", "actions ls action mirred"),
    Row("ShowActions", "actions ls action gact"),
    Row("GetActions", "actions get action mirred index 8"),
    Row("Monitor", "monitor file RECORD", NEWS),
    Row("ModifyQdisc", "qdisc add dev lo root handle 5: pfifo limit 7"),
    Row("DeleteQdisc", "qdisc del dev lo root"),
    Row("ModifyClass", "class change dev em1 parent 1: classid 1:7 htb rate 11mbit"),
    Row("ModifyFilter", f"filter add {MADE} bpf bytecode '1,6 0 0 1'"),
    Row("DeleteFilter", f"filter del {MADE} bpf"),
    Row("AddChain", "chain add dev em1 ingress chain 6"),
    Row("DeleteChain", "chain del dev em1 ingress chain 6"),
    Row("ModifyActions", "actions add action mirred egress redirect dev em1 index 9"),
    Row("ActionCommands", "actions add action mirred egress redirect dev em1 index 10 get action mirred index 8"),
    Row("DeleteActions", "actions del action mirred index 9"),
    Row("DeleteActions", "actions del action mirred index 10"),
    Row("ShowObject", f"object show {TRAFFIC}"),
    Row("LintObject", f"object lint {TRAFFIC}"),
    Row("PrintTypes", f"object types {TRAFFIC}"),
    Row("ConvertObject", f"object convert {EXAMPLES / 'mark_stats.o'}"),
    Row("CompileExpression", "cbpf compile 'tcp port 80'"),
    Row("CompileExpression", "cbpf compile as c ip"),
    Row("AssembleProgram", "cbpf asm ASSEMBLY"),
    Row("DisassembleProgram", "cbpf disasm '1,6 0 0 1'"),
    Row("DisassembleProgram", "cbpf disasm from dev em1 ingress pref 3"),
    Row("RunProgram", f"cbpf run {EXAMPLES.parent / 'packets' / 'hops.pcap'} expression ip"),
    Row("RunProgram", f"cbpf run {EXAMPLES.parent / 'packets' / 'hops.pcap'} expression ip6 summary"),
    Row("TranslateProgram", "cbpf to-ebpf '1,6 0 0 1' write WRITTEN", 0),
    Row("ShowMaps", "map show"),
    Row("ShowMaps", "map show pinned m:table"),
    Row("GetElement", "map get pinned m:table key 1"),
    Row("GetElement", "map get pinned m:bloom value 5"),
    Row("DumpMap", "map dump pinned m:table"),
    Row("DumpMap", "map dump pinned m:empty"),
    Row("DumpMap", "map dump pinned m:percpu"),
    Row("DumpMap", "map dump pinned m:percpu sum"),
    Row("NextKey", "map next pinned m:table"),
    Row("NextKey", "map next pinned m:percpu key 3"),
    Row("PeekValue", "map peek pinned m:queue"),
    Row("WatchMap", "map watch pinned m:table count 1", 3),
    Row("ReadEvents", f"map events pinned m:notices count {EVENTS}", EVENTS),
    Row("ReadEvents", "map events pinned m:notices timeout 1ms", 0),
    Row("ShowTcx", "tcx show"),
    Row("ShowTcx", "tcx show dev em1"),
    Row("ShowTcx", "tcx show dev lo"),
    Row("ShowHooks", "hooks dev em1"),
    Row("ShowHooks", "hooks dev lo"),
    Row("ShowCgroup", "cgroup show CGROUP"),
    Row("ShowCgroup", "cgroup show CGROUP egress"),
    Row("ShowCgroupTree", "cgroup tree"),
    Row("ShowCgroupTree", "cgroup tree CGROUP effective"),
    Row("ShowLinks", "link show"),
    Row("ShowLinks", "link show m:link"),
    Row("RunOnPackets", f"prog run obj {TRAFFIC} packet 'ip udp' dump protocols"),
    Row("RunOnPackets", f"prog run obj {TRAFFIC} pcap {EXAMPLES.parent / 'packets' / 'hops.pcap'} summary"),
    Row("ShowPrograms", "prog show"),
    Row("ShowPrograms", "prog show dev em1 ingress pref 1"),
    Row("DumpProgram", "prog dump dev em1 ingress pref 1"),
    Row("DumpProgram", "prog dump jited dev em1 ingress pref 1 opcodes lines"),
    Row("ProgramStatistics", "prog stats"),
    Row("ProgramStatistics", "prog stats dev em1 ingress pref 1 on for 1ms"),
    Row("RankPrograms", "prog top dev em1 ingress pref 1 interval 1ms count 2", 2),
    Row("ListObjects", "exec bpf agent AGENT list"),
    Row("ListObjects", "exec bpf agent IDLE list"),
)
LINES = [row.line for row in ROWS]
#: Lines that fail, between those: what they say is on stderr.
WRONG = (
    "qdisc show dev nosuch",
    "filter show dev em1 bogus",
    "map dump pinned m:nosuch",
    "map dump pinned m:queue",
    "prog dump id 4294967295",
    "link show m:table",
    "object show /dev/null",
    "cgroup show /nosuch",
    "monitor file /dev/null/x",
    "bogus",
    "filter add dev em1 ingress bpf da obj /dev/null",
    "map get pinned m:table key x",
)
#: With -batch, -j and -echo; what is not JSON's business has to leave it alone.
OPTIONS = ((), ("-s", "-d", "-p"), ("-o", "-br"), ("-N", "-r", "-iec", "-nm", "-graph"), ("-ts", "-p", "-c=always"))
#: What the rows are told apart by.
BETWEEN, BETWEEN_SAYS = "map get pinned m:bloom value 77", [{"value": 77, "maybe": True}]


def showing_commands() -> Iterator[str]:
    """Yield the names of the commands of all verbs whose run may have something to show."""
    for package in OBJECTS.values():
        verbs = set(import_module(f"pytc.commands.{package}").VERBS.values())
        for verb in verbs:
            module = import_module(f"pytc.commands.{package}.{verb}")
            if module.run.__annotations__["return"] not in ("None", "NoReturn"):
                yield from (
                    name
                    for name, value in vars(module).items()
                    if isinstance(value, type) and issubclass(value, Command) and value.__module__ == module.__name__
                )


#: Commands without a row: the agent, which runs until it is ended (tests/kernel/exec_proxy asks it to drop objects);
#: those that show what another row shows; "apply" and "export-state" (tests/kernel/transaction); metrics and
#: scripts of completion, which are text in any case.
WITHOUT_ROW = {
    "ServeMaps",
    "DropObject",
    "DeleteClass",
    "DeleteChosen",
    "PopValues",
    "ShowMetrics",
    "ShowPins",
    "DeletePins",
    "ChangePins",
    "ResizeMap",
    "CreateMap",  # tests/kernel/commands/map/test_create.py
    "ShowNetns",  # tests/kernel/commands/netns
    "LoadProgram",  # tests/kernel/commands/prog/test_load.py
    "InstallCompletion",
    "ExplainLog",  # tests/unit/commands/prog/test_explain.py has its JSON
} | {f"Print{shell}Script" for shell in ("Bash", "Fish", "Zsh")}


def test_every_command_that_shows_something_has_a_row() -> None:
    known = {row.command for row in ROWS} | WITHOUT_ROW
    assert [command for command in showing_commands() if command not in known] == []
    assert set(OBJECTS) - {object_name(row.line.split()[0]) for row in ROWS} == {
        "completion",
        "apply",
        "export-state",
        "metrics",
        "netns",
        "pins",
    }


@pytest.mark.parametrize("row", ROWS, ids=[line.replace(str(EXAMPLES), "") for line in LINES])
def test_a_row_is_of_its_command(row: Row) -> None:
    assert type(parse_words(split_words(row.line))).__name__ == row.command


class Events:
    """The record that a program sends to a ring buffer."""

    def __init__(self, owned: ExitStack, path: str, mount: Path) -> None:
        self._done = owned.enter_context(loaded(path, mount))
        self._done.maps["settings"].typed[0] = {"enabled": True}
        self._done.maps["verdicts"].typed["10.0.0.1"] = {"action": "COUNT_ONLY", "note": "hello"}
        self._done.maps["notices"].pin(str(mount / "tc" / "notices"))

    def fill(self) -> None:
        for _ in range(EVENTS):
            verdict(
                self._done.program,
                bytes(12) + b"\x08\0\x45" + bytes(8) + b"\x06" + bytes(2) + b"\x0a\0\0\1\x0a\0\0\2" + bytes(30),
            )


class Place(NamedTuple):
    """Where all of it is, and the words of the rows that stand for paths."""

    network: Network
    directory: Path
    paths: dict[str, str]
    events: Events

    def batch(self, lines: list[str], *options: str) -> subprocess.CompletedProcess[bytes]:
        """``pytc -j -force -batch`` with some lines."""
        self.events.fill()
        text = "".join(f"{line}\n" for line in lines)
        for name, path in self.paths.items():
            text = text.replace(name, path)
        (self.directory / "batch").write_text(text, errors="surrogateescape")
        return subprocess.run(
            [
                *PYTC,
                "-n",
                self.network.name,
                "-j",
                "-force",
                "-echo",
                *options,
                "-batch",
                str(self.directory / "batch"),
            ],
            capture_output=True,
            timeout=60,
            check=False,
            cwd=self.directory,
            env={**os.environ, **self.network.env},
        )


def _maps(directory: Path) -> None:
    kinds = {
        "table": (MapType.HASH, 4),
        "empty": (MapType.HASH, 4),
        "percpu": (MapType.PERCPU_ARRAY, 4),
        "queue": (MapType.QUEUE, 0),
        "bloom": (MapType.BLOOM_FILTER, 0),
    }
    for name, (kind, key) in kinds.items():
        with create_map(MapSpec(name, kind, key, 4, 8), name) as made:
            if name in ("queue", "bloom"):
                made.update(b"", word(5))
                made.update(b"", word(77))
            for number in (1, 2, 3) if name == "table" else ():
                made[word(number)] = word(number)
            made.pin(str(directory / name))


def _record(network: Network, path: Path) -> None:
    """News as rtmon(8) writes them."""
    words = ["ip", "netns", "exec", network.name, "rtmon", "file", str(path)]
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as process:
        try:
            until(lambda: path.exists() and path.stat().st_size, "rtmon")  # which begins with the devices
            for _ in range(2):
                network.ok("qdisc", "add", "dev", "lo", "root", "handle", "9:", "pfifo")
                network.ok("qdisc", "del", "dev", "lo", "root")
            network.ok("chain", "add", "dev", "em1", "ingress", "chain", "5")
            until(lambda: network.ok("monitor", "file", str(path), options=("-j",)).count("\n") == NEWS, "news")
        finally:
            process.terminate()


@contextmanager
def _agent(path: Path) -> Iterator[None]:
    with running(*PYTC, "exec", "bpf", "agent", str(path)):
        until(path.exists, "the agent")
        yield


@pytest.fixture
def place(network: Network, bpffs: Path, cgroup: Path, build: Compiler, tmp_path: Path) -> Iterator[Place]:
    """Some of everything that can be shown."""
    network.ok("qdisc", "add", "dev", "em1", "clsact")
    _record(network, tmp_path / "record")
    (tmp_path / "setup").write_text(f"""\
qdisc add dev em1 root handle 1: htb default 7
class add dev em1 parent 1: classid 1:7 htb rate 10mbit
filter add {THERE} da obj {TRAFFIC}
filter add dev em1 ingress pref 2 protocol ip u32 match ip dst 192.0.2.7/32 action mirred egress redirect dev em1
filter add dev em1 ingress pref 3 bpf bytecode '1,6 0 0 1'
actions add action mirred egress redirect dev em1 index 8
tcx attach dev em1 ingress link m:link obj {TRAFFIC}
cgroup attach {cgroup} obj {EXAMPLES / "sockops" / "iw.o"}
""")
    network.ok("-batch", str(tmp_path / "setup"))
    _maps(bpffs / "tc")
    (tmp_path / "assembly").write_text("ret #1\n")
    agents = tmp_path / "agent", tmp_path / "idle"
    with ExitStack() as owned:
        for path in agents:
            owned.enter_context(_agent(path))
        with array_maps(2) as maps:
            send_maps(str(agents[0]), identify(str(TRAFFIC)), maps)
        yield Place(
            network,
            tmp_path,
            {
                "CGROUP": str(cgroup),
                "AGENT": str(agents[0]),
                "IDLE": str(agents[1]),
                "RECORD": str(tmp_path / "record"),
                "ASSEMBLY": str(tmp_path / "assembly"),
                "WRITTEN": str(tmp_path / "written.o"),
            },
            Events(owned, build("typed_values"), bpffs),
        )


def documents_of_rows(output: bytes) -> list[int]:
    """How many documents each row has made; BETWEEN is behind each."""
    counts = [0]
    for value in strict_json.values(output):
        if value == BETWEEN_SAYS:
            counts.append(0)
        else:
            counts[-1] += 1
    assert not counts.pop()
    return counts


@pytest.mark.kernel
def test_in_a_batch_each_line_has_documents_of_its_own(place: Place) -> None:
    for options in OPTIONS:
        done = place.batch([line for row in ROWS for line in (row.line, BETWEEN)], *options)
        assert done.returncode == 0, done.stderr.decode()
        counts = documents_of_rows(done.stdout)
        assert [(row.line, count) for row, count in zip(ROWS, counts, strict=True) if count != row.documents] == []
        assert all(set(said) == {"note"} for said in strict_json.values(done.stderr))


@pytest.mark.kernel
def test_what_fails_between_is_on_standard_error_alone(place: Place) -> None:
    lines = [line for row in ROWS for line in (WRONG[len(row.line) % len(WRONG)], row.line, BETWEEN)]
    done = place.batch([*lines, *WRONG, "help", "filter help"])
    assert done.returncode == 1
    assert documents_of_rows(done.stdout) == [row.documents for row in ROWS]
    *said, usage = done.stderr.decode().partition("Usage: ")[0::2]
    assert "Usage: pytc filter" in usage
    errors = [one["error"] for one in strict_json.values(said[0]) if "error" in one]
    assert len(errors) == len(ROWS) + len(WRONG)


@pytest.mark.kernel
def test_words_that_are_no_utf_8_are_refused_as_others_are(place: Place) -> None:
    """Each word of each line in turn; a line that ended the batch would leave out those behind it."""
    odd = [
        "".join(f"'{one}' " for one in (*words[:at], word, *words[at + 1 :]))
        for words in map(split_words, LINES)
        for at in range(len(words))
        for word in ("\udcff", "5\udcff")
    ]
    done = place.batch([line for one in odd for line in (one, BETWEEN)])
    assert len(documents_of_rows(done.stdout)) == len(odd)
    assert all(set(said) == {"note"} or said["exit_status"] for said in strict_json.values(done.stderr))


@pytest.mark.kernel
def test_alone_it_is_what_it_is_in_a_batch(place: Place) -> None:
    """A few commands are enough: all of them would take long.

    Lists of everything on the machine are not among them: other tests come and go between two runs.
    """
    commands = ("ShowQdiscs", "DumpMap", "ShowLinks", "ShowCgroupTree")
    rows = [row.line for row in ROWS if row.command in commands and row.line not in ("link show", "cgroup tree")]
    assert b"".join(place.batch([row], "-p").stdout for row in rows) == place.batch(rows, "-p").stdout
