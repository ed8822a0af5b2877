"""docs/pytc.8 is what the help texts say, and roff takes none of it for something else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docs.manual import roff
from docs.manual.help_texts import Item, Part, Prose, Verbatim, parts
from docs.manual.man_page import page
from pytc import __version__
from pytc.cli.command_line import OPTIONS
from pytc.cli.usage import topics, usage
from tests.processes import ROOT, cannot

PAGE = ROOT / "docs" / "pytc.8"
_TEXT = st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=200)


def mandoc(source: str, *options: str) -> str:
    if shutil.which("mandoc") is None:
        cannot("mandoc is not installed")
    done = subprocess.run(["mandoc", *options], input=source, text=True, capture_output=True, timeout=60, check=False)
    return done.stdout + done.stderr


def shown(source: str, device: str = "ascii") -> str:
    """Return the page as a reader sees it, without bold and underlined letters."""
    return re.sub(".\b", "", mandoc(source, "-T", device))


@pytest.fixture(scope="module", params=["ascii", "utf8"])
def seen(request: pytest.FixtureRequest) -> str:
    return shown(page(), request.param)


def words(text: str) -> str:
    return " ".join(text.split())


def test_it_is_up_to_date() -> None:
    assert page() == PAGE.read_text(), 'run "make docs"'
    assert f'"pytc {__version__}"' in page()


def test_mandoc_has_nothing_against_it() -> None:
    assert mandoc(page(), "-T", "lint") == ""


@pytest.mark.parametrize("topic", topics())
def test_each_help_text_is_there_as_the_help_shows_it(seen: str, topic: str) -> None:
    """Usage lines and grammars line by line, whatever their width; explanations and text as running text."""
    lines = {line.strip() for line in seen.splitlines()}
    running = words(seen)
    for part in parts(usage(topic)):
        if isinstance(part, Verbatim):
            assert {line.strip() for line in part.lines} <= lines or not topic, part
        else:
            assert words(" ".join(part)) in running, part


def test_columns_stay_below_one_another() -> None:
    text = "Usage: pytc x [ a ]\n              [ b ]\n\nA := { 'c' | \\d | -e | `f` | ^ ~ }\n   | .g\n"
    lines = [line.removeprefix(" " * 7) for line in shown(page_of(text)).splitlines()]
    assert [line for line in text.splitlines() if line] == [line for line in lines if line][2:-1]


def page_of(text: str) -> str:
    source = "".join(roff.verbatim(part.lines) for part in parts(text) if isinstance(part, Verbatim))
    return f".TH T 8 2026-01-01\n.SH X\n{source.removeprefix('.PP')}"


@example([".B x", "'a", "...", "\\fB\\c", '-e `f` ^ ~ "', "word " * 60, "x" * 300])
@given(st.lists(_TEXT, min_size=1, max_size=5))
def test_any_line_comes_out_as_it_is(lines: list[str]) -> None:
    """Also those that begin with a dot or a quote, and those that are longer than lines of the source may be."""
    if shutil.which("mandoc") is None:
        cannot("mandoc is not installed")
    texts = [f"{line.strip()}|" for line in lines]
    found = shown(f".TH T 8 2026-01-01\n.SH X\n.nf\n{roff.verbatim(texts)}")
    assert [line.strip() for line in found.splitlines() if line.strip()][2:-1] == texts


@given(_TEXT)
def test_running_text_keeps_its_words(text: str) -> None:
    if shutil.which("mandoc") is None:
        cannot("mandoc is not installed")
    plain = re.sub(r"[`\[\]]", "", text)
    found = shown(f".TH T 8 2026-01-01\n.nh\n.SH X\nbegin\n{roff.prose(plain)}end\n")
    body = "\n".join(found.splitlines()[1:-1])
    assert words(body) == words(f"X begin {plain} end")


def test_lines_of_the_source_are_short() -> None:
    assert max(map(len, page().splitlines())) <= 80


def test_every_option_is_explained() -> None:
    text = page()[page().index('.SH "OPTIONS"') : page().index('.SH "QDISCS"')].replace("\\-", "-")
    explained = {
        word.strip(",")
        for line in text.splitlines()
        if line.startswith("\\fB")
        for word in line.replace("\\fB", "").replace("\\fR", "").split()
    }
    assert {row.name for row in OPTIONS} <= {name.lstrip("-") for name in explained}


def test_the_help_explains_each_option_of_pytc_once() -> None:
    terms = [part.term.lstrip("-") for part in parts(usage("")) if isinstance(part, Item)]
    assert len(set(terms)) == len(terms)
    assert set(terms) <= {row.name for row in OPTIONS}


def test_every_variable_of_the_environment_is_explained() -> None:
    found = set()
    for path in Path(ROOT / "src" / "pytc").rglob("*.py"):
        found |= set(re.findall(r'environ(?:ment)?(?:\.get\(|\[)"([A-Z][A-Z_]+)"', path.read_text()))
    assert "TC_BPF_MNT" in found
    text = page()[page().index('.SH "ENVIRONMENT"') : page().index('.SH "FILES"')]
    assert {name for name in found if name not in text} == set()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Usage: a\n       b\n\nA := b\n  | c\ntext\nmore\n",
            [Verbatim(["Usage: a", "       b"]), Verbatim(["A := b", "  | c"]), Prose("text more")],
        ),
        (
            "a, b  first\n      second\nc     third\n\nx y z\n",
            [Item("a, b", "first second"), Item("c", "third"), Prose("x y z")],
        ),
        ("text\n  one line\n", [Prose("text"), Verbatim(["  one line"])]),
    ],
)
def test_what_a_help_text_consists_of(text: str, expected: list[Part]) -> None:
    assert list(parts(text)) == expected
