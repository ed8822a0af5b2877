"""The site of the documentation: what pages link to is on it."""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.processes import ROOT

DOCS = ROOT / "docs"
SETTINGS = (ROOT / "mkdocs.yml").read_text()
EXCLUDED = re.search(r"^exclude_docs: \|\n((?:  .*\n)+)", SETTINGS, re.MULTILINE)[1].split()  # type: ignore[index]
PAGES = sorted(path for path in DOCS.rglob("*.md") if path.relative_to(DOCS).parts[0] not in ("manual", "man"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_links_lead_to_what_is_there_and_on_the_site(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#:]+)[^):]*\)", page.read_text()):
        target = (page.parent / link).resolve()
        assert target.exists(), link
        if target.is_relative_to(DOCS):
            path = str(target.relative_to(DOCS))
            assert not any(fnmatch(path, f"{pattern.rstrip('/')}*") for pattern in EXCLUDED), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_every_page_is_in_the_navigation(page: Path) -> None:
    assert f": {page.relative_to(DOCS)}\n" in SETTINGS
