"""docs/man has what the help texts say, and roff takes none of it for something else."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from docs.manual import roff
from docs.manual.man_page import pages
from pytc import __version__
from pytc.cli.command_line import OPTIONS
from pytc.cli.help_texts import Item, Prose, Verbatim, parts
from pytc.cli.usage import OPTIONS as OPTIONS_EXPLAINED
from pytc.cli.usage import topics, usage
from tests.processes import ROOT, cannot

if TYPE_CHECKING:
    from pytc.cli.help_texts import Part

PAGES = ROOT / "docs" / "man"
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
def seen(request: pytest.FixtureRequest) -> dict[str, str]:
    """Return pages as a reader sees them."""
    return {name: shown(source, request.param) for name, source in pages().items()}


def words(text: str) -> str:
    return " ".join(text.split())


def test_they_are_up_to_date() -> None:
    assert {path.name: path.read_text() for path in PAGES.iterdir()} == pages(), 'run "make docs"'
    assert all(f'"pytc {__version__}"' in page for page in pages().values())


@pytest.mark.parametrize("name", pages())
def test_mandoc_has_nothing_against_it(name: str) -> None:
    assert mandoc(pages()[name], "-T", "lint") == ""


@pytest.mark.parametrize("name", pages())
def test_it_fits_into_80_columns(seen: dict[str, str], name: str) -> None:
    assert max(map(len, seen[name].splitlines())) <= 80


def page_about(topic: str) -> str:
    """Return the name of the page about a topic."""
    object = topic.partition(" ")[0]
    return f"pytc-{'action' if object == 'actions' else object}.8" if topic not in ("", "options") else "pytc.8"


@pytest.mark.parametrize("topic", topics())
def test_each_help_text_is_there(seen: dict[str, str], topic: str) -> None:
    running = words(seen[page_about(topic)])
    for part in parts(usage(topic)):
        if topic == "options" and not isinstance(part, Prose):
            continue  # they are explained in a list of all options
        text = words(" ".join(part.lines) if isinstance(part, Verbatim) else " ".join(part)).removeprefix("Usage: ")
        assert text in running, part


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
    assert max(len(line) for page in pages().values() for line in page.splitlines()) <= 160


def test_every_option_is_explained() -> None:
    """By the word that is spelled out, or by one that means the same."""
    terms = [*OPTIONS_EXPLAINED, *(part.term for part in parts(usage("")) if isinstance(part, Item))]
    explained = {word.strip("-,").partition("[")[0] for term in terms for word in term.split()}
    fields = {row.field for row in OPTIONS if row.name in explained}
    assert {row.field for row in OPTIONS} == fields


def test_the_help_explains_each_option_of_pytc_once() -> None:
    terms = [part.term.rpartition("--")[2] for part in parts(usage("")) if isinstance(part, Item) and "--" in part.term]
    assert len(set(terms)) == len(terms)
    assert set(terms) <= {row.name for row in OPTIONS}


def test_every_variable_of_the_environment_is_explained() -> None:
    found = set()
    for path in Path(ROOT / "src" / "pytc").rglob("*.py"):
        found |= set(re.findall(r'environ(?:ment)?(?:\.get\(|\[)"([A-Z][A-Z_]+)"', path.read_text()))
    assert "TC_BPF_MNT" in found
    page = pages()["pytc.8"]
    text = page[page.index('.SH "ENVIRONMENT"') : page.index('.SH "FILES"')]
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
