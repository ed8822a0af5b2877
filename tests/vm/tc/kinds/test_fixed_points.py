"""For every kind, words -> request -> kernel -> show of the real tc -> words reaches a fixed point."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from pytc.tc.kinds.shared.shown_words import words_of
from tests.fixed_points import lines, readable_kinds
from tests.needs import missing
from tests.processes import Outcome, pytc_here, run
from tests.toolchains import old_tc
from tests.vm.twins import new_network, tc

pytestmark = pytest.mark.kernel

#: In guests each takes a third of a second.
_EXAMPLES = 6
#: How often words may change: numbers are rounded once.
_ROUNDS = 3
#: Kinds that tc has had until 6.2.
_DROPPED = frozenset({"atm", "cbq", "dsmark", "rsvp", "rsvp6", "tcindex"})
#: Kinds whose filters need a handle.
_NUMBERED = ("flow",)
_QUESTIONS = {"Qdiscs": "qdisc show dev em1 root", "Classes": "class show dev em1", "Filters": "filter show dev em1"}
#: Up to the options of each sort.
_HEADINGS = {
    "Qdiscs": r"qdisc \S+ \S+ root (refcnt \d+ )?(offloaded )?",
    "Classes": r"class \S+ \S+ (root|parent \S+) (leaf \S+ )?",
    "Filters": r"filter (parent \S+ )?(ingress )?(protocol \S+ )?pref \d+ \S+ (chain \d+ )?",
}


@pytest.fixture(autouse=True)
def network(own_network: None) -> Iterator[None]:
    new_network()
    yield


@pytest.mark.parametrize(
    ("section", "kind"), [(section, kind) for section in _QUESTIONS for kind in readable_kinds(section)]
)
@settings(
    max_examples=_EXAMPLES,
    derandomize=True,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(data=st.data())
def test_what_tc_shows_makes_itself(section: str, kind: str, data: st.DataObject) -> None:
    family = "filter" if section == "Filters" else "qdisc"
    if lack := missing((f"{family}:{kind}",)):
        pytest.skip(lack)
    words = data.draw(lines(section, kind))
    if kind in _NUMBERED and "handle" not in words:
        words[words.index(kind) : words.index(kind)] = ["handle", "1"]
    clear()
    assume(furnish(section, kind) and pytc_here(*words).status == 0)
    texts = [shown(section, kind)]
    assume(texts[0])  # fw shows nothing but a handle without a class
    beginning = words[: words.index(kind) + 1]
    for _ in range(_ROUNDS):
        clear()
        furnish(section, kind)
        again = [*beginning, *words_of(kind, texts[-1])]
        done = pytc_here(*again)
        assert done.status == 0, (words, texts, again, done.err)
        texts.append(shown(section, kind))
        if texts[-1] == texts[-2]:
            return
    raise AssertionError((words, texts))


def clear() -> None:
    """Take away all but the clsact qdisc."""
    tc("qdisc", "del", "dev", "em1", "root")
    tc("filter", "del", "dev", "em1", "ingress")


def furnish(section: str, kind: str) -> bool:
    """Make what the lines need: for classes and some filters a qdisc with classes."""
    if section == "Qdiscs":
        return True
    options = {"dsmark": "indices 8"}.get(kind, "")
    of_classes = kind if section == "Classes" else "prio"
    words = ("qdisc", "add", "dev", "em1", "root", "handle", "1:", of_classes, *options.split())
    return tc_that_knows(kind, *words).status == 0


def tc_that_knows(kind: str, *words: str) -> Outcome:
    """Run the newest tc that has a kind."""
    return run(old_tc(), *words) if kind in _DROPPED else tc(*words)


def shown(section: str, kind: str) -> str:
    """Return the options that tc shows of the last object."""
    question = _QUESTIONS[section].split()
    text = tc_that_knows(kind, *question).out
    if section == "Filters":
        text = text or tc_that_knows(kind, *question, "ingress").out
    pieces = re.split(_HEADINGS[section].replace("(", "(?:"), text)
    return " ".join(pieces[-1].split())
