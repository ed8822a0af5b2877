"""Parse numbers and addresses that people write, and make text safe to print. Parsers raise CodecError."""

from __future__ import annotations

from pytc.errors import CodecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TRUE = {"true": 1, "yes": 1, "on": 1, "false": 0, "no": 0, "off": 0}
_LONGEST = 80
_IP4_BYTES, _IP6_BYTES, _MAC_BYTES = 4, 16, 6


def printable(text: str) -> str:
    """Return text with ``?`` in place of characters that could control a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)


def quoted(text: str) -> str:
    """Return text in quotes for a message: at most 80 characters, all printable."""
    return f'"{printable(text[:_LONGEST])}"'


def shown(value: Any) -> str:
    """Return a value for a message: text in quotes, all else as JSON, like ``null``; about 80 characters at most."""
    if isinstance(value, str):
        return quoted(value)
    import json

    try:
        text = json.dumps(value, ensure_ascii=False, default=repr)
    except (TypeError, ValueError, RecursionError):
        text = f"a value of type {type(value).__name__}"
    return printable(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}...")


def from_json(text: str) -> Any:
    """Return the value of JSON text; raises CodecError."""
    try:
        return parse_json(text)
    except ValueError as error:
        raise CodecError(f"{quoted(text)} is not JSON: {error}") from None


def parse_json(data: str | bytes) -> Any:
    """Return the value of JSON; raises ValueError, also for nesting that is too deep for the parser, and CodecError for
    a member that is given twice or a number that no float can hold."""
    import json

    try:
        return json.loads(data, object_pairs_hook=_members, parse_float=finite)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        values: dict[str, Any] = {}
        for name, value in pairs:
            if name in values:
                raise CodecError(f"{quoted(name)} is given twice: {shown(values[name])} and {shown(value)}")
            values[name] = value
    return members


def finite(text: str) -> float:
    """Return the number of a JSON text, as json's ``parse_float``; raises CodecError for one that no float can hold."""
    number = float(text)
    if number - number != 0:  # infinite
        raise CodecError(f"{printable(text[:_LONGEST])} does not fit a floating-point number of 8 bytes")
    return number


def is_number(text: str) -> bool:
    """Return whether text is a number in digits, with a sign or a prefix like ``0x``."""
    if text.lower() in _TRUE:
        return False
    try:
        number(text)
    except CodecError:
        return False
    return True


def number(text: str, *, is_char: bool = False) -> int:
    """Return the number of a text: decimal, ``0x``, ``0o``, ``0b``, ``true`` and the like; ``is_char`` also takes a
    character for its code."""
    if text.lower() in _TRUE:
        return _TRUE[text.lower()]
    try:
        if text.isascii() and "_" not in text:
            return int(text, 10 if text.lstrip("+-").isdigit() else 0)
    except ValueError:
        pass
    if is_char and len(text.encode("utf-8", "surrogateescape")) == 1:
        return text.encode("utf-8", "surrogateescape")[0]
    raise CodecError(f"{quoted(text)} is not a number")


def address(text: str, size: int) -> bytes | None:
    """Return the bytes of an IP address that fills ``size`` bytes, in network byte order; None for text of another
    sort."""
    if (size, "." in text) != (_IP4_BYTES, True) and (size, ":" in text) != (_IP6_BYTES, True):
        return None
    return ip_address(text, size)


def ip_address(text: str, size: int) -> bytes:
    """Return the bytes of an IPv4 (4 bytes) or IPv6 (16 bytes) address."""
    import socket

    family = socket.AF_INET if size == _IP4_BYTES else socket.AF_INET6
    try:
        return socket.inet_pton(family, text)
    except (OSError, ValueError):
        raise CodecError(f"{quoted(text)} is not an IP address") from None


def mac(text: str) -> bytes | None:
    """Return the bytes of six pairs of hex digits with ``:`` or ``-`` between them; None for anything else."""
    words = text.replace("-", ":").split(":")
    if len(words) != _MAC_BYTES or not all(len(word) == 2 for word in words):
        return None
    try:
        return bytes.fromhex("".join(words))
    except ValueError:
        return None


def hex_bytes(text: str) -> bytes | None:
    """Return the bytes of pairs of hex digits, with ``0x`` before or colons or blanks between them; None for anything
    else."""
    try:
        return bytes.fromhex(text.removeprefix("0x").replace(":", " "))
    except ValueError:
        return None
