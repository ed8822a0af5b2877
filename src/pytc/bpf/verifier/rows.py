"""Parts of patterns that several messages share."""

from __future__ import annotations

#: How versions name an argument: by its register, its number, or its place on the stack.
ARGUMENT = r"(?P<register>R-?\d+|arg ?#?\d+|args?#\d+|\*\(R11-\d+\))"
#: Offset and size of an access.
ACCESS = r"off=(?P<off>-?\d+)(?:,)? size=(?P<size>-?\d+)"
