"""Which message of the verifier means which kind of mistake: kernel/bpf/*.c of Linux 5.10 to 7.2.

A row is a pattern of a whole message; its named groups are what is extracted for the texts of the category. Each
message matches exactly one row, which ``.ci/verifier_messages.py`` checks by the kernel's sources. In the patterns of
``rows_common`` and ``rows_rare``, ``ARG`` stands for an argument, in the words of all versions: ``R1``, ``arg#0``,
``*(R11-8)``.
"""

from __future__ import annotations

import re
from functools import cache

from pytc.bpf.verifier import rows_common, rows_rare
from pytc.bpf.verifier.rows import ARGUMENT
from pytc.typing import NamedTuple


class Row(NamedTuple):
    """A pattern of messages, and the name of their category."""

    category: str
    pattern: re.Pattern[str]


@cache
def rows() -> tuple[Row, ...]:
    """Return the table: one row for each pattern."""
    return tuple(
        Row(category, re.compile(pattern.replace("ARG", ARGUMENT)))
        for table in (rows_common.PATTERNS, rows_rare.PATTERNS)
        for category, patterns in table.items()
        for pattern in patterns
    )


def find_row(message: str) -> tuple[Row, dict[str, str]] | None:
    """Return the row of a message and what it extracts; None for a message that is not known."""
    for row in rows():
        match = row.pattern.match(message)
        if match is not None:
            return row, {name: value for name, value in match.groupdict().items() if value is not None}
    return None
