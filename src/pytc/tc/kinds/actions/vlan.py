"""The ``vlan`` action: VLAN tags, and Ethernet headers, come and go (tc-vlan(8);
include/uapi/linux/tc_act/tc_vlan.h).

TCA_VLAN_PARMS is struct tc_gen, then ``v_action s32``. The VLAN's protocol is in network byte order.
"""

import struct
from typing import Any, Literal

from pytc.errors import InvalidOptionsError, UsageError
from pytc.netlink.schema import Attributes, Schema
from pytc.protocols import format_protocol, parse_protocol
from pytc.render.documents import Document, Field, Part
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
from pytc.tc.kinds.shared.addresses import parse_mac
from pytc.words.engine import Cursor, Word, fill, unsigned

#: TCA_VLAN_ACT_*.
_NUMBERS = {"": 0, "pop": 1, "push": 2, "modify": 3, "pop_eth": 4, "push_eth": 5}
_NAMES = {number: name for name, number in _NUMBERS.items()}
_OWN = struct.Struct("=i")
_GENERIC_SIZE = len(Generic(0, 0).pack())
_U16 = 0xFFFF
_MAX_PRIORITY = 7
_PROTOCOLS = (0x8100, 0x88A8)
_MAC_SIZE = 6

_USAGE = """\
Usage: ... action vlan pop [ CONTROL ] [ index INDEX ]
       ... action vlan { push | modify } id ID [ protocol PROTOCOL ] [ priority PRIORITY ] [ CONTROL ] [ index INDEX ]
       ... action vlan pop_eth [ CONTROL ] [ index INDEX ]
       ... action vlan push_eth dst_mac ADDRESS src_mac ADDRESS [ CONTROL ] [ index INDEX ]
       ... action vlan index INDEX

PROTOCOL := { 802.1Q | 802.1ad } {802.1Q}
PRIORITY := 0 .. 7 {0}

pop, push and modify work on the outer VLAN tag; pop_eth and push_eth on the Ethernet header. CONTROL is {pipe}.
"""
SCHEMA = Schema(
    ("TCA_VLAN_UNSPEC", "none"),
    ("TCA_VLAN_TM", "cdata"),
    ("TCA_VLAN_PARMS", "cdata"),
    ("TCA_VLAN_PUSH_VLAN_ID", "uint16"),
    ("TCA_VLAN_PUSH_VLAN_PROTOCOL", "be16"),
    ("TCA_VLAN_PAD", "cdata"),
    ("TCA_VLAN_PUSH_VLAN_PRIORITY", "uint8"),
    ("TCA_VLAN_PUSH_ETH_DST", "cdata"),
    ("TCA_VLAN_PUSH_ETH_SRC", "cdata"),
)


class VlanOptions(ActionOptions):
    """The words of a ``vlan`` action.

    ``verb`` is empty where the index alone names an existing action. ``protocol`` is an EtherType. ``number`` is the
    index, 0 for one that the kernel chooses.
    """

    verb: Literal["", "pop", "push", "modify", "pop_eth", "push_eth"] = ""
    id: int | None = None
    protocol: int | None = None
    priority: int | None = None
    dst_mac: bytes = b""
    src_mac: bytes = b""
    control: int = PIPE
    number: int = 0


_WORDS = (
    *(Word(name, "verb", value=name, many=True) for name in ("pop", "push", "modify", "pop_eth", "push_eth")),
    Word("id", "id", unsigned(_U16), wrong="id is invalid", repeat=True),
    Word("protocol", "protocol", parse_protocol, wrong="protocol is invalid", repeat=True),
    Word("priority", "priority", unsigned(_MAX_PRIORITY), wrong="prio is invalid", repeat=True),
    Word("dst_mac", "dst_mac", parse_mac, wrong="dst_mac is invalid", repeat=True),
    Word("src_mac", "src_mac", parse_mac, wrong="src_mac is invalid", repeat=True),
)
#: What goes with which verbs, and which of it there must be.
_FITTING = (
    ("push/modify", ("push", "modify"), ("id", "protocol", "priority"), ("id",)),
    ("push_eth", ("push_eth",), ("dst_mac", "src_mac"), ("dst_mac", "src_mac")),
)


