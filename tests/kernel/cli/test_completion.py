"""Lines completed by real shells: the words of pytc, and names that would do harm if a shell evaluated them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytc.bpf import MapSpec
from pytc.bpf.maps.map import create_map
from pytc.cli.usage import usage
from tests.elf_writer import RETURN_0, code, elf
from tests.network import Network
from tests.processes import PYTC, ROOT, must
from tests.shells import LOAD, Shell

pytestmark = pytest.mark.kernel

#: The kernel takes all of them for names of devices: at most 15 bytes, no white space, slash or colon.
DEVICES = (
    "q$(>bad)",
    "f`>bad`",
    "g;>bad;",
    "h'>bad'",
    'i">bad"',
    "j\\>bad",
    "k&>bad",
    "z*?[a]{1,2}",
    "m!!~#",
    "né中",
    "o\x1b[31m\x07",
)
SECTIONS = ("a b  c", "b$(>bad)", "c\n>bad\n", "d'\"\\ x", "e\x1b[2J\x01", "f$'\\n'", "-g", "h\t>bad", "i!!", "j: =x")
#: Within these quotes, in which the line has them open.
QUOTED = (('"b', "b$(>bad)"), ("'b", "b$(>bad)"), ('"d', "d'\"\\ x"), ("a\\ b", "a b  c"), ("'j: ", "j: =x"))
PIN = "p$(>bad) '\";x"


@pytest.fixture(params=("bash", "zsh", "fish"))
def shell(
    request: pytest.FixtureRequest, tmp_path: Path, bpffs: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Shell]:
    """Nothing that is completed may run: the directory stays empty."""
    monkeypatch.setenv("TC_BPF_MNT", str(bpffs))
    with Shell(request.param, tmp_path) as started:
        yield started
        assert not list(started.directory.iterdir())


@pytest.fixture
def hostile(tmp_path: Path) -> str:
    path = tmp_path / "hostile.o"
    path.write_bytes(elf(*(code(section, RETURN_0) for section in SECTIONS)))
    return str(path)


def is_shown(shell: Shell, name: str) -> bool:
    """fish takes what is behind a tab for a description, and is not given such names."""
    return shell.name != "fish" or "\t" not in name


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("fil", "filter"),
        ("qdisc repl", "replace"),
        ("filter add ingr", "ingress"),
        ("-net", "-netns"),
        ("class add dev em1 parent 1: ht", "htb"),
        ("actions add action mir", "mirred"),
        ("map up", "update-many"),
        ("exec bpf gra", "graft"),
        ("filter add dev em1 ingress u32 match ip sr", "src"),
        ("filter add dev em1 ingress bpf object-p", "object-pinned"),
        ("qdisc add dev em1 root tbf lat", "latency"),
        ("qdisc add dev em1 parent 1:10 handle 5: net", "netem"),
    ],
)
def test_words(shell: Shell, line: str, word: str) -> None:
    assert shell.complete(line) == [*line.split()[:-1], word]


def test_names_of_devices(shell: Shell, network: Network) -> None:
    for number, name in enumerate(DEVICES):
        must("ip", "-n", network.name, "link", "add", "name", name, "type", "veth", "peer", "name", f"{number}")
    for name in DEVICES:
        if is_shown(shell, name):
            line = f"-n {network.name} qdisc show dev {name[0]}"
            assert shell.complete(line) == [*line.split()[:-1], name]


def test_names_of_sections(shell: Shell, hostile: str) -> None:
    for name in SECTIONS:
        if is_shown(shell, name):
            line = f"filter add dev em1 ingress bpf obj {hostile} sec {name[0]}"
            assert shell.complete(line) == [*line.split()[:-1], name]


@pytest.mark.parametrize(("begun", "name"), QUOTED)
def test_quotes_that_are_open(shell: Shell, hostile: str, begun: str, name: str) -> None:
    line = f"filter add dev em1 ingress bpf obj {hostile} sec"
    assert shell.complete(f"{line} {begun}") == [*line.split(), name]


@pytest.mark.parametrize(
    ("begun", "found"),
    [
        ("pinned m:globals/h", "m:globals/hits"),
        ("pinned m:globals/p", f"m:globals/{PIN}"),
        ("pinned {mount}/o", "{mount}/other"),
        ("pinned {mount}/tc/globals/p", "{mount}/tc/globals/" + PIN),
    ],
)
def test_pins(shell: Shell, bpffs: Path, begun: str, found: str) -> None:
    (bpffs / "tc" / "globals").mkdir(parents=True)
    with create_map(MapSpec("hits", 2, 4, 8, 2), "hits") as made:
        for path in (bpffs / "other", bpffs / "tc" / "globals" / "hits", bpffs / "tc" / "globals" / PIN):
            made.pin(str(path))
    line = f"map dump {begun}".format(mount=bpffs)
    assert shell.complete(line) == ["map", "dump", "pinned", found.format(mount=bpffs)]


@pytest.mark.parametrize("line", ["filter add dev em1 ingress bpf obj", "object show", "-batch"])
def test_files(shell: Shell, tmp_path: Path, line: str) -> None:
    """The shell's own way of completing them."""
    name = "b$(>bad);'x"
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / name).touch()
    assert shell.complete(f"{line} {tmp_path}/files/b") == [*line.split(), f"{tmp_path}/files/{name}"]


