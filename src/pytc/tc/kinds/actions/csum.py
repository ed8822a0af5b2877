"""The ``csum`` action: checksums are computed anew (tc-csum(8); include/uapi/linux/tc_act/tc_csum.h).

TCA_CSUM_PARMS is struct tc_gen, then ``update_flags u32``.
"""

import struct
from typing import Any

from pytc.errors import HelpRequested, InvalidOptionsError
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Document, Field
from pytc.tc.actions.action import ActionOptions
from pytc.tc.kinds.interface import ActionKind, EncodeEnv, RenderEnv
from pytc.tc.kinds.shared.action_parts import (
    PASS,
    Generic,
    closing_fields,
    control_group,
    optional_control,
    optional_index,
)
from pytc.words.engine import Cursor, choose, matches

#: TCA_CSUM_UPDATE_FLAG_*, by the words in the order in which abbreviations are tried; 0 for those that only join.
_WORDS = {
    "iph": 1,
    "ip4h": 1,
    "ipv4h": 1,
    "icmp": 2,
    "igmp": 4,
    "tcp": 8,
    "udp": 16,
    "udplite": 32,
    "sctp": 64,
    "and": 0,
    "or": 0,
    "+": 0,
    "csum": 0,
}
_NAMES = (("iph", 1), ("icmp", 2), ("igmp", 4), ("tcp", 8), ("udp", 16), ("udplite", 32), ("sctp", 64))
_OWN = struct.Struct("=I")
_GENERIC_SIZE = len(Generic(0, 0).pack())

_USAGE = """\
Usage: ... action csum UPDATE ... [ CONTROL ] [ index INDEX ]
       ... action csum index INDEX

UPDATE := { iph | ip4h | ipv4h | icmp | igmp | tcp | udp | udplite | sctp }, with or without "and", "or" or + in between

Computes checksums anew, after the packet was changed. iph, ip4h and ipv4h are the same. CONTROL is {pass}.
"""
SCHEMA = Schema(
    ("TCA_CSUM_UNSPEC", "none"),
    ("TCA_CSUM_PARMS", "cdata"),
    ("TCA_CSUM_TM", "cdata"),
    ("TCA_CSUM_PAD", "cdata"),
)


class CsumOptions(ActionOptions):
    """The words of a ``csum`` action.

    ``flags`` are the checksums, 0 where the index alone names an existing action; ``number`` is the index, 0 for one
    that the kernel chooses.
    """

    flags: int = 0
    control: int = PASS
    number: int = 0


def parse(cursor: Cursor) -> CsumOptions:
    """Parse the words after ``csum``; raises InvalidOptionsError, UsageError, HelpRequested."""
    flags, last = 0, "csum"
    while word := choose(cursor.peek(), tuple(_WORDS)):
        cursor.take()
        flags, last = flags | _WORDS[word], word
    if last == "csum" and cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    if not cursor.done and matches(cursor.peek(), "help"):
        raise HelpRequested("action csum")
    if not flags and not matches(cursor.peek(), "index"):
        named = f'"{cursor.peek()}" is none' if not cursor.done else "there is none"
        raise InvalidOptionsError(f"Illegal csum construct, empty <UPDATE> list: {named} of {', '.join(_WORDS)}")
    control = optional_control(cursor, PASS)
    return CsumOptions(flags, control, optional_index(cursor))


def encode(options: CsumOptions, env: EncodeEnv) -> list[tuple[str, Any]]:
    """Return the one attribute of the action."""
    return [("TCA_CSUM_PARMS", Generic(options.number, options.control).pack() + _OWN.pack(options.flags))]


def document(attributes: Attributes, env: RenderEnv) -> Document:
    """Return the document that tc prints."""
    raw = attributes.get("TCA_CSUM_PARMS", b"")
    generic = Generic.unpack(raw)
    if generic is None or len(raw) < _GENERIC_SIZE + _OWN.size:
        return (Field("", text="[NULL csum parameters]"),)
    flags = _OWN.unpack_from(raw, _GENERIC_SIZE)[0]
    names = ", ".join(name for name, flag in _NAMES if flags & flag) or "?empty"
    return [
        Field("kind", "csum", "csum "),
        Field("csum", names, f"({names}) "),
        control_group(generic.control, before="action "),
        *closing_fields(generic, attributes.get("TCA_CSUM_TM", b""), env.display, "\t"),
    ]


KIND = ActionKind("csum", SCHEMA, parse, encode, document, _USAGE)
