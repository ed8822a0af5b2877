"""Device names as words."""

from __future__ import annotations


def device(word: str) -> str:
    """Return an interface name: 1 to 15 bytes without ``/`` and white space; raises ValueError."""
    name = word.encode("utf-8", "surrogateescape")
    if not 0 < len(name) < 16 or b"/" in name or name.split() != [name]:
        raise ValueError(word)
    return word
