"""Values in the words of a command: ``7``, ``{ src 10.0.0.1 port 53 }``, ``[ 1 2 3 ]``, ``hex 0a 00 00 01``."""

from pytc.commands.map.values import Words
from pytc.errors import UsageError
from pytc.words.engine import Cursor

_MAX_DEPTH = 32


def take_value(cursor: Cursor, depth: int = 0) -> Words:
    """One value; its words are understood by the map's types later. Raises UsageError."""
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
        found = b""
        while _is_hex(cursor.peek()):
            found += bytes.fromhex(cursor.take().removeprefix("0x"))
        return found
    return word


def _members(cursor: Cursor, depth: int) -> Words:
    members: dict[str, Words] = {}
    while cursor.peek() != "}":
        name = cursor.take()
        if name in members:
            raise UsageError(f'Error: duplicate "{name}": a member has one value.')
        members[name] = take_value(cursor, depth + 1)
    cursor.take()
    return members


def _is_hex(word: str) -> bool:
    digits = word.removeprefix("0x")
    return bool(digits) and not len(digits) % 2 and all(c in "0123456789abcdefABCDEF" for c in digits)


def take_format(cursor: Cursor) -> str:
    """A format: one word, or several up to the closing brace; ``struct`` and its like with the name behind them."""
    format = cursor.take()
    if format in ("struct", "union", "enum", "packed") and not cursor.done:
        format += f" {cursor.take()}"
    while format.count("{") > format.count("}"):
        format += f" {cursor.take()}"
    return format
