"""Device names as words."""

from functools import lru_cache


@lru_cache(maxsize=64)  # a batch names few devices, thousands of times
def device(word: str) -> str:
    """Return an interface name: 1 to 15 bytes without ``/`` and white space; raises ValueError."""
    name = word.encode("utf-8", "surrogateescape")
    if not 0 < len(name) < 16 or b"/" in name or name.split() != [name]:
        raise ValueError(word)
    return word
