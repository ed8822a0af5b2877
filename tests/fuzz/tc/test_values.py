"""Every value of every word of tc, replaced by one that makes no sense: an error of pytc's, or a request."""

from __future__ import annotations

import pytest

from docs.manual.words import SECTIONS, places
from pytc.commands.dispatch import parse_words
from pytc.errors import PytcError
from pytc.tc.classes.requests import ClassChange, class_message
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscEnv
from pytc.tc.qdiscs.requests import QdiscChange, qdisc_message

WRONG = ("", "1e400", "1e308", "nan", "9" * 25, "-1", "\udcff")
#: A device of 10 Gbit/s, and a distribution of three numbers.
AROUND = QdiscEnv(Clock(), lambda: 10_000, lambda name: (-1, 0, 1))


def request(words: list[str]) -> None:
    """Make as much of a request as needs no kernel."""
    command = parse_words(words)
    if isinstance(command, QdiscChange):
        qdisc_message(command, AROUND)
    elif isinstance(command, ClassChange):
        class_message(command, AROUND)


@pytest.mark.parametrize("section", [name for name in SECTIONS if name != "Options"])
def test_any_value_is_taken_or_refused(section: str) -> None:
    faults = set()
    for place in places(section):
        for entry in place.entries:
            line = place.line(entry)
            for index in range(2, len(line)):
                for value in WRONG:
                    try:
                        request([*line[:index], value, *line[index + 1 :]])
                    except PytcError:
                        pass
                    except Exception as error:
                        faults.add(f"{place.title} {line[index - 1]} {value!r}: {error!r}")
    assert not faults, "\n".join(sorted(faults))
