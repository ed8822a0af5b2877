"""tc's text."""

from collections.abc import Sequence

from pytc.documents import Document, Field, Group, Part


def render(documents: Sequence[Document]) -> str:
    """The text of all fields, one after another."""
    return "".join(map(_fields, documents))


def _fields(document: Document) -> str:
    return "".join(part.text if isinstance(part, Field) else _nested(part) for part in document)


def _nested(part: Part) -> str:
    if isinstance(part, Group):
        return _fields(part.fields)
    return "" if isinstance(part, Field) else render(part.documents)
