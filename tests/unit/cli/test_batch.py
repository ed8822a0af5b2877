"""How a batch is taken apart, and what becomes of lines that fail."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.cli.batch import CommandReader, parse_ahead, read_commands, run_batch, split_quoted, split_words
from pytc.cli.exit_status import exit_status
from pytc.errors import BatchError, UsageError
from tests.processes import PYTC, SOURCE, refused, run


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("  \t ", []),
        ("", []),
        ("a 'b c' d\n", ["a", "b c", "d"]),
        ('a "b \' c" d', ["a", "b ' c", "d"]),
        ("a 'b'c d", ["a", "b", "c", "d"]),
        ("a b'c d", ["a", "b'c", "d"]),
        ("'' a", ["", "a"]),
        ("a\r\n", ["a"]),
        ("a\u2028b\u00a0c \u00e9", ["a\u2028b\u00a0c", "\u00e9"]),
        ("\u00a0 'b c'", ["\u00a0", "b c"]),
    ],
)
def test_words_of_a_line(line: str, words: list[str]) -> None:
    assert split_words(line) == words


@given(st.text("a ''\t\"\u2003\n", max_size=12))
def test_lines_that_are_split_at_once_are_split_as_any_line(line: str) -> None:
    def outcome(split: Callable[[str], list[str]]) -> list[str] | str:
        try:
            return split(line)
        except BatchError as error:
            return str(error)

    assert outcome(split_words) == outcome(split_quoted)


@pytest.mark.parametrize("line", ["a 'b", '"', "a 'b\" c"])
def test_a_quote_that_is_not_closed(line: str) -> None:
    with pytest.raises(BatchError, match="Unterminated quoted string"):
        split_words(line)


@pytest.mark.parametrize(("line", "words"), [("'q' ", 500_000), ("\u00e9 ", 500_000), ("\u00e9", 1)])
def test_time_to_split_grows_with_the_size_alone(line: str, words: int) -> None:
    """Copying what is left for each word takes minutes."""
    script = f"from pytc.cli.batch import split_words; print(len(split_words({line!a} * 500_000)))"
    assert run("prlimit", "--cpu=10", sys.executable, "-c", script, env=SOURCE) == (0, f"{words}\n", "")


@pytest.mark.parametrize("endless", ["cat /dev/zero", r"yes 'a \'", r"yes \' | tr -d '\n'"])
@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("-b", "-"), "A line is longer than 16 MB\n"),
        (("--atomic", "-b", "-"), 'File "-" is larger than 64 MB, which is too much for --atomic\n'),
    ],
)
def test_a_line_without_an_end_is_refused(endless: str, options: tuple[str, ...], sentence: str) -> None:
    words = ("bash", "-c", f'{endless} | prlimit --as=$((1 << 29)) "$@"', "-", *PYTC, *options)
    outcome = run(*words, env=SOURCE)
    assert (outcome.status, outcome.out, outcome.err) == (1, "", sentence)


def in_parts(*parts: list[str]) -> Iterator[tuple[int, list[str]]]:
    """The commands of lines that come bit by bit."""
    reader = CommandReader()
    for part in parts:
        yield from ((number, words) for number, text in reader.read(part) if (words := split_words(text)))
    reader.finish()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b\n\n# c\n d\n", [(1, ["a", "b"]), (4, ["d"])]),
        ("a \\\n b \\\n c\nd", [(3, ["a", "b", "c"]), (4, ["d"])]),
        ("a # b\nc\n", [(1, ["a"]), (2, ["c"])]),
        ("a # b \\\nc\n", [(1, ["a"]), (2, ["c"])]),
        ("a \\\n# b \\\nc\n", [(2, ["a"]), (3, ["c"])]),
        ("a \\", [(1, ["a", "\\"])]),
    ],
)
def test_commands_and_their_lines(text: str, expected: list[tuple[int, list[str]]]) -> None:
    lines = text.splitlines(keepends=True)
    for at in range(len(lines) + 1):
        assert list(in_parts(lines[:at], lines[at:])) == expected
    assert list(read_commands(lines)) == expected


@pytest.mark.parametrize("text", ["a \\\n", "a\n b \\\n", "\\\n"])
def test_a_line_that_goes_on_in_none_is_not_run(text: str, tmp_path: Path) -> None:
    with pytest.raises(BatchError, match="Missing continuation line"):
        list(read_commands(text.splitlines(keepends=True)))
    path = tmp_path / "batch"
    path.write_text(text.replace("a", "qdisc show dev lo").replace("b", "qdisc show dev nosuch"))
    outcome = run(*PYTC, "-b", str(path), env=SOURCE)
    assert (outcome.status, outcome.err) == (1, "Missing continuation line\n")
    assert bool(outcome.out) == (text.count("\n") > 1)


@given(st.text("ab '\"\\#\n", max_size=60))
def test_any_text_is_taken_apart_or_refused(text: str) -> None:
    try:
        for number, words in read_commands(text.splitlines(keepends=True)):
            assert number >= 1
            assert words
    except BatchError:
        return


def run_lines(tmp_path: Path, lines: list[str], *, force: bool) -> tuple[int, list[str], list[str]]:
    """(exit status, commands that were run, errors)."""
    path = tmp_path / "batch"
    path.write_text("".join(f"{line}\n" for line in lines))
    done: list[str] = []
    errors: list[str] = []

    def run(commands: Sequence[list[str]]) -> tuple[int, int]:
        """Run those up to the first that is bad, or has a number."""
        for count, words in enumerate(commands, 1):
            done.append(" ".join(words))
            if words[0] == "bad":
                errors.append("bad")
                return count, exit_status(UsageError("bad"))
            if len(words) > 1:
                break
        return count, 0

    return (
        run_batch(str(path), lambda file: parse_ahead(file, lambda text: text.split() or None), run, force=force),
        done,
        errors,
    )


@pytest.mark.parametrize("force", [False, True])
def test_lines_are_run_in_their_order(tmp_path: Path, capsys: pytest.CaptureFixture[str], force: bool) -> None:
    """One at a time, or some: the line that fails is the one that is named."""
    lines = [*["good"] * 40, "good 1", "", "good", "bad", "good", "bad", *["good"] * 70, "bad"]
    failing = [number for number, line in enumerate(lines, 1) if line == "bad"][: None if force else 1]
    status, done, errors = run_lines(tmp_path, lines, force=force)
    assert (status, len(errors)) == (1, len(failing))
    assert done == [line for line in (lines if force else lines[: failing[0]]) if line]
    assert [line.rpartition(":")[2] for line in capsys.readouterr().err.splitlines()] == list(map(str, failing))


def test_the_first_failure_ends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_lines(tmp_path, ["good 1", "bad", "good 2"], force=False) == (1, ["good 1", "bad"], ["bad"])
    assert capsys.readouterr().err == f"Command failed {tmp_path}/batch:2\n"


def test_force_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_lines(tmp_path, ["bad", "good", "bad"], force=True)[:2] == (1, ["bad", "good", "bad"])
    assert [line.rpartition(":")[2] for line in capsys.readouterr().err.splitlines()] == ["1", "3"]


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(BatchError, match=r"Cannot open file .* for reading: No such file or directory"):
        run_batch(str(tmp_path / "none"), lambda file: parse_ahead(file, str.split), lambda commands: (1, 0))
    assert refused("-b", "") == 'Cannot open file "" for reading: No such file or directory\n'


def test_the_word_tc_in_front_of_a_line_is_left_out() -> None:
    lines = ["tc qdisc show\n", "tc\n", "tc \\\n", "filter show dev tc\n", "/usr/sbin/tc tcx show"]
    assert [words for _, words in read_commands(lines)] == [
        ["qdisc", "show"],
        ["filter", "show", "dev", "tc"],
        ["tcx", "show"],
    ]


def test_a_byte_order_mark_is_not_part_of_the_first_word() -> None:
    assert [*read_commands(["\ufeffqdisc show\n", "\ufeffqdisc\n"])] == [(1, ["qdisc", "show"]), (2, ["\ufeffqdisc"])]
