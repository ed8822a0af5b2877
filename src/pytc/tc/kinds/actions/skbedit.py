"""The ``skbedit`` action: what the kernel keeps beside a packet (tc-skbedit(8);
include/uapi/linux/tc_act/tc_skbedit.h). TCA_SKBEDIT_PARMS is struct tc_gen.
"""

from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle, parse_classid
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field, Part
from pytc.tc.actions.action import ActionOptions
from pytc.tc.kinds.interface import ActionKind, EncodeEnv, RenderEnv
from pytc.tc.kinds.shared.action_parts import (
    PIPE,
    Generic,
    closing_fields,
    control_group,
    optional_control,
    optional_index,
)
from pytc.words.engine import Cursor, Word, choose, fill, unsigned

_U16, _U32 = 0xFFFF, 0xFFFFFFFF
#: PACKET_HOST and so on (include/uapi/linux/if_packet.h), in the order in which abbreviations are tried.
_PACKET_TYPES = {"host": 0, "broadcast": 1, "multicast": 2, "otherhost": 3}
_PACKET_TYPE_NAMES = {number: name for name, number in _PACKET_TYPES.items()}
#: SKBEDIT_F_INHERITDSFIELD.
_INHERIT_DSFIELD = 0x20

_USAGE = """\
Usage: ... action skbedit [ mark MARK[/MASK] ] [ priority CLASSID ] [ queue_mapping QUEUE ] [ ptype TYPE ]
                          [ inheritdsfield ] [ CONTROL ] [ index INDEX ]
       ... action skbedit index INDEX

TYPE := { host | otherhost | broadcast | multicast }

mark            sets the mark that fw filters, netfilter and BPF (skb->mark) see; with a MASK, only the bits in it
priority        sets skb->priority: a class that a qdisc takes without asking filters
queue_mapping   sets the device's queue
ptype           sets to whom the packet is
inheritdsfield  sets the priority to the DS field of the IP header
CONTROL is {pipe}.
"""
SCHEMA = Schema(
    ("TCA_SKBEDIT_UNSPEC", "none"),
    ("TCA_SKBEDIT_TM", "cdata"),
    ("TCA_SKBEDIT_PARMS", "cdata"),
    ("TCA_SKBEDIT_PRIORITY", "uint32"),
    ("TCA_SKBEDIT_QUEUE_MAPPING", "uint16"),
    ("TCA_SKBEDIT_MARK", "uint32"),
    ("TCA_SKBEDIT_PAD", "cdata"),
    ("TCA_SKBEDIT_PTYPE", "uint16"),
    ("TCA_SKBEDIT_MASK", "uint32"),
    ("TCA_SKBEDIT_FLAGS", "uint64"),
    ("TCA_SKBEDIT_QUEUE_MAPPING_MAX", "uint16"),
)


class Mark(NamedTuple):
    """A mark; ``mask`` has the bits that are set, None for all."""

    value: int
    mask: int | None = None


class SkbeditOptions(ActionOptions):
    """The words of a ``skbedit`` action; None for what is not edited.

    ``number`` is the index, 0 for one that the kernel chooses.
    """

    queue_mapping: int | None = None
    priority: Handle | None = None
    mark: Mark | None = None
    ptype: int | None = None
    inherit_dsfield: bool = False
    control: int = PIPE
    number: int = 0


def _mark(word: str) -> Mark:
    value, slash, mask = word.partition("/")
    return Mark(unsigned(_U32)(value), unsigned(_U32)(mask) if slash else None)


def _packet_type(word: str) -> int:
    name = choose(word, tuple(_PACKET_TYPES))
    if not name:
        raise ValueError(word)
    return _PACKET_TYPES[name]


_WORDS = (
    Word("queue_mapping", "queue_mapping", unsigned(_U16, 10), repeat=True),
    Word("priority", "priority", parse_classid, repeat=True),
    Word("mark", "mark", _mark, repeat=True),
    Word("ptype", "ptype", _packet_type, repeat=True),
    Word("inheritdsfield", "inherit_dsfield", repeat=True),
)


def parse(cursor: Cursor) -> SkbeditOptions:
    """Parse the words after ``skbedit``; raises InvalidOptionsError, UsageError, HelpRequested."""
    first = cursor.peek() or cursor.take()
    fields = fill(cursor, _WORDS, {}, topic="action skbedit", error=InvalidOptionsError)
    options = SkbeditOptions(**fields, control=optional_control(cursor, PIPE), number=optional_index(cursor))
    if not fields and not options.number:
        names = ", ".join(word.name for word in _WORDS)
        raise InvalidOptionsError(f'skbedit: "{first}" says nothing of what to set: {names}, or an index, expected')
    return options


def encode(options: SkbeditOptions, env: EncodeEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them."""
    attributes: list[tuple[str, Any]] = [("TCA_SKBEDIT_PARMS", Generic(options.number, options.control).pack())]
    if options.queue_mapping is not None:
        attributes.append(("TCA_SKBEDIT_QUEUE_MAPPING", options.queue_mapping))
    if options.priority is not None:
        attributes.append(("TCA_SKBEDIT_PRIORITY", options.priority.number))
    if options.mark is not None:
        attributes.append(("TCA_SKBEDIT_MARK", options.mark.value))
        if options.mark.mask is not None:
            attributes.append(("TCA_SKBEDIT_MASK", options.mark.mask))
    if options.ptype is not None:
        attributes.append(("TCA_SKBEDIT_PTYPE", options.ptype))
    if options.inherit_dsfield:
        attributes.append(("TCA_SKBEDIT_FLAGS", _INHERIT_DSFIELD))
    return attributes


def document(attributes: Attributes, env: RenderEnv) -> Document:
    """Return the document that tc prints."""
    generic = Generic.unpack(attributes.get("TCA_SKBEDIT_PARMS", b""))
    if generic is None:
        return (Field("", text="[NULL skbedit parameters]"),)
    return [
        Field("kind", "skbedit", "skbedit "),
        *_set_fields(attributes, env.display),
        control_group(generic.control, before=" "),
        *closing_fields(generic, attributes.get("TCA_SKBEDIT_TM", b""), env.display),
    ]


def _set_fields(attributes: Attributes, display: Display) -> list[Part]:
    fields: list[Part] = []
    if (queue := attributes.get("TCA_SKBEDIT_QUEUE_MAPPING")) is not None:
        fields.append(Field("queue_mapping", queue, f"queue_mapping {queue}"))
    if (number := attributes.get("TCA_SKBEDIT_PRIORITY")) is not None:
        priority = display.class_name(Handle.from_number(number))
        fields.append(Field("priority", priority, f" priority {priority}"))
    if (mark := attributes.get("TCA_SKBEDIT_MARK")) is not None:
        fields.append(Field("mark", mark, f" mark {mark}"))
    if (mask := attributes.get("TCA_SKBEDIT_MASK")) is not None:
        fields.append(Field("mask", f"{mask:x}", f"/{mask:#x}" if mask else "/0"))
    if (number := attributes.get("TCA_SKBEDIT_PTYPE")) is not None:
        name = _PACKET_TYPE_NAMES.get(number, number)
        fields.append(Field("ptype", name, f" ptype {name}"))
    if attributes.get("TCA_SKBEDIT_FLAGS", 0) & _INHERIT_DSFIELD:
        fields.append(Field("inheritdsfield", None, " inheritdsfield"))
    return fields


KIND = ActionKind("skbedit", SCHEMA, parse, encode, document, _USAGE)
