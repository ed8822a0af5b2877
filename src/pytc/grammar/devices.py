"""Device names as words."""


def device(word: str) -> str:
    """An interface name: 1 to 15 bytes without ``/`` and white space; raises ValueError."""
    if not 0 < len(word.encode()) < 16 or "/" in word or word.split() != [word]:
        raise ValueError(word)
    return word
