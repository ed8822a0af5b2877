"""tc's text."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice

from pytc.render import GROUP
from pytc.render.documents import DEVICE, Document, Field, Group, LazyField, Part

#: SGR parameters of each sort of name, on a light and on a dark background, as iproute2 has them.
COLORS: Mapping[str, tuple[str, str]] = {DEVICE: ("36", "1;36")}


def render(documents: Iterable[Document], *, colors: Mapping[str, str] | None = None) -> str:
    """Return the text of all fields, one after another; ``colors`` are SGR parameters by sort of name."""
    return "".join(pieces(documents, colors=colors))


def pieces(documents: Iterable[Document], *, colors: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield the text of documents, a group at a time: a list may be long."""
    texts = map(_fields, documents) if not colors else (_colored_all(document, colors) for document in documents)
    while group := [*islice(texts, GROUP)]:
        yield "".join(group)


def _fields(document: Document) -> str:
    return "".join([part.text if isinstance(part, Field) else _nested(part) for part in document])


def _nested(part: Part) -> str:
    if isinstance(part, Group):
        return _fields(part.fields)
    if isinstance(part, LazyField):
        return part.text()
    return "" if isinstance(part, Field) else "".join(map(_fields, part.documents))


def _colored_all(document: Document, colors: Mapping[str, str]) -> str:
    return "".join(_colored(part, colors) for part in document)


def _colored(part: Part, colors: Mapping[str, str]) -> str:
    if isinstance(part, Field):
        return f"\x1b[{colors[part.color]}m{part.text}\x1b[0m" if part.color in colors else part.text
    if isinstance(part, LazyField):
        return part.text()
    inner = [part.fields] if isinstance(part, Group) else part.documents
    return "".join(_colored_all(document, colors) for document in inner)
