"""Requests to the kernel in words: what ``--dry-run`` says of a message, and errors of a part of several."""

from __future__ import annotations

import struct

from pytc.handles import UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import HEADER, split_attributes
from pytc.protocols import format_protocol
from pytc.render.documents import ArrayField, Display, Field, Group, LazyField
from pytc.render.text import render
from pytc.tc.clock import read_clock
from pytc.tc.filters.requests import POINTS, htons
from pytc.tc.kinds import actions, filters, qdiscs
from pytc.tc.kinds.interface import FilterView

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytc.netlink.schema import Attributes, Schema
    from pytc.render.documents import Document, Json, Part

NAMES = {
    c.NEWQDISC: "RTM_NEWQDISC",
    c.DELQDISC: "RTM_DELQDISC",
    c.NEWTCLASS: "RTM_NEWTCLASS",
    c.DELTCLASS: "RTM_DELTCLASS",
    c.NEWTFILTER: "RTM_NEWTFILTER",
    c.DELTFILTER: "RTM_DELTFILTER",
    c.NEWACTION: "RTM_NEWACTION",
    c.DELACTION: "RTM_DELACTION",
    c.NEWCHAIN: "RTM_NEWCHAIN",
    c.DELCHAIN: "RTM_DELCHAIN",
}
_FLAGS = ((c.CREATE, "create"), (c.EXCL, "excl"), (c.REPLACE, "replace"))
FILTERS = (c.NEWTFILTER, c.DELTFILTER, c.NEWCHAIN, c.DELCHAIN)
QDISCS, CLASSES, ACTIONS = (c.NEWQDISC, c.DELQDISC), (c.NEWTCLASS, c.DELTCLASS), (c.NEWACTION, c.DELACTION)
_KIND, _OPTIONS, _INDEX = 1, 2, 3
_LONGEST = 64
_NUMBER = struct.Struct("=I")

if TYPE_CHECKING:
    DeviceName = Callable[[int], str]


def request_document(message: TcMessage, device: DeviceName, programs: Mapping[int, str]) -> Document:
    """Return a line for the message, and one for each attribute.

    ``programs`` maps stand-ins for descriptors to the names of programs that would be loaded.
    """
    flags = [name for bit, name in _FLAGS if message.flags & bit and message.type not in (c.DELTFILTER, c.DELACTION)]
    if message.type == c.DELACTION and message.flags & c.ROOT:
        flags = ["root"]
    words: list[Part] = [
        Field("step", "send", "send "),
        Field("message", NAMES[message.type], NAMES[message.type]),
        Field("flags", [*flags], "".join(f" {flag}" for flag in flags)),
        *address_words(message, device),
    ]
    attributes = {
        name: _attribute_json(name, value, message, programs)
        for name, value in message.attributes.items()
        if name not in ("TCA_KIND", "TCA_CHAIN")
    }
    options = _shown_options(message)
    options_text = " ".join(render([options]).split())
    return [
        *words,
        Field("", text="\n"),
        Group("options", [*_silent(options)]),
        Field("", text=f"\toptions: {options_text}\n" if options_text else ""),
        Group("attributes", [Field(name, value, _text(name, value, 1)) for name, value in attributes.items()]),
    ]


def address_words(message: TcMessage, device: DeviceName) -> list[Part]:
    """Return the object that a message is about, as words of a command."""
    fields: list[Part] = []

    def say(key: str, value: Json, text: str = "") -> None:
        fields.append(Field(key, value, f" {key} {text or value}"))

    if message.ifindex == c.BLOCK and message.type in FILTERS:
        say("block", message.parent)
    elif message.ifindex:
        say("dev", device(message.ifindex))
    parent, handle = Handle.from_number(message.parent), Handle.from_number(message.handle)
    if parent != UNSPEC and message.ifindex != c.BLOCK:
        word = POINTS.get(parent, str(parent)) if message.type in FILTERS else str(parent)
        say("parent", word)
    if message.type in FILTERS:
        fields += _filter_words(message)
    elif handle != UNSPEC:
        say("classid" if message.type in CLASSES else "handle", str(handle))
    if message.attributes.get("TCA_KIND"):
        say("kind", message.attributes["TCA_KIND"])
    return fields


