"""The ``mirred`` action: packets go, or are copied, to another device (tc-mirred(8);
include/uapi/linux/tc_act/tc_mirred.h).

TCA_MIRRED_PARMS is struct tc_gen, then ``eaction s32, ifindex u32``. TCA_MIRRED_BLOCKID, since v6.8, stands for all
devices that share a block.
"""

from __future__ import annotations

import struct

from pytc.errors import HelpRequested, InvalidOptionsError, UsageError
from pytc.netlink.schema import Schema
from pytc.render.documents import Field
from pytc.tc.actions.action import ActionOptions
from pytc.tc.kinds.interface import ActionKind, Restoration
from pytc.tc.kinds.shared.action_parts import (
    PASS,
    PIPE,
    STOLEN,
    Generic,
    closing_fields,
    control_group,
    optional_control,
    optional_index,
    take_index,
)
from pytc.words.engine import Cursor, choose, matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal

    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Document, Part
    from pytc.tc.kinds.interface import EncodeEnv, RenderEnv

#: TCA_EGRESS_REDIR and so on.
_NUMBERS = {("egress", "redirect"): 1, ("egress", "mirror"): 2, ("ingress", "redirect"): 3, ("ingress", "mirror"): 4}
_NAMES = {number: names for names, number in _NUMBERS.items()}
_UNKNOWN = ("unknown", "unknown")
_GENERIC_SIZE = len(Generic(0, 0).pack())
_OWN = struct.Struct("=iI")
_MAX_BLOCK = 0xFFFFFFFF
#: Words in the order in which abbreviations are tried, and what they say.
_WORDS = {
    "egress": "direction",
    "ingress": "direction",
    "index": "number",
    "mirror": "verb",
    "redirect": "verb",
    "dev": "device",
    "blockid": "block",
}
_SECOND = {"direction": "direction: egress or ingress", "verb": "verb: mirror or redirect", "number": "index"}

_USAGE = """\
Usage: ... action mirred { egress | ingress } { redirect | mirror } [ index INDEX ] { dev NAME | blockid BLOCK }
                         [ CONTROL ] [ index INDEX ]
       ... action mirred index INDEX

redirect  the packet goes out of the device (egress), or comes in there (ingress), and nothing more is done with it here
mirror    a copy goes there; CONTROL is done with the packet itself {pipe}
blockid   goes to all devices that share a block of filters, but for its own; Linux 6.8
"""
SCHEMA = Schema(
    ("TCA_MIRRED_UNSPEC", "none"),
    ("TCA_MIRRED_TM", "cdata"),
    ("TCA_MIRRED_PARMS", "cdata"),
    ("TCA_MIRRED_PAD", "cdata"),
    ("TCA_MIRRED_BLOCKID", "uint32"),
)


class MirredOptions(ActionOptions):
    """The words of a ``mirred`` action.

    ``direction`` and ``verb`` are empty, as ``device`` and ``block`` may be, where the index alone names an existing
    action. ``number`` is the index, 0 for one that the kernel chooses.
    """

    direction: Literal["", "egress", "ingress"] = ""
    verb: Literal["", "mirror", "redirect"] = ""
    device: str = ""
    block: int = 0
    control: int = PASS
    number: int = 0


def parse(cursor: Cursor) -> MirredOptions:
    """Parse the words after ``mirred``; raises InvalidOptionsError, UsageError, HelpRequested."""
    fields: dict[str, Any] = {}
    first = _WORDS.get(choose(cursor.peek() or cursor.take(), tuple(_WORDS)), "")
    if matches(cursor.peek(), "help"):
        raise HelpRequested("action mirred")
    if first not in ("direction", "number"):
        raise InvalidOptionsError(f'mirred option not supported: "{cursor.peek()}"; egress, ingress or index expected')
    while "device" not in fields and "block" not in fields and cursor.peek() != "action":
        _read(cursor, fields)
        if first == "number":
            return MirredOptions(**fields)
    if "block" in fields and not cursor.done and matches(cursor.peek(), "dev"):
        raise InvalidOptionsError("blockid and device are mutually exclusive.")
    if fields.get("verb") == "mirror":
        fields["control"] = optional_control(cursor, PIPE)
    elif "verb" in fields:
        fields["control"] = STOLEN
    return MirredOptions(**_with_index(cursor, fields))


def _read(cursor: Cursor, fields: dict[str, Any]) -> None:
    """Read one of the words before the device."""
    word = cursor.take()
    name = choose(word, tuple(_WORDS))
    if not name and matches(word, "help"):
        raise HelpRequested("action mirred")
    if not name:
        raise UsageError(f'What is "{word}"? "egress redirect dev NAME" is expected, and a control behind that.')
    field = _WORDS[name]
    if field in fields:
        raise InvalidOptionsError(f'mirred: "{word}" is a second {_SECOND[field]}')
    if field in ("device", "block") and "verb" not in fields:
        raise UsageError(f'mirror or redirect expected before "{word}"')
    fields[field] = _VALUES[field](cursor) if field in _VALUES else name


def _take_block(cursor: Cursor) -> int:
    word = cursor.take()
    try:
        number: int = unsigned(_MAX_BLOCK)(word)
    except ValueError:
        number = 0
    if not number:
        raise InvalidOptionsError(f'invalid block ID: "{word}"')
    return number


_VALUES = {"device": Cursor.take, "block": _take_block, "number": take_index}


def _with_index(cursor: Cursor, fields: dict[str, Any]) -> dict[str, Any]:
    if "number" in fields and not cursor.done and matches(cursor.peek(), "index"):
        raise InvalidOptionsError(f"mirred: Illegal double index: {fields['number']} was the first")
    return fields if "number" in fields else {**fields, "number": optional_index(cursor)}


def encode(options: MirredOptions, env: EncodeEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them; raises DeviceNotFoundError."""
    number = _NUMBERS.get((options.direction, options.verb), 0)
    parameters = Generic(options.number, options.control).pack() + _OWN.pack(number, env.device_index(options.device))
    attributes: list[tuple[str, Any]] = [("TCA_MIRRED_PARMS", parameters)]
    return [*attributes, ("TCA_MIRRED_BLOCKID", options.block)] if options.block else attributes


def document(attributes: Attributes, env: RenderEnv) -> Document:
    """Return the document that tc prints."""
    raw = attributes.get("TCA_MIRRED_PARMS", b"")
    generic = Generic.unpack(raw)
    if generic is None or len(raw) < _GENERIC_SIZE + _OWN.size:
        return (Field("", text="[NULL mirred parameters]"),)
    number, index = _OWN.unpack_from(raw, _GENERIC_SIZE)
    direction, verb = _NAMES.get(number, _UNKNOWN)
    words = f"{direction} {verb}".title() if number in _NAMES else "unknown"
    fields: list[Part] = [
        Field("kind", "mirred", "mirred "),
        Field("mirred_action", verb, f"({words}"),
        Field("direction", direction),
    ]
    if (block := attributes.get("TCA_MIRRED_BLOCKID")) is not None:
        fields.append(Field("to_blockid", block, f" to blockid {block})"))
    else:
        device = env.device_name(index) if index else "*"  # a device that is gone
        fields.append(Field("to_dev", device, f" to device {device})"))
    return [
        *fields,
        control_group(generic.control, before=" "),
        *closing_fields(generic, attributes.get("TCA_MIRRED_TM", b""), env.display, "\t"),
    ]


KIND = ActionKind("mirred", SCHEMA, parse, encode, document, lambda: _USAGE, restoration=Restoration(replaces=True))
