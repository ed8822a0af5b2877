"""Text as roff with the macros of man(7), as groff and mandoc read it."""

import re
from collections.abc import Iterator

#: Lines of the source are no longer than that.
_WIDTH = 76
#: What roff would take for something else: quotes become curly, hyphens and accents typographic.
_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
_MARKED = re.compile(r"`([^`]+)`|\[([^]]+)\]\([^)]*\)")


def escaped(text: str) -> str:
    """Text that comes out as it is."""
    return "".join(_SPECIAL.get(character, character) for character in text)


def heading(text: str, *, below: bool = False) -> str:
    """A section, or one in a section."""
    return f'.{"SS" if below else "SH"} "{escaped(text)}"\n'


def prose(text: str) -> str:
    """Running text, which is filled anew. Words in backquotes are bold; of links, the text is left."""
    return "\n".join(map(_guarded, _filled(_marked(text)))) + "\n"


def paragraph(text: str) -> str:
    return f".PP\n{prose(text)}"


def point(text: str) -> str:
    """One of a list with bullets."""
    return f".IP \\(bu 2\n{prose(text)}"


def item(term: str, text: str) -> str:
    """A term, and what it is."""
    return f".TP\n{_guarded(_bold(term))}\n{prose(text)}"


def verbatim(lines: list[str]) -> str:
    """Lines as they are."""
    return f".PP\n.nf\n{''.join(map(_unfilled, lines))}.fi\n"


def _marked(text: str) -> str:
    """Bold and plain text; blanks in what is bold do not part words here, so that it stays together."""
    parts, at = [], 0
    for found in _MARKED.finditer(text):
        parts += [escaped(text[at : found.start()]), _bold(found[1]) if found[1] else escaped(found[2])]
        at = found.end()
    return "".join([*parts, escaped(text[at:])])


def _bold(text: str) -> str:
    return rf"\fB{escaped(text)}\fR"


def _guarded(line: str) -> str:
    """A line that is none with a request."""
    return rf"\&{line}" if line[:1] in (".", "'") else line


def _filled(text: str) -> Iterator[str]:
    line = ""
    for word in text.split():
        if line and len(line) + 1 + len(word) > _WIDTH:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    yield line


def _unfilled(line: str) -> str:
    """One line of output; a long one goes on behind \\c in the next line of the source."""
    parts, rest = [], line
    while len(escaped(rest)) > _WIDTH:
        at = rest.rfind(" ", 1, _WIDTH // 2)
        at = at if at > 0 else _WIDTH // 2
        parts.append(_guarded(escaped(rest[:at])) + "\\c")
        rest = rest[at:]
    return "\n".join([*parts, _guarded(escaped(rest)) if rest else ""]) + "\n"