def parse(cursor: Cursor) -> VlanOptions:
    """Parse the words after ``vlan``; raises InvalidOptionsError, UsageError, HelpRequested."""
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    words = fill(cursor, _WORDS, {}, topic="action vlan")
    verb, *repeated = words.get("verb", ("",))
    if repeated:
        raise InvalidOptionsError(f'unexpected "{repeated[0]}" - action already specified: {verb}')
    _check_fitting(verb, words)
    options = VlanOptions(
        **{**words, "verb": verb}, control=optional_control(cursor, PIPE), number=optional_index(cursor)
    )
    _check_complete(options)
    return options


def _check_fitting(verb: str, words: dict[str, Any]) -> None:
    """Raise UsageError for options that do not fit the verb, or precede it."""
    names = list(words)
    for of, verbs, fields, _ in _FITTING:
        for name in fields:
            if name in words and (verb not in verbs or names.index(name) < names.index("verb")):
                raise UsageError(f'Error: argument "{name}" is wrong: only valid for {of}, and behind that')


def _check_complete(options: VlanOptions) -> None:
    for _, verbs, _, needed in _FITTING:
        for name in needed:
            if options.verb in verbs and getattr(options, name) in (None, b""):
                raise InvalidOptionsError(f"{name} needs to be set for {options.verb}")
    if options.protocol is not None and options.protocol not in _PROTOCOLS:
        raise InvalidOptionsError(
            f"protocol not supported: {format_protocol(options.protocol)}; 802.1Q or 802.1ad expected"
        )


def encode(options: VlanOptions, env: EncodeEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them."""
    parameters = Generic(options.number, options.control).pack() + _OWN.pack(_NUMBERS[options.verb])
    values = (
        ("VLAN_ID", options.id),
        ("VLAN_PROTOCOL", options.protocol),
        ("VLAN_PRIORITY", options.priority),
        ("ETH_DST", options.dst_mac or None),
        ("ETH_SRC", options.src_mac or None),
    )
    return [
        ("TCA_VLAN_PARMS", parameters),
        *((f"TCA_VLAN_PUSH_{name}", value) for name, value in values if value is not None),
    ]


def document(attributes: Attributes, env: RenderEnv) -> Document:
    """Return the document that tc prints."""
    raw = attributes.get("TCA_VLAN_PARMS", b"")
    generic = Generic.unpack(raw)
    if generic is None or len(raw) < _GENERIC_SIZE + _OWN.size:
        return (Field("", text="[NULL vlan parameters]"),)
    number = _OWN.unpack_from(raw, _GENERIC_SIZE)[0]
    verb = _NAMES.get(number, str(number))
    return [
        Field("kind", "vlan", "vlan "),
        Field("vlan_action", verb, f" {verb}"),
        *_push_fields(verb, attributes, numeric=env.display.numeric),
        control_group(generic.control, before=" "),
        *closing_fields(generic, attributes.get("TCA_VLAN_TM", b""), env.display),
    ]


def _push_fields(verb: str, attributes: Attributes, *, numeric: bool) -> list[Part]:
    fields: list[Part] = []
    if verb in ("push", "modify"):
        number = attributes.get("TCA_VLAN_PUSH_VLAN_PROTOCOL")
        protocol = f"[{number}]" if numeric else format_protocol(number or 0)
        values = (
            ("id", attributes.get("TCA_VLAN_PUSH_VLAN_ID")),
            ("protocol", protocol if number is not None else None),
            ("priority", attributes.get("TCA_VLAN_PUSH_VLAN_PRIORITY")),
        )
        fields += [Field(name, value, f" {name} {value}") for name, value in values if value is not None]
    elif verb == "push_eth":
        for name, raw in (
            ("dst_mac", attributes.get("TCA_VLAN_PUSH_ETH_DST", b"")),
            ("src_mac", attributes.get("TCA_VLAN_PUSH_ETH_SRC", b"")),
        ):
            if len(raw) == _MAC_SIZE:
                fields.append(Field(name, raw.hex(":"), f" {name} {raw.hex(':')}"))
    return fields


KIND = ActionKind("vlan", SCHEMA, parse, encode, document, _USAGE)
