"""tc's JSON: an array of objects on one line, or laid out as iproute2 lays it out (``-pretty``).

The layout: members on lines of their own, four blanks for each level of objects and arrays together; elements of
an array follow one another on the line.
"""

from __future__ import annotations

from itertools import islice

from pytc.cpython import quote_json
from pytc.errors import PytcError
from pytc.render import GROUP
from pytc.render.documents import ArrayField, Common, Field, Group, LazyField

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from pytc.render.documents import Document, Json


def render(documents: Iterable[Document], *, pretty: bool = False) -> str:
    """Return documents as one line, or several when ``pretty``, with a newline at the end."""
    return "".join(pieces(documents, pretty=pretty))


def pieces(documents: Iterable[Document], *, pretty: bool = False) -> Iterator[str]:
    """Yield the JSON of documents, a group at a time: a list may be long."""
    return pretty_stream(map(as_object, documents)) if pretty else _line(map(_object, documents))


def _line(objects: Iterator[str]) -> Iterator[str]:
    opening = "["
    while group := [*islice(objects, GROUP)]:
        yield opening + ",".join(group)
        opening = ","
    yield "[]\n" if opening == "[" else "]\n"


def _object(document: Document) -> str:
    return f"{{{','.join(_members(document).values())}}}"


def _members(document: Document) -> Mapping[str, str]:
    """Return what :func:`as_object` does, each member with its key as JSON."""
    members: dict[str, str] = {}
    for part in document:
        key = part.key
        if isinstance(part, Field):
            if key:
                value = part.value
                members[key] = f"{quote_json(key)}:{quote_json(value) if isinstance(value, str) else _value(value)}"
        elif isinstance(part, LazyField):
            text = part.make_json() if part.make_json is not None else _value(part.make_value())
            members[key] = f"{quote_json(key)}:{text}"
        elif isinstance(part, ArrayField):
            members[key] = f"{quote_json(key)}:[{','.join(map(_object, part.documents))}]"
        elif isinstance(part, Common):
            if part.members is None:
                part.members = _members([Group(key, part.fields)])
            members.update(part.members)
        elif key:
            members[key] = f"{quote_json(key)}:{{{','.join(_members(part.fields).values())}}}"
        else:
            members.update(_members(part.fields))
    return members


def _value(value: Json) -> str:
    """Return a value on one line, like ``json.dumps``, which takes long to import, and has no need to for most."""
    if value is True or value is False:
        return "true" if value else "false"
    if type(value) is int:
        return str(value)
    import json

    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), check_circular=False)


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
            members[part.key] = part.make_value()
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
    import json

    return json.dumps(value, ensure_ascii=False)
