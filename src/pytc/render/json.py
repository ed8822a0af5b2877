"""tc's JSON: an array of objects on one line, or laid out as iproute2 lays it out (``-pretty``).

The layout: members on lines of their own, four blanks for each level of objects and arrays together; elements of
an array follow one another on the line.
"""

from __future__ import annotations

import json
from itertools import islice

from pytc.errors import PytcError
from pytc.render import GROUP
from pytc.render.documents import ArrayField, Field, LazyField

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytc.render.documents import Document, Json


def render(documents: Iterable[Document], *, pretty: bool = False) -> str:
    """Return documents as one line, or several when ``pretty``, with a newline at the end."""
    return "".join(pieces(documents, pretty=pretty))


def pieces(documents: Iterable[Document], *, pretty: bool = False) -> Iterator[str]:
    """Yield the JSON of documents, a group at a time: a list may be long."""
    values = map(as_object, documents)
    return pretty_stream(values) if pretty else _line(values)


def _line(values: Iterator[dict[str, Json]]) -> Iterator[str]:
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode
    opening = "["
    while group := [*islice(values, GROUP)]:
        yield opening + encode(group)[1:-1]
        opening = ","
    yield "[]\n" if opening == "[" else "]\n"


def pretty_stream(values: Iterable[Json]) -> Iterator[str]:
    """Yield values as an array in the indented layout; what has begun is closed when there is an error."""
    opening = "[ "
    try:
        for value in values:
            yield opening + _pretty(value, 1)
            opening = ","
    except PytcError:
        if opening != "[ ":
            yield " ]\n"
        raise
    yield "[ ]\n" if opening == "[ " else " ]\n"


def as_object(document: Document) -> dict[str, Json]:
    """Return the members that a document has in JSON."""
    members: dict[str, Json] = {}
    for part in document:
        if isinstance(part, Field):
            if part.key:
                members[part.key] = part.value
        elif isinstance(part, LazyField):
            members[part.key] = part.value()
        elif isinstance(part, ArrayField):
            members[part.key] = [as_object(document) for document in part.documents]
        elif part.key:
            members[part.key] = as_object(part.fields)
        else:
            members.update(as_object(part.fields))
    return members


def _pretty(value: Json, depth: int) -> str:
    if isinstance(value, dict):
        if not value:
            return "{}"
        inner = "\n" + "    " * (depth + 1)
        members = (f"{inner}{_scalar(key)}: {_pretty(member, depth + 1)}" for key, member in value.items())
        return "{" + ",".join(members) + "\n" + "    " * depth + "}"
    if isinstance(value, list):
        elements = ",".join(_pretty(element, depth + 1) for element in value)
        return f"[ {elements} ]" if value else "[ ]"
    return _scalar(value)


def _scalar(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