def _filter_words(message: TcMessage) -> list[Part]:
    protocol, pref, chain = htons(message.info & 0xFFFF), message.info >> 16, message.attributes.get("TCA_CHAIN")
    fields: list[Part] = []
    if protocol:
        fields.append(Field("protocol", format_protocol(protocol), f" protocol {format_protocol(protocol)}"))
    for key, value in (("pref", pref or None), ("chain", chain)):
        if value is not None:
            fields.append(Field(key, value, f" {key} {value}"))
    if message.handle:
        fields.append(Field("handle", f"{message.handle:#x}", f" handle {message.handle:#x}"))
    return fields


def _shown_options(message: TcMessage) -> Document:
    """Return the options as ``show`` would print them."""
    name, raw = message.attributes.get("TCA_KIND", ""), message.attributes.get("TCA_OPTIONS", b"")
    if message.type in FILTERS:
        if not raw or (a_filter := filters.find(name)) is None:
            return ()
        options = a_filter.decode(a_filter.schema.decode(raw), lambda _: None)
        return a_filter.document(options, FilterView(message.handle, htons(message.info & 0xFFFF), Display()))
    kind = qdiscs.find(name)
    if kind is None or not raw:
        return ()
    if message.type in CLASSES:
        assert kind.document_class is not None
        return kind.document_class(kind.schema.decode(raw), Display(), read_clock())
    return kind.document(kind.schema.decode(raw, kind.header), Display(), read_clock())


def _silent(document: Document) -> Document:
    """Return the document without text, for JSON alone."""
    return [
        Group(part.key, _silent(part.fields))
        if isinstance(part, Group)
        else ArrayField(part.key, [_silent(row) for row in part.documents])
        if isinstance(part, ArrayField)
        else Field(part.key, part.make_value())
        if isinstance(part, LazyField)
        else part._replace(text="")
        for part in document
    ]


def _attribute_json(name: str, value: object, message: TcMessage, programs: Mapping[int, str]) -> Json:
    if name == "TCA_OPTIONS" and isinstance(value, bytes):
        return _options(message.attributes.get("TCA_KIND", ""), value, message, programs)
    if isinstance(value, bytes) and _holds_actions(name, message):
        return [_action(part, programs) for _, part in split_attributes(value)]
    if name.endswith("_FD") and isinstance(value, int) and value in programs:
        return f"program {programs[value]}"
    if isinstance(value, (bytes, bytearray)):
        return value.hex() if len(value) <= _LONGEST else f"{value[:_LONGEST].hex()}... ({len(value)} bytes)"
    return value if isinstance(value, (bool, int, str)) else str(value)


def _holds_actions(name: str, message: TcMessage) -> bool:
    kind = filters.find(message.attributes.get("TCA_KIND", "")) if message.type in FILTERS else None
    return name == "TCA_ROOT_TAB" or (kind is not None and name == kind.actions)


def _options(kind: str, raw: bytes, message: TcMessage, programs: Mapping[int, str]) -> Json:
    schema: tuple[Schema, int] | None = None
    if message.type in FILTERS and (a_filter := filters.find(kind)) is not None:
        schema = a_filter.schema, 0
    elif message.type not in FILTERS and (a_qdisc := qdiscs.find(kind)) is not None:
        schema = a_qdisc.schema, a_qdisc.header if message.type in QDISCS else 0
    if schema is None:
        return raw.hex()
    return _attributes_json(schema[0].decode(raw, schema[1]), message, programs)


def _attributes_json(attributes: Attributes, message: TcMessage, programs: Mapping[int, str]) -> Json:
    return {
        name if name != HEADER else "header": _attribute_json(name, value, message, programs)
        for name, value in attributes.items()
    }


def _action(raw: bytes, programs: Mapping[int, str]) -> Json:
    parts = dict(split_attributes(raw))
    name = parts.get(_KIND, b"").partition(b"\0")[0].decode("ascii", "replace")
    members: dict[str, Json] = {"kind": name}
    if len(parts.get(_INDEX, b"")) >= _NUMBER.size:
        members["index"] = int(_NUMBER.unpack_from(parts[_INDEX])[0])
    kind = actions.find(name)
    if kind is not None and _OPTIONS in parts:
        members["options"] = _attributes_json(kind.schema.decode(parts[_OPTIONS]), TcMessage(0), programs)
    return members


def _text(name: str, value: Json, depth: int) -> str:
    """Return an attribute on a line, with its members below it."""
    indent = "\t" * depth
    if isinstance(value, dict):
        return f"{indent}{name}\n" + "".join(_text(key, inner, depth + 1) for key, inner in value.items())
    if isinstance(value, list):
        return "".join(_text(name, inner, depth) for inner in value)
    return f"{indent}{name} {value}\n"
