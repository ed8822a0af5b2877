"""Keys of ``flower`` that are several words: entries of an MPLS label stack, and CFM
(TCA_FLOWER_KEY_MPLS_OPT_LSE_*, TCA_FLOWER_KEY_CFM_* of include/uapi/linux/pkt_cls.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.netlink.schema import Schema, join_attributes, mark_nested, split_attributes
from pytc.render.documents import ArrayField, Field, Group
from pytc.words.engine import matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from pytc.render.documents import Document, Part
    from pytc.words.engine import Converter, Cursor

_LSE = 1
_ENTRY = Schema(
    ("UNSPEC", "none"), ("depth", "uint8"), ("ttl", "uint8"), ("bos", "uint8"), ("tc", "uint8"), ("label", "uint32")
)
_byte = unsigned(0xFF, 10)


def _depth(word: str) -> int:
    number = int(_byte(word))
    if not number:
        raise ValueError(word)
    return number


#: In the order in which abbreviations are tried, and in which the parts are shown.
_ENTRY_WORDS: Mapping[str, Converter] = {
    "depth": _depth,
    "label": unsigned(0xFFFFF, 10),
    "tc": unsigned(7, 10),
    "bos": unsigned(1, 10),
    "ttl": _byte,
}
_CFM = Schema(("UNSPEC", "none"), ("mdl", "uint8"), ("op", "uint8"))
#: What tc calls them in its messages.
_CFM_WORDS = {"mdl": "cfm md level", "op": "cfm opcode"}


def _take_number(cursor: Cursor, convert: Converter, name: str) -> int:
    word = cursor.take()
    try:
        return int(convert(word))
    except ValueError:
        raise InvalidOptionsError(f'Illegal "{name}"', hints=(f'the value is "{word}"',)) from None


def _entry(cursor: Cursor) -> bytes:
    parts: list[tuple[str, int]] = []
    cursor.peek() or cursor.take()  # raises UsageError: the line has ended
    while name := next((name for name in _ENTRY_WORDS if matches(cursor.peek(), name)), ""):
        cursor.take()
        parts.append((name, _take_number(cursor, _ENTRY_WORDS[name], name)))
    if "depth" not in dict(parts):
        raise UsageError(
            'Error: argument "depth" is required', hints=('"lse depth 1" is the outermost entry of the label stack',)
        )
    return _ENTRY.encode(parts)


def read_label_stack(cursor: Cursor) -> bytes:
    """Return the payload of TCA_FLOWER_KEY_MPLS_OPTS from the words behind ``mpls``.

    Raises InvalidOptionsError, UsageError.
    """
    entries = []
    cursor.peek() or cursor.take()
    while matches(cursor.peek(), "lse"):
        cursor.take()
        entries.append((mark_nested(_LSE), _entry(cursor)))
    return join_attributes(entries)


def show_label_stack(values: Mapping[str, Any], view: object) -> Sequence[Part]:
    """Return the entries of TCA_FLOWER_KEY_MPLS_OPTS, a line for each."""
    raw = values.get("KEY_MPLS_OPTS")
    if raw is None:
        return ()
    entries = [_entry_fields(_ENTRY.decode(payload)) for number, payload in split_attributes(raw) if number == _LSE]
    return (Field("", text="\n  mpls"), ArrayField("mpls", entries))


def _entry_fields(entry: Mapping[str, Any]) -> Document:
    fields = [Field("", text="\n    lse")]
    return [*fields, *(Field(name, entry[name], f" {name} {entry[name]}") for name in _ENTRY_WORDS if name in entry)]


def read_cfm(cursor: Cursor) -> bytes:
    """Return the payload of TCA_FLOWER_KEY_CFM from the words behind ``cfm``.

    Raises InvalidOptionsError, UsageError.
    """
    parts: list[tuple[str, int]] = []
    cursor.peek() or cursor.take()
    while name := next((name for name in _CFM_WORDS if cursor.peek() == name), ""):
        cursor.take()
        parts.append((name, _take_number(cursor, _byte, _CFM_WORDS[name])))
    return _CFM.encode(parts)


def show_cfm(values: Mapping[str, Any], view: object) -> Sequence[Part]:
    """Return what TCA_FLOWER_KEY_CFM says."""
    raw = values.get("KEY_CFM")
    if raw is None:
        return ()
    parts = _CFM.decode(raw)
    fields = [Field(name, parts[name], f" {name} {parts[name]}") for name in _CFM_WORDS if name in parts]
    return (Field("", text="\n  cfm"), Group("cfm", fields))
