"""Classes as a tree, for ``-graph``. In JSON they are a list, as without it."""

from __future__ import annotations

from pytc.handles import ROOT
from pytc.render.documents import Field, Group
from pytc.tc.statistics import statistics_fields
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pytc.handles import Handle
    from pytc.render.documents import Document, Part
    from pytc.tc.classes.records import ClassRecord
    from pytc.tc.statistics import QueueStatistics


class ClassParts(NamedTuple):
    """The parts of a class's document; ``statistics`` None and ``own_statistics`` empty where they are not shown.

    ``label`` is its handle in a tree, with its name from ``-names``.
    """

    label: str
    head: Document
    options: Document
    statistics: QueueStatistics | None
    own_statistics: Document
    iec: bool = False


class _Position(NamedTuple):
    """The position of a class in the tree: ``trunk`` is what its ancestors put in front of its lines."""

    trunk: str
    is_last: bool
    has_children: bool

    @property
    def branch(self) -> str:
        """Return the text in front of its children's lines."""
        return self.trunk + ("     " if self.is_last else "|    ")

    @property
    def below(self) -> str:
        """Return the text in front of its own further lines."""
        return self.branch + ("|" if self.has_children else " ")


if TYPE_CHECKING:
    _Classes = Sequence[tuple[ClassRecord, ClassParts]]


def draw_tree(classes: _Classes) -> list[Document]:
    """Return documents in the order of the tree: siblings in the kernel's order, those below the root in reverse.

    Classes of qdiscs in a class are not in the tree; they are at the end, for JSON alone.
    """
    waiting = list(classes)
    documents = list(_siblings(_take(waiting, ROOT)[::-1], waiting, ""))
    return [*documents, *(_mute(parts) for _, parts in waiting)]


def _take(waiting: list[tuple[ClassRecord, ClassParts]], parent: Handle) -> list[tuple[ClassRecord, ClassParts]]:
    taken = [class_ for class_ in waiting if class_[0].parent == parent]
    waiting[:] = [class_ for class_ in waiting if class_[0].parent != parent]
    return taken


def _siblings(siblings: _Classes, waiting: list[tuple[ClassRecord, ClassParts]], trunk: str) -> Iterator[Document]:
    for index, (record, parts) in enumerate(siblings, start=1):
        children = _take(waiting, record.handle)
        position = _Position(trunk, index == len(siblings), bool(children))
        document = _document(record, parts, position)
        below = list(_siblings(children, waiting, position.branch))
        if position.is_last:
            end = Field("", text=f"{position.branch if children else trunk}\n")
            last = below or [document]
            last[-1] = [*last[-1], end]
            document = document if below else last[0]
        yield document
        yield from below


def _document(record: ClassRecord, parts: ClassParts, position: _Position) -> Document:
    text = f"{position.trunk}+---({parts.label}) {record.kind} "
    fields: list[Part] = [Field("", text=text), *_mute_part(parts.head), Group("", parts.options), Field("", text="\n")]
    if parts.statistics is not None:
        indent = " " * (len(record.kind) - 2 + len(parts.label))
        general = statistics_fields(parts.statistics, position.below + indent, iec=parts.iec)
        fields.append(Group("stats", [*general, *_mute_part(parts.own_statistics)]))
        if position.has_children or not position.is_last:
            fields.append(Field("", text=f"{position.below}\n"))
    return fields


def _mute(parts: ClassParts) -> Document:
    """Return the document of a class for JSON alone."""
    statistics = statistics_fields(parts.statistics) if parts.statistics is not None else []
    return [
        *_mute_part(parts.head),
        Group("", _mute_part(parts.options)),
        *([Group("stats", _mute_part([*statistics, *parts.own_statistics]))] if statistics else []),
    ]


def _mute_part(document: Document) -> list[Part]:
    return [part._replace(text="") if isinstance(part, Field) else part for part in document]
