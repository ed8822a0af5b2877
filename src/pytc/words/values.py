"""Values in the words of a command, like ``{ src 10.0.0.1 port 53 }``, ``[ 1 2 3 ]``, ``hex 0a 00``, ``500ms``."""

from __future__ import annotations

import math

from pytc.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Union

    from pytc.words.engine import Cursor

    #: A value of a map before its type is known: text, elements in brackets, members in braces, or bytes in hex.
    ValueWords = Union[str, bytes, list["ValueWords"], Mapping[str, "ValueWords"]]  # noqa: UP007 (names itself)

_MAX_DEPTH = 32
_HEX = "0123456789abcdefABCDEF"
#: Seconds in each unit of time; the order matters, since ``ms`` ends with ``s``.
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0}


#: How a program or map is named in bpftool's words, and what a name looks like then.
_NAMING: Mapping[str, Callable[[str], bool]] = {
    "id": str.isdigit,
    "pinned": lambda word: word.startswith(("/", "m:")),
    **dict.fromkeys(("obj", "object-file"), lambda word: word.endswith(".o")),
}


def seconds(word: str) -> float:
    """Return a time like ``2``, ``0.5s``, ``500ms`` or ``1m`` in seconds; raises ValueError."""
    unit = next((unit for unit in _UNITS if word.endswith(unit)), "")
    time = float(word.removesuffix(unit)) * _UNITS.get(unit, 1.0)
    if not 0 <= time < math.inf or "_" in word or not word.isascii():
        raise ValueError(word)
    return time


def take_value(cursor: Cursor, depth: int = 0) -> ValueWords:
    """Return one value, which the types of the map give its meaning later; raises UsageError."""
    if depth > _MAX_DEPTH:
        raise UsageError("Error: a value is nested too deeply.")
    word = cursor.take()
    if word == "{":
        return _members(cursor, depth)
    if word == "[":
        elements = []
        while cursor.peek() != "]":
            elements.append(take_value(cursor, depth + 1))
        cursor.take()
        return elements
    if word == "hex" and _is_hex(cursor.peek()):
        data = b""
        while _is_hex(cursor.peek()):
            digits = cursor.take().removeprefix("0x")
            data += bytes.fromhex(digits.zfill(len(digits) + len(digits) % 2))
        return data
    return word


def take_element(cursor: Cursor) -> ValueWords:
    """Return the key or value of an element, which may be in bpftool's words, ``0xe8 0x03 0 0`` or ``pinned PATH``;
    raises UsageError."""
    value = take_value(cursor)
    if isinstance(value, str) and value in _NAMING and _NAMING[value](cursor.peek()):
        return {value: cursor.take()}
    if not isinstance(value, str) or not _is_number(value) or not _is_number(cursor.peek()):
        return value
    data = [_byte(value)]
    while _is_number(cursor.peek()):
        data.append(_byte(cursor.take()))
    return bytes(data)


def _is_number(word: str) -> bool:
    digits = word.removeprefix("-")
    is_hex = digits[:2] in ("0x", "0X") and len(digits) > 2 and all(c in _HEX for c in digits[2:])
    return is_hex or (digits.isascii() and digits.isdigit())


def _byte(word: str) -> int:
    """Return one of several numbers, which are the bytes of a value; raises UsageError for one that is no byte."""
    if not _is_byte(word):
        raise UsageError(f'Error: "{word}" is not a byte: of several numbers, each is one, from 0 to 255 or 0xff.')
    return int(word, 0)


def _is_byte(word: str) -> bool:
    if word.startswith(("0x", "0X")):
        return len(word) in (3, 4) and _is_hex(word[2:])
    return word.isascii() and word.isdigit() and (word == "0" or word[0] != "0") and len(word) < 4 and int(word) < 256


def _members(cursor: Cursor, depth: int) -> ValueWords:
    members: dict[str, ValueWords] = {}
    while cursor.peek() != "}":
        name = cursor.take()
        if name in members:
            raise UsageError(f'Error: duplicate "{name}": a member has one value.')
        members[name] = take_value(cursor, depth + 1)
    cursor.take()
    return members


def _is_hex(word: str) -> bool:
    digits = word.removeprefix("0x")
    is_whole = not len(digits) % 2 or len(digits) == 1
    return bool(digits) and is_whole and all(c in _HEX for c in digits)


def take_format(cursor: Cursor) -> str:
    """Return a format: one word, several up to the closing brace, or ``struct`` and its like with a name."""
    format = cursor.take()
    if format in ("struct", "union", "enum", "packed") and not cursor.done:
        format += f" {cursor.take()}"
    while format.count("{") > format.count("}"):
        format += f" {cursor.take()}"
    return format
