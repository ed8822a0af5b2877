"""``--dry-run``: what would be loaded and sent, without privileges."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from docs.manual.words import places
from pytc.cli.main import main
from tests.action_lines import BY_KIND
from tests.compat.lines import steps as lines
from tests.compat.lines import words_of
from tests.elf_writer import RETURN_0, code, elf, license
from tests.processes import PYTC, Outcome


def dry(*words: str) -> Outcome:
    """In this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        status = main(["--dry-run", *words])
    return Outcome(status, out.getvalue(), err.getvalue())


def steps(*words: str) -> list[dict[str, Any]]:
    done = dry("-j", *words)
    assert done.status == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


@pytest.fixture
def program(tmp_path: Path) -> str:
    path = tmp_path / "bpf.o"
    path.write_bytes(elf(code("classifier", RETURN_0)))
    return str(path)


@pytest.mark.parametrize("table", ["qdiscs", "traffic", "filters"])
def test_every_line_that_tc_takes(table: str) -> None:
    for words in (words for step in lines(table) for words in step.on("lo") if words[0] != "send"):
        done = dry("-j", *words)
        assert done.status == 0 or "speed" in done.err, (words, done)
        for planned in json.loads(done.out or "[]"):
            assert planned["step"] in ("send", "none"), planned
            assert planned["step"] == "none" or planned["message"].startswith("RTM_")


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_every_action_that_tc_takes(kind: str) -> None:
    for line in BY_KIND[kind]:
        done = dry("-j", "actions", "add", "action", *words_of(line))
        assert done.status in (0, 1), (line, done)
        if done.status == 0:
            [sent] = json.loads(done.out)
            assert sent["message"] == "RTM_NEWACTION"
            assert sent["attributes"]["TCA_ROOT_TAB"][0]["kind"] == kind


@pytest.mark.parametrize("section", ["Qdiscs", "Classes", "Filters", "Actions"])
def test_every_word_of_every_kind(section: str) -> None:
    """Options are attributes by name, and actions are those that the line has."""
    lines = [[*place.line(entry)] for place in places(section) for entry in place.entries]
    lines = [line for line in lines if not {"FILE", "CODE", "PIN", "PATH", "NEW"} & set(line)]
    assert lines
    for line in lines:
        [sent] = steps(*("lo" if word == "em1" else word for word in line))
        attributes = sent["attributes"]
        options = attributes.get("TCA_OPTIONS", {})
        assert isinstance(options, dict), line
        assert all(name.startswith("TCA_") or name == "header" for name in options), line
        if section == "Filters" and line[-2:] == ["action", "drop"]:
            [[action]] = [value for name, value in options.items() if name.endswith("_ACT")]
            assert action["kind"] == "gact", line
        if section == "Actions":
            assert isinstance(attributes["TCA_ROOT_TAB"][0]["options"], dict), line


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            "qdisc add dev lo root handle 1: htb default 7",
            {
                "message": "RTM_NEWQDISC",
                "flags": ["create", "excl"],
                "dev": "lo",
                "parent": "root",
                "handle": "1:",
                "kind": "htb",
            },
        ),
        (
            "qdisc replace dev lo parent 1:3 tbf rate 1mbit burst 10k latency 1s",
            {"message": "RTM_NEWQDISC", "flags": ["create", "replace"], "parent": "1:3", "kind": "tbf"},
        ),
        (
            "class change dev lo parent 1: classid 1:7 htb rate 10mbit",
            {"message": "RTM_NEWTCLASS", "flags": [], "parent": "1:", "classid": "1:7"},
        ),
        (
            "filter add dev lo egress protocol ip pref 5 chain 3 handle 7 bpf bytecode 1,6_0_0_0 flowid 1:1",
            {
                "message": "RTM_NEWTFILTER",
                "dev": "lo",
                "parent": "egress",
                "protocol": "ip",
                "pref": 5,
                "chain": 3,
                "handle": "0x7",
                "kind": "bpf",
            },
        ),
        ("filter del block 7 pref 3", {"message": "RTM_DELTFILTER", "flags": [], "block": 7, "pref": 3}),
        ("chain add dev lo ingress chain 4", {"message": "RTM_NEWCHAIN", "chain": 4}),
        ("actions flush action mirred", {"message": "RTM_DELACTION", "flags": ["root"]}),
        ("actions delete action gact index 5", {"message": "RTM_DELACTION", "flags": []}),
    ],
)
def test_requests_in_words(words: str, said: dict[str, Any]) -> None:
    [sent] = steps(*words_of(words))
    assert {key: sent.get(key) for key in said} == said


