"""tc's text."""

from collections.abc import Sequence

from pytc.documents import Document, Group


def render(documents: Sequence[Document]) -> str:
    """The text of all fields, one after another."""
    return "".join(map(_fields, documents))


def _fields(document: Document) -> str:
    return "".join(_fields(part.fields) if isinstance(part, Group) else part.text for part in document)
