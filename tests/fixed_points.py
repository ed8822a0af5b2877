"""Lines whose words can be made of what tc shows of them: a fixed point is reached where they make the same again.

``NOT_READ`` has the kinds, and ``NOT_SHOWN`` the words, that cannot be read back, with the reason.
"""

from __future__ import annotations

import re

from hypothesis import strategies as st

from docs.manual.words import Place, places

NOT_READ = {
    "Qdiscs": {
        "atm": "it shows no words",
        "cake_mq": "it shows a cake for each queue",
        "cbq": "the size of packets that made its tables is not shown",
        "choke": "the size of packets that made its table is not shown",
        "gred": "virtual queues are made by commands of their own",
        "mqprio": "queues are shown as ranges",
        "plug": "its words are orders",
        "red": "the size of packets that made its table is not shown",
        "taprio": "schedules are shown in another form",
    },
    "Classes": {"cbq": "the size of packets that made its tables is not shown"},
    "Filters": {
        "bpf": "programs are shown by their names",
        "rsvp": "a session without an address is NONE",
        "rsvp6": "a session without an address is NONE",
        "u32": "keys are shown as numbers behind a word of their own",
    },
}
NOT_SHOWN = {
    "netem": {"distribution": "tables are not shown", "slot": "its table is not shown"},
    "dualpi2": {"alpha": "six digits are read as less than they stand for", "beta": "so are these"},
    "ingress": {"handle": "it has one handle"},
    "sfq": dict.fromkeys(
        ("redflowlimit", "min", "max", "avpkt", "burst", "probability", "ecn", "harddrop"),
        "the size of packets that made the average is not shown",
    ),
    "tbf": {"limit": "it is shown as a latency, which is rounded"},
}
#: Words that need something besides: files, actions, or several devices.
_ELSEWHERE = {"FILE", "CODE", "PIN", "PATH", "NEW", "action", "police", "match"}


def readable_kinds(section: str) -> list[str]:
    """Return the kinds of a section of docs/manual/words whose output can be read back."""
    kinds = dict.fromkeys(place.kind for place in places(section) if _entries(place))
    return [kind for kind in kinds if kind not in NOT_READ[section]]


def _entries(place: Place) -> list[list[str]]:
    hidden = NOT_SHOWN.get(place.kind, {})
    lines = [[entry.word, *entry.rest] for entry in place.entries if entry.word not in hidden]
    return [line for line in lines if not _ELSEWHERE & {*line, *place.beginning}]


@st.composite
def lines(draw: st.DrawFn, section: str, kind: str) -> list[str]:
    """Return a line with some words of a kind, each with its own number."""
    place = draw(st.sampled_from([place for place in places(section) if place.kind == kind and _entries(place)]))
    chosen = draw(st.lists(st.sampled_from(_entries(place)), min_size=1, max_size=4, unique_by=lambda words: words[0]))
    return [*place.beginning, *(_varied(draw, word) for line in chosen for word in line)]


def _varied(draw: st.DrawFn, word: str) -> str:
    """Return a word with another number in place of a plain one, with the same unit."""
    found = re.fullmatch(r"(\d+)([a-zA-Z%]*)", word)
    if found is None or draw(st.booleans()):
        return word
    number = int(found[1])
    return f"{draw(st.integers(number, number * 3))}{found[2]}"
