"""Classes as a tree: what ``-graph`` prints. In JSON they are the list that they are without it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pytc.handles import ROOT, Handle
from pytc.render.documents import Document, Field, Group, Part
from pytc.tc.records import ClassRecord, QueueStatistics
from pytc.tc.statistics import statistics_fields


class ClassParts(NamedTuple):
    """What there is to say of a class; ``statistics`` None and ``own_statistics`` empty where they are not shown.
    ``label`` is its handle in a tree, with the name that it has been given."""

    label: str
    head: Document
    options: Document
    statistics: QueueStatistics | None
    own_statistics: Document
    iec: bool = False


class _Place(NamedTuple):
    """Where a class stands: ``trunk`` is what its ancestors put in front of its lines."""

    trunk: str
    is_last: bool
    has_children: bool

    @property
    def branch(self) -> str:
        """What it puts in front of its children's lines."""
        return self.trunk + ("     " if self.is_last else "|    ")

    @property
    def below(self) -> str:
        """What it puts in front of its own further lines."""
        return self.branch + ("|" if self.has_children else " ")


_Classes = Sequence[tuple[ClassRecord, ClassParts]]


def tree(classes: _Classes) -> list[Document]:
    """Documents in the order of the tree: siblings in the order in which the kernel has them, those below the root in
    the reverse. Classes of qdiscs in a class are not in the tree; they are at the end, for JSON alone."""
    waiting = list(classes)
    documents = list(_siblings(_take(waiting, ROOT)[::-1], waiting, ""))
    return [*documents, *(_mute(parts) for _, parts in waiting)]


def _take(waiting: list[tuple[ClassRecord, ClassParts]], parent: Handle) -> list[tuple[ClassRecord, ClassParts]]:
    taken = [one for one in waiting if one[0].parent == parent]
    waiting[:] = [one for one in waiting if one[0].parent != parent]
    return taken


def _siblings(siblings: _Classes, waiting: list[tuple[ClassRecord, ClassParts]], trunk: str) -> Iterator[Document]:
    for index, (record, parts) in enumerate(siblings, start=1):
        children = _take(waiting, record.handle)
        place = _Place(trunk, index == len(siblings), bool(children))
        document = _document(record, parts, place)
        below = list(_siblings(children, waiting, place.branch))
        if place.is_last:
            end = Field("", text=f"{place.branch if children else trunk}\n")
            last = below or [document]
            last[-1] = [*last[-1], end]
            document = document if below else last[0]
        yield document
        yield from below


def _document(record: ClassRecord, parts: ClassParts, place: _Place) -> Document:
    text = f"{place.trunk}+---({parts.label}) {record.kind} "
    fields: list[Part] = [Field("", text=text), *_muted(parts.head), Group("", parts.options), Field("", text="\n")]
    if parts.statistics is not None:
        indent = " " * (len(record.kind) - 2 + len(parts.label))
        general = statistics_fields(parts.statistics, place.below + indent, iec=parts.iec)
        fields.append(Group("stats", [*general, *_muted(parts.own_statistics)]))
        if place.has_children or not place.is_last:
            fields.append(Field("", text=f"{place.below}\n"))
    return fields


def _mute(parts: ClassParts) -> Document:
    """In JSON alone."""
    statistics = statistics_fields(parts.statistics) if parts.statistics is not None else []
    return [
        *_muted(parts.head),
        Group("", _muted(parts.options)),
        *([Group("stats", _muted([*statistics, *parts.own_statistics]))] if statistics else []),
    ]


def _muted(document: Document) -> list[Part]:
    return [part._replace(text="") if isinstance(part, Field) else part for part in document]
