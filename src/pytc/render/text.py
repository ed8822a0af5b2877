"""tc's text."""

from collections.abc import Mapping, Sequence

from pytc.documents import DEVICE, Document, Field, Group, Part

#: SGR parameters of each sort of name, on a light and on a dark background, as iproute2 has them.
COLORS: Mapping[str, tuple[str, str]] = {DEVICE: ("36", "1;36")}


def render(documents: Sequence[Document], *, colors: Mapping[str, str] | None = None) -> str:
    """The text of all fields, one after another. ``colors`` are SGR parameters by sort of name."""
    if not colors:
        return "".join(map(_fields, documents))
    return "".join(_dressed(part, colors) for document in documents for part in document)


def _fields(document: Document) -> str:
    return "".join(part.text if isinstance(part, Field) else _nested(part) for part in document)


def _nested(part: Part) -> str:
    if isinstance(part, Group):
        return _fields(part.fields)
    return "" if isinstance(part, Field) else "".join(map(_fields, part.documents))


def _dressed(part: Part, colors: Mapping[str, str]) -> str:
    if isinstance(part, Field):
        return f"\x1b[{colors[part.color]}m{part.text}\x1b[0m" if part.color in colors else part.text
    inner = part.fields if isinstance(part, Group) else [one for document in part.documents for one in document]
    return "".join(_dressed(one, colors) for one in inner)