@pytest.mark.parametrize(("line", "name"), [("object show", "x$(>bad);'x.o"), ("prog run obj x.o pcap", "x >bad.pcap")])
def test_files_of_the_expected_sort(shell: Shell, tmp_path: Path, line: str, name: str) -> None:
    """Though another one begins in the same way."""
    (tmp_path / "files").mkdir()
    for file in (name, "x.c", "x.txt"):
        (tmp_path / "files" / file).touch()
    assert shell.complete(f"{line} {tmp_path}/files/x") == [*line.split(), f"{tmp_path}/files/{name}"]


def test_of_several_files_the_common_beginning(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    for name in ("b c-1", "b c-2"):
        (tmp_path / "files" / name).touch()
    assert shell.complete(f"object show {tmp_path}/files/b") == ["object", "show", f"{tmp_path}/files/b c-"]


def test_namespaces(shell: Shell, network: Network) -> None:
    assert shell.complete(f"-n {network.peer[:-2]}") == ["-n", network.peer]


def test_what_is_no_object_has_no_sections(shell: Shell, tmp_path: Path) -> None:
    """Least of all does one wait for it."""
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path / "none", tmp_path, Path("/dev/zero"), Path("/etc/passwd")):
        line = f"filter add dev em1 ingress bpf obj {path} sec c"
        assert shell.complete(line) == line.split()


@pytest.mark.parametrize("name", LOAD)
def test_the_scripts_are_loaded_as_documented(name: str) -> None:
    assert f"```{name}\n{LOAD[name]}\n```" in (ROOT / "docs" / "completion.md").read_text()
    assert LOAD[name] in usage("completion")


def test_options_and_names_of_maps(shell: Shell) -> None:
    """Options with two dashes before and after the words, and names that the kernel has."""
    assert shell.complete("--dry") == ["--dry-run"]
    assert shell.complete("qdisc show dev lo --js") == ["qdisc", "show", "dev", "lo", "--json"]
    name = f"only_{os.getpid()}"
    with create_map(MapSpec(name, 2, 4, 8, 2), name):
        assert shell.complete(f"map dump name {name[:-1]}") == ["map", "dump", "name", name]


@pytest.fixture
def firewall(clsact: Network) -> Network:
    object = str(ROOT / "examples" / "bpf" / "firewall.o")
    clsact.ok("filter", "add", "dev", "em1", "ingress", "pref", "31", "handle", "7", "bpf", "da", "obj", object)
    clsact.ok("map", "set", "pinned", "m:globals/verdicts", *"key 192.0.2.7 value { action DROP }".split())
    clsact.ok("qdisc", "add", "dev", "em1", "root", "handle", "5:", "htb")
    clsact.ok("class", "add", "dev", "em1", "parent", "5:", "classid", "5:77", "htb", "rate", "1mbit")
    return clsact


