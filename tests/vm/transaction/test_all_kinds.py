"""``--atomic`` with all kinds: each is changed from each of its words to the next in a batch that fails."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from difflib import unified_diff
from pathlib import Path

import pytest

from docs.manual.words import places
from tests.processes import pytc_here
from tests.vm.twins import masked_text, new_network, tc

pytestmark = pytest.mark.kernel

#: What fails in the kernel, and only there.
FAILING = "filter add dev em2 parent 7: u32 match u32 0 0"
BACK, UNTOUCHED = "Note: all that was done is taken back\n", "Note: nothing has been done\n"
SHOWN = {
    "Qdiscs": ("qdisc show dev em1",),
    "Classes": ("class show dev em1",),
    "Filters": ("filter show dev em1 ingress",),
    "Actions": (),
}
#: Kinds whose options the kernel's description does not restore, and why.
LOSSY = {
    "Qdiscs": {
        "atm": "it takes sockets",
        "cake_mq": "it is a mq with a cake for each queue",
        "cbq": "times are told in ticks of rates",
        "choke": "the table of the average's decay is not told",
        "dsmark": "nothing changes it",
        "dualpi2": "alpha and beta are rounded",
        "etf": "nothing changes it",
        "gred": "the table of the average's decay is not told",
        "htb": "nothing changes it",
        "mq": "it has no options",
        "mqprio": "nothing changes it",
        "multiq": "its bands are the device's queues",
        "noqueue": "it has no options",
        "pfifo_fast": "it has no options",
        "plug": "its words are orders",
        "qfq": "it has no options",
        "drr": "it has no options",
        "red": "the table of the average's decay is not told",
        "rr": "no kernel has it",
        "sfb": "a change replaces the qdisc below it",
        "taprio": "schedules begin at other times",
        "tbf": "its burst is not told",
        "blackhole": "it has no options",
    },
    "Classes": {"cbq": "times are told in ticks of rates"},
    "Filters": {
        "rsvp": "it keeps how it was made",
        "rsvp6": "it keeps how it was made",
    },
    "Actions": {
        "bpf": "its program would have to be held",
        "gate": "its schedule begins at another time",
        "ife": "metadata is kept",
        "ipt": "its target is not told whole",
        "police": "its tables of rates are not told",
        "xt": "its target is not told whole",
    },
}
_MOST = 12
#: Places of the table that need files.
_FILES = {"FILE", "CODE", "PIN", "PATH", "NEW"}


def lines_of(section: str) -> dict[str, list[list[str]]]:
    """Return the lines of each kind."""
    found: dict[str, list[list[str]]] = {}
    for place in places(section):
        lines = [place.line(entry) for entry in place.entries] or [list(place.beginning)]
        found.setdefault(place.kind, []).extend(line for line in lines if not _FILES & set(line))
    return {kind: lines for kind, lines in found.items() if lines}


#: All but the qdiscs of filters, which have no options, and one of which is there from the beginning.
KINDS = [
    pytest.param(section, kind, id=f"{section}-{kind}")
    for section in SHOWN
    for kind in lines_of(section)
    if kind not in ("clsact", "ingress")
]


@pytest.fixture(autouse=True)
def network(own_network: None) -> Iterator[None]:
    new_network()
    yield


def show(section: str, kind: str) -> str:
    """Return what the real tc says of a sort of objects, with their options and counters."""
    questions = SHOWN[section] or (f"actions list action {kind}",)
    return "".join(_without_ages(tc("-s", "-d", *question.split()).out) for question in questions)


def _without_ages(text: str) -> str:
    return re.sub(r"Action statistics.*|bind \d+ +$", "", masked_text(text), flags=re.MULTILINE)


def addressed(section: str, line: list[str], *, verb: str) -> list[str]:
    """Return a line about one and the same object, with another verb."""
    words = [line[0], verb, *line[2:]]
    if section == "Filters":
        words = words[: words.index("dev") + 2] + _rest(words)
    elif section == "Actions" and "index" not in words:
        words += ["index", "5"]
    return words


def _rest(words: list[str]) -> list[str]:
    kind = next(at for at, word in enumerate(words) if word in lines_of("Filters"))
    head = words[words.index("dev") + 2 : kind]
    protocol = head[head.index("protocol") : head.index("protocol") + 2] if "protocol" in head else []
    handle = head[head.index("handle") : head.index("handle") + 2] if "handle" in head else []
    return ["ingress", "pref", "7", *protocol, *handle, *words[kind:]]


def atomic(batch: Path, *lines: str) -> str:
    batch.write_text("".join(f"{line}\n" for line in lines))
    done = pytc_here("--atomic", "-batch", str(batch))
    assert "Traceback" not in done.err, done.err
    return done.err


def run(*words: str) -> bool:
    done = subprocess.run(["tc", *words], capture_output=True, text=True, check=False, timeout=60)
    return done.returncode == 0


@pytest.mark.parametrize(("section", "kind"), KINDS)
def test_each_word_is_taken_back(tmp_path: Path, section: str, kind: str) -> None:
    lines = some(lines_of(section)[kind])
    restored: list[str] = []
    problems: list[str] = []
    made = 0
    for first, second in zip(lines, [*lines[1:], lines[0]], strict=True):
        remove_all(section, kind)
        if not furnish(section, first):
            continue
        made += 1
        before = show(section, kind)
        for change in changes(section, first, second, before):
            said = atomic(tmp_path / "batch", " ".join(map(_quoted, change)), FAILING)
            if said.endswith(BACK):
                restored.append(" ".join(change))
            elif not said.endswith(UNTOUCHED):
                problems.append(f"{' '.join(first)} -> {' '.join(change)}: {said}")
            after = show(section, kind)
            if before != after:
                problems.append(f"{' '.join(first)} -> {' '.join(change)}: {said}\n{difference(before, after)}")
                break
    if not made:
        pytest.skip(f"this kernel has no {kind}")
    assert not problems, "\n".join(problems[:3])
    assert bool(restored) != (kind in LOSSY[section])


def some(lines: list[list[str]]) -> list[list[str]]:
    """Return lines from everywhere in a list: flower has a hundred, each of which takes a third of a second."""
    return lines[:: max(1, len(lines) // _MOST)]


def difference(before: str, after: str) -> str:
    return "\n".join(unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm=""))


def _quoted(word: str) -> str:
    return f"'{word}'" if " " in word or "(" in word else word


def remove_all(section: str, kind: str) -> None:
    if section in ("Qdiscs", "Classes"):
        run("qdisc", "del", "dev", "em1", "root")
    elif section == "Filters":
        run("filter", "del", "dev", "em1", "ingress")
    else:
        run("actions", "flush", "action", kind)


def furnish(section: str, line: list[str]) -> bool:
    """Make the object of a line; False where this kernel, or this tc, does not."""
    if section == "Classes":
        kind = next(word for word in line if word in lines_of("Classes"))
        options = {"cbq": "bandwidth 10mbit avpkt 1000", "dsmark": "indices 8"}.get(kind, "")
        if not run("qdisc", "add", "dev", "em1", "root", "handle", "1:", kind, *options.split()):
            return False
        return run(*line)
    words = addressed(section, line, verb="add")
    if section == "Qdiscs" and "root" in words:
        words[words.index("root") + 1 : words.index("root") + 1] = ["handle", "1:"]
    return run(*words)


def changes(section: str, first: list[str], second: list[str], shown: str) -> list[list[str]]:
    """Return the lines of a batch about the object of the first line."""
    if section == "Filters":
        found = [["filter", "del", "dev", "em1", "ingress", "pref", "7"]]
        handle = re.search(r"(?:handle|fh) (\S+)", shown)
        words = addressed(section, second, verb="replace")
        if handle is not None and "handle" not in words:
            at = words.index("pref") + 2
            at += 2 * (words[at] == "protocol")
            words[at:at] = ["handle", handle[1]]
        return [words, *found]
    words = addressed(section, second, verb="change" if section != "Actions" else "replace")
    return [words]
