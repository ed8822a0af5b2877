"""Which tests "make test" leaves to "make test-all": those marked ``slow``, listed in docs/testing.md with reasons.

And which rows of a test guests leave to this machine's kernel.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings

#: Of a cross product, one in so many rows stays in the first tier. No list of compilers, CPUs or forms has a length
#: that is a multiple of it, so that each of them stays, with different objects.
EVERY = 7


def sample(rows: Iterable[Any], every: int = EVERY) -> list[Any]:
    """Return rows for parametrize, all of them marked as slow but for the first of each so many."""
    return [slow(row) if number % every else row for number, row in enumerate(rows)]


def slow(row: Any) -> Any:
    """Return a row for parametrize that is marked as slow; a plain tuple has a value for each argument."""
    return _marked(row, pytest.mark.slow)


def some_in_guests(rows: Iterable[Any], every: int = EVERY) -> list[Any]:
    """Return rows for parametrize, of which guests have the first of each so many: each takes a second there."""
    return [_marked(row, pytest.mark.needs("host")) if number % every else row for number, row in enumerate(rows)]


def _marked(row: Any, mark: pytest.MarkDecorator) -> Any:
    if isinstance(row, type(pytest.param())):
        return row._replace(marks=(*row.marks, mark))
    return pytest.param(*(row if type(row) is tuple else (row,)), marks=mark)


def examples(times: float) -> int:
    """Return a number of examples for Hypothesis: so many times as many as other tests have in this tier."""
    return int(times * settings().max_examples)


def rounds(usual: int) -> int:
    """Return how often a slow test of commands that meet one another tries: $PYTC_ROUNDS times, if that is set."""
    return int(os.environ.get("PYTC_ROUNDS") or usual)
