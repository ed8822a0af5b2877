"""What ``make docs`` writes about the verifier is what is in docs/, and what ``pytc help verifier`` prints."""

from __future__ import annotations

import pytest

from docs.manual.verifier import document
from pytc.bpf.verifier.categories import CATEGORIES
from pytc.bpf.verifier.messages import rows
from pytc.cli.usage import usage
from pytc.commands.dispatch import parse_words
from pytc.commands.shared.command import Help
from tests.processes import ROOT


def test_the_page_is_up_to_date() -> None:
    assert document() == (ROOT / "docs" / "verifier.md").read_text(), 'run "make docs"'


def test_the_page_is_about_every_category() -> None:
    text = document()
    assert all(f"\n## {name}\n" in text for name in CATEGORIES)
    assert "{" not in "".join(line for line in text.splitlines() if line.startswith(("- [", "What to write")))


def test_every_category_has_messages_or_is_found_by_evidence() -> None:
    assert CATEGORIES.keys() - {row.category for row in rows()} == {"stale-packet-pointer"}


@pytest.mark.parametrize("name", CATEGORIES)
def test_help_prints_a_category(name: str) -> None:
    assert parse_words(["help", "verifier", name]) == Help(f"verifier {name}")
    text = usage(f"verifier {name}")
    assert text.startswith(f"{name}: ")
    assert "{" not in text.partition("\nWrong:")[0]


def test_help_lists_the_categories() -> None:
    assert parse_words(["help", "verifier"]) == Help("verifier")
    assert usage("verifier") == usage("verifier nosuch")
    assert all(f"\n  {name} " in usage("verifier") for name in CATEGORIES)
