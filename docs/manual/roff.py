"""Text as roff with the macros of man(7), as groff and mandoc read it."""

import re
from collections.abc import Iterator

#: Lines of the source are no longer than that.
_WIDTH = 76
#: What roff would take for something else: quotes become curly, hyphens and accents typographic.
_SPECIAL = {"\\": r"\e", "-": r"\-", "'": r"\(aq", "`": r"\(ga", "^": r"\(ha", "~": r"\(ti"}
_PIECES = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*|.[^A-Za-z0-9]{0,30}")
_PLACEHOLDER = re.compile(r"[A-Z][A-Z0-9-]*")
_WORD = re.compile(r"[a-z][a-z0-9_-]*")
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


def verbatim(lines: list[str], *, is_synopsis: bool = False) -> str:
    """Lines as they are; what is to be replaced is in italics, and in a synopsis the other words are bold."""
    return f".PP\n.nf\n{''.join(_unfilled(line, is_synopsis=is_synopsis) for line in lines)}.fi\n"


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


def _unfilled(line: str, *, is_synopsis: bool) -> str:
    """One line of output; a long one goes on behind \\c in the next line of the source."""
    source, written = "", 0
    for piece in _PIECES.findall(line):
        shown = _styled(piece, is_synopsis=is_synopsis)
        if written and written + len(shown) > _WIDTH:
            source, written = f"{source}\\c\n", 0
            shown = _guarded(shown)
        source += shown
        written += len(shown)
    return _guarded(source) + "\n"


def _styled(piece: str, *, is_synopsis: bool) -> str:
    if _PLACEHOLDER.fullmatch(piece):
        return rf"\fI{escaped(piece)}\fR"
    return _bold(piece) if is_synopsis and _WORD.fullmatch(piece) else escaped(piece)
