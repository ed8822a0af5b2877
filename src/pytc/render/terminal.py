"""Text that is safe to print on a terminal."""


def printable(text: str, keep: str = "") -> str:
    """Replace every character that could control a terminal, except those of ``keep``, by a question mark."""
    return "".join(c if c.isprintable() or c in keep else "?" for c in text)
