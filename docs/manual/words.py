"""The words that tc knows, place by place, with what makes a whole line of each.

In words/*.txt, ``PLACE: BEGINNING OF A LINE`` starts a place, and the indented lines below it have the words that may
come there, each with an example of what follows it; bars stand between several words. A place may stand there twice,
with other beginnings. ``~`` is a blank in an argument. ``@6.7`` behind an example is the version of tc, newer than 6.1,
that brought the word; behind a beginning, which brought the kind. ``@-`` there: the newest tc has dropped the kind.

In capitals is what a test puts in: FILE, an object; CODE, a file with bytecode; PIN, a pinned program; PATH, a socket
where somebody waits; NEW, a path where nothing is; NAME, a network namespace; EMPTY, an empty file.
tests/compat/docs/test_compatibility.py asks tc itself whether all of it is true.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from pytc.cli.command_line import parse_options
from pytc.commands.dispatch import parse_words
from pytc.errors import PytcError

_HERE = Path(__file__).parent / "words"
_NEEDED = {"FILE", "CODE", "PIN", "PATH", "NEW", "NAME", "EMPTY"}
#: Lines in which tc takes any word in place of the one that they are about.
ANY = {"actions list action mirred since 1000", "actions add action mirred egress index 5 redirect dev em1"}
#: Sections of the document, in its order, and their files.
SECTIONS = {
    "Options": "options",
    "Objects and commands": "commands",
    "What comes before the kind": "selectors",
    "Qdiscs": "qdiscs",
    "Classes": "classes",
    "Filters": "filters",
    "Actions": "actions",
}


class Entry(NamedTuple):
    """A word, and the arguments that make a whole of it."""

    word: str
    rest: tuple[str, ...] = ()
    since: str = ""


class Place(NamedTuple):
    """Words that may come behind the arguments ``beginning``."""

    title: str
    beginning: tuple[str, ...]
    entries: tuple[Entry, ...] = ()
    since: str = ""

    @property
    def kind(self) -> str:
        """What the place belongs to: ``u32`` of ``u32 match``."""
        return self.title.partition(" ")[0]

    def line(self, entry: Entry, *, broken: bool = False) -> list[str]:
        """A whole line with a word; ``broken``: with one in its place that nobody knows."""
        option = entry.word.startswith("-")
        word = entry.word if not broken else f"-zz{entry.word[1:]}" if option else f"zz{entry.word}"
        return [*self.beginning, word, *entry.rest, *(("qdisc", "show") if option else ())]


def places(section: str) -> list[Place]:
    """What one of SECTIONS has."""
    found: list[Place] = []
    for line in (_HERE / f"{SECTIONS[section]}.txt").read_text().splitlines():
        if line.startswith(" "):
            entries = tuple(
                Entry(first, tuple(rest), since or found[-1].since)
                for (first, *rest), since in map(_versioned, line.split(" | "))
            )
            found[-1] = found[-1]._replace(entries=found[-1].entries + entries)
        else:
            title, _, beginning = line.partition(":")
            words, since = _versioned(beginning)
            found.append(Place(title, tuple(words), since=since))
    return found


def _versioned(text: str) -> tuple[list[str], str]:
    """Return the arguments and the version behind them, empty for 6.1."""
    words = _arguments(text)
    return (words[:-1], words[-1][1:]) if words and words[-1].startswith("@") else (words, "")


def _arguments(text: str) -> list[str]:
    return [word.replace("~", " ") for word in text.split()]


def supported_lines(
    *sections: str, beginning: str = "", is_known: Callable[[str], bool] = lambda since: True
) -> list[list[str]]:
    """The lines of all words that pytc takes, but for those that need files.

    ``is_known`` is asked about the version since which tc has a word, empty for 6.1, ``-`` for no longer.
    """
    found = [
        place.line(entry)
        for section in sections
        for place in places(section)
        for entry in place.entries
        if is_known(entry.since) and supported(place, entry)
    ]
    return [line for line in found if not _NEEDED & set(line) and line[0] in beginning.split()]


def takes(line: Sequence[str]) -> bool:
    """Whether pytc's parsers have nothing against a line."""
    try:
        _, words = parse_options(line)
        parse_words(words)
    except PytcError:
        return False
    return True


def supported(place: Place, entry: Entry) -> bool:
    """Whether pytc knows a word at its place: it takes the line, and would not with any other word there, unless tc
    would, too."""
    line = place.line(entry)
    return takes(line) and (" ".join(line) in ANY or not takes(place.line(entry, broken=True)))