def test_options_as_show_prints_them() -> None:
    [sent] = steps("class", "add", "dev", "lo", "parent", "1:", "classid", "1:7", "htb", "rate", "10mbit")
    assert (sent["options"]["rate"], sent["options"]["prio"]) == (1250000, 0)
    assert (
        "options: prio 0 rate 10Mbit ceil 10Mbit"
        in dry("class", "add", "dev", "lo", "parent", "1:", "classid", "1:7", "htb", "rate", "10mbit").out
    )


def test_a_program_and_what_is_sent_of_it(program: str) -> None:
    load, sent = steps("filter", "add", "dev", "lo", "ingress", "bpf", "da", "obj", program)
    assert load == {
        "step": "load",
        "object": program,
        "maps": [],
        "programs": [
            {"name": load["programs"][0]["name"], "section": "classifier", "type": "sched_cls", "instructions": 2}
        ],
    }
    options = sent["attributes"]["TCA_OPTIONS"]
    assert options == {
        "TCA_BPF_FD": f"program {load['programs'][0]['name']}",
        "TCA_BPF_NAME": "bpf.o:[classifier]",
        "TCA_BPF_FLAGS": 1,
    }


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ("filter add dev lo ingress bpf da obj /nonexistent", 1, "No such file"),
        ("filter add dev lo ingress bpf da obj PROGRAM sec nosuch", 1, 'no section "nosuch"'),
        ("filter add dev lo ingress bpf foo bar", 1, 'What mode is "foo"?'),
        ("filter foo", 255, "foo"),
        ("foo", 255, "foo"),
        ("qdisc add dev lo root htb rate 5", 1, "rate"),
        ("filter add dev lo ingress bpf bytecode 1,6_0_0", 1, ""),
        ("map set name x key 1 value 2", 255, "-dry-run"),
        ("tcx attach dev lo ingress obj /nonexistent", 1, "No such"),
        ("-force --atomic-nonsense qdisc show", 255, "unknown"),
    ],
)
def test_errors_are_what_they_would_be(program: str, words: str, status: int, said: str) -> None:
    done = dry(*words_of(words, {"PROGRAM": program}))
    assert (done.status, done.out) == (status, "")
    assert said in done.err


def test_what_lint_finds_wrong_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "bpf.o"
    call_gpl_only = bytes.fromhex("8500000006000000")  # call bpf_trace_printk
    path.write_bytes(elf(code("classifier", call_gpl_only + RETURN_0), license("Proprietary")))
    done = dry("filter", "add", "dev", "lo", "ingress", "bpf", "da", "obj", str(path))
    assert done.status == 1
    assert "bpf_trace_printk" in done.err


def test_a_device_that_is_not_there_is_a_remark(program: str) -> None:
    done = dry("filter", "add", "dev", "nosuch0", "ingress", "bpf", "da", "obj", program)
    assert done.status == 0
    assert "dev nosuch0 parent ingress" in done.out
    assert 'Note: there is no device "nosuch0" here' in done.err


def test_a_batch(tmp_path: Path, program: str) -> None:
    batch = tmp_path / "batch"
    batch.write_text(f"qdisc add dev lo clsact\nfilter add dev lo ingress bpf da obj {program}\nqdisc show\n")
    done = dry("-j", "-b", str(batch))
    found = [[step["step"] for step in json.loads(line)] for line in done.out.splitlines()]
    assert (done.status, found) == (0, [["send"], ["load", "send"], ["none"]])
    batch.write_text("qdisc add dev lo clsact\nfilter add dev lo ingress bpf foo bar\nqdisc show\n")
    done = dry("-b", str(batch))
    assert (done.status, f"Command failed {batch}:2" in done.err) == (1, True)


@given(
    st.lists(
        st.sampled_from(
            "filter qdisc class chain actions add del replace dev lo ingress root parent 1: handle "
            "htb bpf u32 bytecode 1,6_0_0_0 flowid 1:1 match ip dst 1.2.3.4 pref 5 protocol chain "
            "rate 1mbit action mirred egress redirect index tbf police".split()
        ),
        max_size=12,
    )
)
def test_any_words_give_steps_or_a_clean_error(words: list[str]) -> None:
    done = dry("-j", *words_of(" ".join(words)))
    assert done.status in (0, 1, 2, 255)
    assert "Traceback" not in done.err


def test_nothing_is_asked_of_the_kernel_that_would_change_it(tmp_path: Path, program: str) -> None:
    """Seen from outside, where strace is there."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    log = tmp_path / "log"
    subprocess.run(
        [
            "strace",
            "-f",
            "-e",
            "trace=bpf,sendto,sendmsg,mount,mkdir,symlink",
            "-o",
            str(log),
            *PYTC,
            "--dry-run",
            "filter",
            "add",
            "dev",
            "lo",
            "ingress",
            "bpf",
            "da",
            "obj",
            program,
        ],
        check=True,
        timeout=60,
        capture_output=True,
    )
    assert [line for line in log.read_text().splitlines() if "bpf(" in line or "RTM_NEW" in line] == []
