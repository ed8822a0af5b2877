"""Batches and the options before the object: the same words through tc and pytc print the same."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.network import Network
from tests.processes import run
from tests.toolchains import old_tc

pytestmark = [pytest.mark.kernel, pytest.mark.compat]

FILTER = "filter add dev em1 ingress pref 3 bpf bytecode '1,6 0 0 7' flowid 1:1"
BATCHES = [
    'qdisc add dev em1 clsact\n# a comment\n\n  \nfilter add dev em1 ingress bpf bytecode "1,6 0 0 0" flowid 1:1 \\\n'
    "   # more\nqdisc show dev em1 # at the end\nqdisc show dev em1\n",
    f"qdisc add dev em1 clsact\n{FILTER}\n{FILTER}\nqdisc show dev em1\n",
    "qdisc add dev em1 clsact\nqdisc add dev em1 clsact\nqdisc show dev em1",
    "qdisc show dev em1\n\nfoo bar\nqdisc show dev em1\n",
    "qdisc show dev em1 \\\n\n\nfoo\n",
    "qdisc add dev nosuch clsact\nqdisc show dev em1\n",
    "exit\nqdisc show dev em1\n",
    "filter add dev em1 ingress bpf foo bar\n",
    'qdisc show dev "em1\nqdisc show dev em1',
    "qdisc show dev em1 # a comment \\\nqdisc show dev em1\n",
    "qdisc show \\\n# dev em1 \\\ndev em1\n",
    "qdisc add dev em1 root handle 1: htb default 1\nclass add dev em1 parent 1: classid 1:1 htb rate 1mbit\n"
    "qdisc show dev em1\nclass show dev em1\nfilter show dev em1\n",
    "qdisc add dev em1 clsact\nfilter show dev em1 ingress\nqdisc show dev em1\n",
]
OPTIONS = [(), ("-force",), ("-j",), ("-j", "-p"), ("-o",), ("-s",)]


def still(text: str) -> str:
    """Without the counts of packets: the kernel sends some by itself."""
    return re.sub(r"Sent \d+ bytes \d+ pkt", "Sent N bytes N pkt", re.sub(r"direct_packets_stat \d+", "", text))


@pytest.mark.parametrize("number", range(len(BATCHES)))
def test_batches(network: Network, tmp_path: Path, number: int) -> None:
    path = tmp_path / "batch"
    path.write_text(BATCHES[number])
    for options in OPTIONS:
        outcomes = []
        for program in (network.tc, network.pytc):
            for words in (("clsact",), ("root",)):
                network.tc("qdisc", "del", "dev", "em1", *words)
            done = program(*options, "-b", str(path))
            outcomes.append((done.status, still(done.out), re.findall(r'Command failed[^"\n]*', done.err)))
        assert outcomes[0] == outcomes[1], options


def test_from_standard_input(network: Network) -> None:
    done = network.execute("sh", "-c", f"printf 'qdisc show dev em1\\nfoo\\n' | {sys.executable} -m pytc -b")
    assert (done.status, "Command failed -:2" in done.err) == (1, True)


@pytest.mark.parametrize(
    "options",
    [
        "-o",
        "-o -s",
        "-o -d",
        "-color=always",
        "-color=auto",
        "-r",
        "-r -d",
        "-iec",
        "-color=never",
        "-nm",
        "-c=always",
        "-cf /nonexistent",
        "-conf /nonexistent",
        "-c /nonexistent",
        "-ts",
        "-t",
        "-force",
        "-gra",
        "-stat",
        "-p -j",
        "-br",
    ],
)
def test_options(network: Network, options: str) -> None:
    for words in (
        ("qdisc", "add", "dev", "em1", "clsact"),
        ("filter", "add", "dev", "em1", "ingress", "bpf", "bytecode", "1,6 0 0 7", "flowid", "1:1"),
    ):
        assert network.tc(*words).status == 0
    for line in ("qdisc show dev em1", "qdisc show", *(("filter show dev em1 ingress",) if options != "-br" else ())):
        expected, found = network.tc(*options.split(), *line.split()), network.pytc(*options.split(), *line.split())
        assert (found.status, still(found.out)) == (expected.status, still(expected.out)), line


@pytest.mark.parametrize(
    "words",
    [
        "-nosuch qdisc",
        "-color=foo qdisc show",
        "-c=foo qdisc show",
        "-x",
        "-nm -cf /nonexistent class show dev em1",
        "-j=1 qdisc show",
    ],
)
def test_wrong_options(network: Network, words: str) -> None:
    expected, found = network.tc(*words.split()), network.pytc(*words.split())
    assert found.status == expected.status == 255
    assert found.err


@pytest.mark.parametrize("options", ["-iec", "-iec -d", "-iec -s", "-color=always"])
def test_options_for_classes(network: Network, tmp_path: Path, options: str) -> None:
    names = tmp_path / "names"
    names.write_text("# MAJOR:MINOR NAME\n1:1 gold\n1:3 bronze\n")
    for line in (
        "qdisc add dev em1 root handle 1: htb default 1",
        "class add dev em1 parent 1: classid 1:1 htb rate 1gibit",
        "class add dev em1 parent 1:1 classid 1:3 htb rate 1234567bit ceil 8192kibit",
        "class add dev em1 parent 1:1 classid 1:4 htb rate 1000bit",
        "qdisc add dev em1 parent 1:3 tbf rate 3mibit burst 10k latency 1s peakrate 4mibit mtu 1500",
    ):
        done = network.tc(*line.split())
        assert done.status == 0, (line, done.err)
    words = options.replace("NAMES", str(names)).split()
    for line in ("class show dev em1", "qdisc show dev em1", "class show dev em1 parent 1:1"):
        expected, found = network.tc(*words, *line.split()), network.pytc(*words, *line.split())
        assert (found.status, still(found.out)) == (expected.status, still(expected.out)), line


def test_actions_have_the_colours_of_tc(network: Network) -> None:
    for line in (
        "qdisc add dev em1 clsact",
        "filter add dev em1 ingress u32 match u32 0 0 action mirred egress redirect dev em1",
    ):
        network.ok(*line.split())
    for line in ("filter show dev em1 ingress", "filter show dev em1", "actions ls action mirred"):
        words = ("-color=always", *line.split())
        assert network.pytc(*words).out == network.tc(*words).out


@pytest.mark.needs("old_tc")
def test_names_of_classes(network: Network, tmp_path: Path) -> None:
    """tc 7.3 reads the file, and shows no name; between both, only the blank at the end of a class differs."""
    names = tmp_path / "names"
    names.write_text("# MAJOR:MINOR NAME\n1:1 gold\n1:3 bronze\n")
    for line in (
        "qdisc add dev em1 root handle 1: htb",
        "class add dev em1 parent 1: classid 1:1 htb rate 1mbit",
        "class add dev em1 parent 1:1 classid 1:3 htb rate 1mbit",
        "qdisc add dev em1 parent 1:3 tbf rate 3mbit burst 10k latency 1s",
    ):
        network.ok(*line.split())
    for options in ("-nm -cf NAMES", "-names -conf NAMES", "-nm -cf NAMES -g"):
        words = options.replace("NAMES", str(names)).split()
        for line in ("class show dev em1", "qdisc show dev em1", "class show dev em1 parent 1:1"):
            expected = run(old_tc(), *words, "-n", network.name, *line.split()).out
            assert "gold" in expected or "bronze" in expected
            found = network.pytc(*words, *line.split())
            theirs, ours = (re.sub(" +$", "", still(text), flags=re.MULTILINE) for text in (expected, found.out))
            assert (found.status, ours) == (0, theirs), line
