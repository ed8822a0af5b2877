"""docs/compatibility.md: which of tc's words pytc takes, and which it has besides. The parsers are asked."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from docs.manual.words import SECTIONS, Place, places, supported, takes
from pytc.cli.candidates import find_candidates
from pytc.cli.command_line import OPTIONS
from pytc.commands.dispatch import OWN

_HEAD = """\
# Words of tc, and of pytc

All words of tc, place by place, and whether pytc takes them: {count} of {all}. Behind a word that tc 6.1 (the version
of Debian 12) lacks is the version of tc that brought it; "(dropped)" is behind the words of kinds that the newest tc no
longer has. What pytc has besides is in the last column. Abbreviations are those of tc, and `help` is taken everywhere.

`make docs` makes this page. Whether pytc takes a word is not written down anywhere: its parsers are asked, with a whole
line around the word. The tests ask tc, too: whether it takes that line, and refuses it with another word in its place.
What is done otherwise than tc does it is in [tc.md](tc.md).

Kinds of qdiscs and filters whose words pytc lacks are added without options; they are shown, replaced and deleted like
all others. Actions of kinds that it lacks are shown, listed, flushed and deleted.
"""
_TABLE = """
## {section}

| {first} | pytc takes | pytc lacks | only pytc has |
|---|---|---|---|
"""
_FIRST = {"Options": "", "Qdiscs": "qdisc", "Classes": "class of", "Filters": "filter", "Actions": "action"}
#: What the parsers of a kind know in order to refuse it.
_REFUSED = {"exec": {"bytecode", "bc", "bytecode-file", "bcf"}}
_OF_KINDS = ("Qdiscs", "Classes", "Filters", "Actions")


def document() -> str:
    """The whole page."""
    sections = {section: places(section) for section in SECTIONS}
    common = {place.kind for section in _OF_KINDS for place in sections[section]}
    common |= {entry.word for place in sections["What comes before the kind"] for entry in place.entries}
    common |= {entry.word for place in sections["Actions"] if place.kind == "gact" for entry in place.entries}
    rows = {section: list(_rows(found, section, common)) for section, found in sections.items()}
    every = [row for found in rows.values() for row in found]
    count = sum(len(row.known) for row in every)
    parts = [_HEAD.format(count=count, all=count + sum(len(row.lacking) for row in every))]
    for section, found in rows.items():
        parts.append(_TABLE.format(section=section, first=_FIRST.get(section, "behind")))
        parts += map(str, found)
    return "".join(parts)


class _Row:
    """All words that have one title, each once."""

    def __init__(self, title: str, found: Sequence[Place], own: Iterable[str]) -> None:
        words = dict.fromkeys(entry.word for place in found for entry in place.entries)
        unknown = {entry.word for place in found for entry in place.entries if not supported(place, entry)}
        since = {entry.word: entry.since for place in found for entry in reversed(place.entries)}
        self.known = [_with_version(word, since[word]) for word in words if word not in unknown]
        self.lacking = [_with_version(word, since[word]) for word in words if word in unknown]
        bare = any(takes(place.beginning) for place in found if place.beginning[-1:] == (title,))
        self._cells = (
            f"`{title}`",
            " ".join(self.known) or _BARE[bare, bool(words)],
            " ".join(self.lacking),
            _listed(own),
        )

    def __str__(self) -> str:
        return f"| {' | '.join(self._cells)} |\n"


#: What there is to say where no word is known, by whether the kind is taken, and has words.
_BARE = {(True, True): "without options", (True, False): "it has no words", (False, True): "", (False, False): ""}


def _rows(found: Sequence[Place], section: str, common: set[str]) -> Iterator[_Row]:
    theirs: dict[str, set[str]] = {}
    for place in found:
        theirs.setdefault(place.kind if section in _OF_KINDS else "", set(common)).update(_words(place))
    for title, of_title in groupby(found, key=lambda place: place.title):
        behind = list(of_title)
        own = list(dict.fromkeys(word for place in behind for word in _own(place, theirs)))
        for known in theirs.values():  # each is said once
            known.update(own)
        yield _Row(title, behind, own)


def _words(place: Place) -> set[str]:
    return {entry.word for entry in place.entries}


def _own(place: Place, theirs: Mapping[str, set[str]]) -> Iterator[str]:
    """What pytc understands at a place, and tc does not."""
    if place.title == "options":
        yield from (
            f"{'--' if row.name[1:] else '-'}{row.name}" for row in OPTIONS if f"-{row.name}" not in _words(place)
        )
    elif place.title == "objects":
        yield from OWN
    else:
        known = {"help"} | _REFUSED.get(place.kind, set()) | theirs.get(place.kind, theirs.get("", set()))
        yield from (word for word in find_candidates(place.beginning).words if word not in known)


def _with_version(word: str, since: str) -> str:
    return f"`{word}`" + (" (dropped)" if since == "-" else f" ({since})" if since else "")


def _listed(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)
