"""JSON as RFC 8259 has it: what Python's parser lets pass besides (NaN, a member twice) is wrong."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def _no_such(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError(f"a member twice: {[name for name, _ in pairs]}")
    return found


_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_such)


def values(output: bytes | str) -> list[Any]:
    """The documents of a stream, each of which ends with its line. Raises ValueError."""
    text = output.decode("utf-8") if isinstance(output, bytes) else output
    found, at = [], 0
    while at < len(text):
        value, at = _DECODER.raw_decode(text, at)
        if text[at : at + 1] != "\n":
            raise ValueError(f"a document and then {text[at : at + 40]!r}")
        found.append(value)
        at += 1
    return found


def value(output: bytes | str) -> Any:
    """The only document of an output. Raises ValueError."""
    [found] = values(output)
    return found
