"""What ends a command besides errors of its own."""

from __future__ import annotations

import pytest

from pytc.cli import main as module
from tests.processes import refused


def test_lack_of_memory_is_an_error_like_others(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(_: list[str]) -> None:
        raise MemoryError

    monkeypatch.setattr(module, "parse_words", parse)
    assert refused("qdisc", "show") == "Cannot allocate memory\n"
