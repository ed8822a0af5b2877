"""tc's text."""

from __future__ import annotations

from itertools import islice

from pytc.render import GROUP
from pytc.render.documents import Field, Group, LazyField, document_text
from pytc.render.terminal import printable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytc.render.documents import Document, Part

#: Control characters that lay text out.
_LAYOUT = "\n\t"


def render(documents: Iterable[Document], *, colors: Mapping[str, str] | None = None, is_terminal: bool = False) -> str:
    """Return the text of all fields, one after another; ``colors`` are SGR parameters by sort of name."""
    return "".join(pieces(documents, colors=colors, is_terminal=is_terminal))


def pieces(
    documents: Iterable[Document], *, colors: Mapping[str, str] | None = None, is_terminal: bool = False
) -> Iterator[str]:
    """Yield the text of documents, a group at a time: a list may be long.

    For a terminal, names are shown without what could control it; for others, they are as the kernel has them.
    """
    style = _Style(colors or {}, is_terminal)
    texts = map(style.document, documents) if colors or is_terminal else map(document_text, documents)
    while group := [*islice(texts, GROUP)]:
        yield "".join(group)


class _Style:
    """The look of text where it is not as plain as it can be."""

    def __init__(self, colors: Mapping[str, str], is_terminal: bool) -> None:
        self._colors = colors
        self._is_terminal = is_terminal

    def document(self, document: Document) -> str:
        return "".join(map(self._part, document))

    def _part(self, part: Part) -> str:
        if isinstance(part, Field):
            text = _safe_field(part) if self._is_terminal else part.text
            if not part.color or not self._colors:
                return text
            from pytc.render.colors import colored

            return colored(text, part.color, self._colors)
        if isinstance(part, LazyField):
            return printable(part.text, _LAYOUT) if self._is_terminal else part.text
        inner = [part.fields] if isinstance(part, Group) else part.documents
        return "".join(map(self.document, inner))


def _safe_field(field: Field) -> str:
    """Return a field's text without control characters; a line break in its value is one, too."""
    value, text = field.value, field.text
    if isinstance(value, str) and not value.isprintable():
        text = text.replace(value, printable(value))
    return printable(text, _LAYOUT)
