"""Kinds of qdiscs, and of their classes, as declarations."""

from __future__ import annotations

from pytc.handles import UNSPEC
from pytc.netlink.schema import HEADER
from pytc.tc.kinds.declaration import Wire, encoder, helper, read_values, renderer, word_table
from pytc.tc.kinds.interface import QdiscKind
from pytc.typing import NamedTuple
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pytc.handles import Handle
    from pytc.netlink.schema import Attributes, Type
    from pytc.render.documents import Display, Document
    from pytc.tc.clock import Clock
    from pytc.tc.kinds.declaration import Declared
    from pytc.tc.kinds.interface import Encoded, QdiscEnv, Restoration
    from pytc.tc.kinds.layout import Layout
    from pytc.words.engine import Cursor


class Options(Value):
    """The options of a qdisc or class, as words gave them."""

    values: Mapping[str, Any]


class View(NamedTuple):
    """The surroundings of values that a function shows."""

    display: Display
    clock: Clock


def qdisc(
    name: str,
    declared: Declared,
    *,
    prefix: str = "",
    attributes: Sequence[tuple[str, Type | Layout]] = (),
    header: Layout | None = None,
    statistics: Callable[[bytes, Display], Document] | None = None,
    classes: Declared | None = None,
    class_statistics: Callable[[bytes, Display], Document] | None = None,
    default_handle: Handle = UNSPEC,
    default_parent: Handle = UNSPEC,
    nested: bool = False,
    restoration: Restoration | None = None,
    class_restoration: Restoration | None = None,
) -> QdiscKind[Options, Options]:
    """Return a kind of qdisc with the attributes ``PREFIX_NAME`` of these types, numbered from 1.

    ``header`` is the structure before those of the qdisc.
    """
    wire = Wire(prefix, attributes, header)
    more: dict[str, Any] = {}
    if classes is not None:
        class_wire = Wire(prefix, attributes, None)
        more = {
            "parse_class": _parser(classes, f"class {name}"),
            "encode_class": _encoder(classes, class_wire),
            "document_class": _documenter(classes, class_wire),
            "class_usage": helper(classes, f"class add ... {name}"),
        }
    return QdiscKind(
        name,
        wire.schema,
        _parser(declared, f"qdisc {name}"),
        _encoder(declared, wire),
        _documenter(declared, wire),
        helper(declared, name),
        header=header.size if header is not None else 0,
        statistics=statistics,
        class_statistics=class_statistics,
        default_handle=default_handle,
        default_parent=default_parent,
        nested=nested,
        restoration=restoration,
        class_restoration=class_restoration,
        **more,
    )


def _parser(declared: Declared, topic: str) -> Callable[[Cursor], Options]:
    table = word_table(declared)
    return lambda cursor: Options(read_values(cursor, table, declared, topic))


def _encoder(declared: Declared, wire: Wire) -> Callable[[Options | None, QdiscEnv], Any]:
    encode = encoder(declared, wire)

    def encode_options(options: Options | None, env: QdiscEnv) -> Encoded | None:
        values = options.values if options is not None else {}  # a clsact that a filter needs has none
        return encode(values, env) if values or not declared.sends_nothing else None

    return encode_options


def _documenter(declared: Declared, wire: Wire) -> Callable[[Attributes, Display, Clock], Document]:
    show = renderer(declared)
    header = wire.structures.get(HEADER)
    least = header.size if header is not None else 0

    def document(attributes: Attributes, display: Display, clock: Clock) -> Document:
        if len(attributes.get(HEADER, b"")) < least:
            return ()
        return show(wire.decode(attributes), View(display, clock))

    return document
