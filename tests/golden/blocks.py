"""A command and what it did as lines of a record."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.golden.pytc_process import Outcome
from tests.golden.requests import request_lines
from tests.golden.rules import without_variations

#: JSON is one long line: it goes on in a line that begins with "+" instead of "|".
_LONG = 120
_MEMBER = re.compile(r'(?<=,)(?= ?["{\[])|(?<=\\n)')


def block(command: str, outcome: Outcome, device: str = "", index: int = 0, *, stdin: bytes = b"") -> Iterator[str]:
    """The lines; ``device`` and ``index`` are name and index of the device of the step, if it has one."""
    yield f"> {command}"
    yield from printed("in", stdin.decode())
    if outcome.status:
        yield f"  exit {outcome.status}"
    for name, text in (("out", outcome.out), ("err", outcome.err)):
        yield from printed(name, without_variations(text, device))
    for datagram in outcome.sent:
        for line in request_lines(datagram, index):
            yield f"  {line}"


def printed(name: str, text: str) -> Iterator[str]:
    """Yield the lines of a stream; a last line without an end is marked."""
    if not text:
        return
    *lines, rest = text.split("\n")
    for line in [*lines, rest] if rest else lines:
        for part, piece in enumerate(_pieces(line)):
            yield f"  {name}{'+' if part else '|'}{piece}"
    if rest:
        yield f"  {name} ends without a newline"


def _pieces(line: str) -> list[str]:
    """A long line of JSON in pieces of whole members, and of lines within them."""
    if len(line) <= _LONG or line[0] not in "[{":
        return [line]
    pieces = [""]
    for member in _MEMBER.split(line):
        if pieces[-1] and len(pieces[-1]) + len(member) > _LONG:
            pieces.append("")
        pieces[-1] += member
    return pieces
