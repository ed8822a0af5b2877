"""Options in the spelling of other programs, wherever tc leaves room for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytc.cli.command_line import conventional, parse_options
from pytc.cli.help_page import render
from pytc.cli.main import main
from pytc.cli.usage import topics
from pytc.commands.dispatch import help_topic
from pytc.errors import PytcError
from tests.processes import pytc_here, refused


@pytest.mark.parametrize(
    ("line", "topic"),
    [
        ("--help", ""),
        ("-h", ""),
        ("help", ""),
        ("help map", "map"),
        ("--help map dump", "map dump"),
        ("help map dump", "map dump"),
        ("help filter bpf", "filter bpf"),
        ("help action police", "action police"),
        ("help class htb", "class htb"),
        ("help exec bpf import", "exec bpf import"),
        ("help options", "options"),
        ("map --help", "map"),
        ("map -h", "map"),
        ("map dump --help", "map dump"),
        ("map --help dump", "map dump"),
        ("filter --help", "filter"),
        ("filter add --help", "filter add"),
        ("filter add dev lo ingress bpf --help", "filter bpf"),
        ("filter add bpf -h", "filter bpf"),
        ("qdisc add dev lo root htb --help", "qdisc htb"),
        ("qdisc add dev lo root htb default 10 --help", "qdisc htb"),
        ("object lint --help", "object lint"),
        ("map dump name x --help --json", "map dump"),
    ],
)
def test_help_is_understood_everywhere(line: str, topic: str) -> None:
    outcome = pytc_here(*line.split())
    assert outcome.status == 0
    assert (outcome.err if "--json" in line else outcome.out) == render(topic)


@pytest.mark.parametrize("topic", [topic for topic in topics() if topic not in ("", "options")])
def test_help_is_at_every_level(topic: str) -> None:
    """Of objects, their verbs and their kinds."""
    page = render(topic)
    for line in (f"{topic} --help", f"{topic} -h", f"help {topic}"):
        assert pytc_here(*line.split()) == (0, page, ""), line
    assert pytc_here(*topic.split(), "--version").out.startswith("pytc utility, pytc-")


def test_what_would_have_been_sent_is_help() -> None:
    assert "Usage: pytc filter" in pytc_here(*"filter del dev lo ingress --help".split()).out


@pytest.mark.parametrize("line", ["--version", "-V", "map --version", "map dump name x --version", "-Version"])
def test_the_version_is_told_everywhere(line: str) -> None:
    assert pytc_here(*line.split()).out.startswith("pytc utility, pytc-")


@pytest.mark.parametrize(
    "line",
    [
        "-j qdisc show dev lo",
        "--json qdisc show dev lo",
        "qdisc --json show dev lo",
        "qdisc show --json dev lo",
        "qdisc show dev lo --json",
        "qdisc show dev lo --json --color=never",
        "qdisc show dev lo -j",
        "--color=never qdisc show dev lo --json",
    ],
)
def test_options_may_stand_anywhere(line: str) -> None:
    assert pytc_here(*line.split()).out == pytc_here("-j", "qdisc", "show", "dev", "lo").out


@pytest.mark.parametrize(
    "line",
    [
        "--netns none qdisc",
        "--netns=none qdisc",
        "qdisc --netns none",
        "qdisc show dev lo --netns=none",
        "qdisc --netns none show",
    ],
)
def test_options_may_have_values(line: str) -> None:
    assert refused(*line.split(), status=255).startswith('Cannot open network namespace "none"')


@pytest.mark.parametrize(
    "line",
    [
        "exec bpf import /run/x.sock run ls --help -h",
        "actions add action simple sdata --help",
        "qdisc add dev lo root netem reorder -5%",
        "filter add dev lo parent 1: u32 match u8 0 0 at -14",
        "map set name x key -1 value -5",
    ],
)
def test_words_that_tc_takes_are_left_alone(line: str) -> None:
    assert conventional(line.split()) == []


def test_two_dashes_end_options() -> None:
    assert '"--json": No such file' in refused("object", "lint", "--", "--json")


def test_words_that_click_must_not_touch_come_through() -> None:
    """Short options run together would lose the letter of help."""
    message = refused("map", "get", "-xh", "--json", status=255)
    assert "-xh" in message


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("--jsn qdisc", 'did you mean "--json"?'),
        ("-jp qdisc", 'one letter each: "-j -p"'),
        ("help fliter", 'did you mean "filter"?'),
        ("map dmp", 'did you mean "dump"?'),
        ("mpa dump", 'did you mean "map"?'),
        ("qdisc show dev loo", 'did you mean "lo"?'),
        ("qdisc show dev lo -jp", 'one letter each: "-j -p"'),
        ("qdisc show dev lo --jsn", 'did you mean "--json"?'),
        ("object lint --josn", ""),
    ],
)
def test_what_may_have_been_meant(line: str, hint: str) -> None:
    message = pytc_here(*line.split()).err
    assert f"Hint: {hint}\n" in message if hint else "Hint: did" not in message


def test_suggestions_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A batch that goes on after errors is not to compare names a million times; another begins anew."""
    (path := tmp_path / "batch").write_text("qdisc show dev loo\n" * 20)
    for _ in range(2):
        assert main(["-force", "-batch", str(path)]) == 1
        assert capsys.readouterr().err.count('did you mean "lo"?') == 10


def test_a_topic_is_found_by_the_beginning_of_a_line() -> None:
    assert help_topic("filter add dev lo ingress u32 match".split()) in ("filter u32", "filter")
    with pytest.raises(PytcError, match="unknown"):
        help_topic(["nothing"])


def test_what_contradicts_itself_is_refused() -> None:
    with pytest.raises(PytcError):
        parse_options(["--netns="])