def offered(network: Network, *words: str) -> list[str]:
    outcome = network.execute("env", "_PYTC_COMPLETE=fish", *PYTC, *words)
    assert (outcome.status, outcome.err) == (0, ""), outcome
    return outcome.out.split("\0")[1:-1]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("filter del dev em1 ingress pref |3", "31"),
        ("filter del dev em1 ingress pref 31 handle |", "0x7"),
        ("filter show dev em1 ingress chain |", "0"),
        ("class del dev em1 classid |5:", "5:77"),
        ("class add dev em1 parent |", "5:"),
        ("qdisc del dev em1 root handle |", "5:"),
        ("map get pinned m:globals/verdicts key |19", "192.0.2.7"),
        ("map set pinned m:globals/settings |value.e", "value.enabled"),
        ("map set pinned m:globals/verdicts key 192.0.2.7 value { |a", "action"),
        ("prog show name |fire", "firewall"),
        ("prog dump name |fire", "firewall"),
        ("help map |du", "dump"),
        ("help filter |bp", "bpf"),
    ],
)
def test_what_the_kernel_knows(firewall: Network, line: str, word: str) -> None:
    before, _, begun = line.partition("|")
    assert word in offered(firewall, *before.split(), begun)


def test_ids_and_tags_are_offered(firewall: Network) -> None:
    programs = json.loads(firewall.pytc("-j", "prog", "show", "name", "firewall").out)
    (program,) = [program for program in programs if "filter em1 ingress pref 31" in program["attached"]]
    number = str(program["id"])
    assert number in offered(firewall, "prog", "show", "id", number)
    assert number in offered(firewall, "tcx", "detach", "dev", "em1", "ingress", "id", number)
    assert program["tag"] in offered(firewall, "prog", "show", "tag", program["tag"][:6])
    map = str(program["map_ids"][0])
    assert map in offered(firewall, "map", "dump", "id", map)


def test_each_kind_of_value_in_real_shells(shell: Shell, firewall: Network, bpffs: Path) -> None:
    """But ids, of which others have some that begin in the same way; they are offered as tags are."""
    (program,) = [one for one in firewall.json("prog", "show") if "filter em1 ingress pref 31" in one["attached"]]
    (link,) = attach_by_link(firewall)
    assert str(link) in offered(firewall, "link", "show", "id", "")
    cgroup = next(path for path in Path("/sys/fs/cgroup").iterdir() if path.is_dir())
    for begun, word in (
        ("prog dump tag {}", program["tag"]),
        ("filter del dev em1 ingress pref {}", "31"),
        ("filter del dev em1 ingress pref 31 handle {}", "0x7"),
        ("class del dev em1 classid {}", "5:77"),
        ("map get pinned m:globals/verdicts key {}", "192.0.2.7"),
        ("map set pinned m:globals/settings {}", "value.enabled"),
        ("prog unpin {}", "m:programs/firewall"),
        ("link show {}", "m:links/em1"),
    ):
        line = f"-n {firewall.name} {begun.format(word[:-1])}"
        assert shell.complete(line) == [*line.split()[:-1], word], line
    assert shell.complete(f"cgroup show {str(cgroup)[:-1]}")[2].startswith(str(cgroup)[:-1])


def attach_by_link(network: Network) -> list[int]:
    """Attach a program by a link that is pinned, pin another program, and return the link's id."""
    object = str(ROOT / "examples" / "bpf" / "traffic.o")
    network.ok("tcx", "attach", "dev", "em1", "egress", "link", "m:links/em1", "obj", object)
    network.ok("prog", "pin", "dev", "em1", "ingress", "m:programs/firewall")
    links = network.json("link", "show")
    return [link["id"] for link in links if any(path.endswith("/tc/links/em1") for path in link.get("pinned", ()))]


def test_verbs_come_before_names(firewall: Network) -> None:
    assert "verdicts" not in offered(firewall, "map", "")
    assert "" not in offered(firewall, "map", "dump", "name", "")


def test_cgroups_are_offered(firewall: Network) -> None:
    found = offered(firewall, "cgroup", "show", "")
    assert found and all(os.path.isdir(path) for path in found if path.startswith("/"))


def test_what_is_not_there_is_not_offered(firewall: Network) -> None:
    for line in ("filter del dev none ingress pref", "map get name none key", "class del dev none classid"):
        assert "31" not in offered(firewall, *line.split(), "")
