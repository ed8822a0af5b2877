"""``--atomic``: words of the command line. What it does is in tests/kernel."""

from __future__ import annotations

import pytest

from pytc.cli.command_line import parse_options
from pytc.cli.main import main


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--atomic", "-force", "-b", "batch"], "contradict"),
        (["-force", "-batch", "batch", "-atomic"], "contradict"),
        (["--atomic", "qdisc", "show"], "needs -batch"),
        (["--atomic"], "needs -batch"),
    ],
)
def test_what_does_not_go_together(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 255
    shown = capsys.readouterr()
    assert shown.out == ""
    assert '"-atomic"' in shown.err
    assert sentence in shown.err


@pytest.mark.parametrize("word", ["-atomic", "--atomic"])
def test_it_is_spelled_out(word: str) -> None:
    assert parse_options([word, "-b", "x"])[0].atomic
    assert not parse_options(["-b", "x"])[0].atomic
    assert main([word[:-1], "-b", "x"]) == 255
