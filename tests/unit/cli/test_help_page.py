"""Help as it is printed: within 80 columns, with examples that the parsers take."""

from __future__ import annotations

import re
import shlex

import pytest

from pytc.cli.command_line import parse_options
from pytc.cli.examples import EXAMPLES
from pytc.cli.help_page import render
from pytc.cli.help_texts import wrap_grammar
from pytc.cli.usage import topics, usage
from pytc.commands.dispatch import parse_words


@pytest.mark.parametrize("topic", topics())
def test_it_fits_into_80_columns_and_loses_no_word(topic: str) -> None:
    page = render(topic)
    assert max(map(len, page.splitlines())) <= 80
    plain = re.sub(r"[-\s]", "", page)
    assert {word for word in usage(topic).split() if re.sub("-", "", word) not in plain} == set()


@pytest.mark.parametrize("topic", topics())
def test_it_says_where_to_read_on(topic: str) -> None:
    assert "\nSee also: " in render(topic)


@pytest.mark.parametrize("topic", EXAMPLES)
def test_its_examples_are_lines_that_pytc_takes(topic: str) -> None:
    assert topic in topics()
    for line, _ in EXAMPLES[topic]:
        parse_words(parse_options(shlex.split(line))[1])


@pytest.mark.parametrize("topic", ["", "map", "map dump", "filter bpf", "prog run", "qdisc htb"])
def test_it_shows_them_in_one_piece(topic: str) -> None:
    page = render(topic).replace(" \\\n    ", " ")
    assert all(f"  pytc {line}" in page for line, _ in EXAMPLES[topic])


def test_colours_change_nothing_else() -> None:
    styled = render("filter bpf", styled=True)
    assert "\x1b[" in styled
    assert re.sub(r"\x1b\[[0-9;]*m", "", styled) == render("filter bpf")


def test_grammar_is_broken_outside_of_brackets() -> None:
    line = "Usage: pytc map load MAP [ file { NAME | NUMBER } ] [ key KEY [ value VALUE ] ] [ again ]"
    assert list(wrap_grammar([line], 60)) == [
        "Usage: pytc map load MAP [ file { NAME | NUMBER } ]",
        "           [ key KEY [ value VALUE ] ] [ again ]",
    ]
