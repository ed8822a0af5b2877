"""Text that is safe to print on a terminal."""

from __future__ import annotations


def printable(text: str, keep: str = "") -> str:
    """Replace every character that could control a terminal, except those of ``keep``, by a question mark."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)


def printable_json(text: str) -> str:
    """Escape in JSON what could control a terminal, but for line breaks: characters above 127 need no escape there."""
    return "".join(c if c.isprintable() or c == "\n" else _escape(c) for c in text)


def _escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[index : index + 4]}" for index in range(0, len(units), 4))
