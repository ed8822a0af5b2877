"""The examples' page names every example."""

from __future__ import annotations

import re

import pytest

from tests.conftest import EXAMPLES
from tests.processes import ROOT

PAGE = (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.[ch]")))
def test_it_is_explained(name: str) -> None:
    assert f"`{name}`" in PAGE


@pytest.mark.parametrize("link", re.findall(r"\]\(([^)#]+)", PAGE))
def test_its_links_lead_somewhere(link: str) -> None:
    assert (EXAMPLES / link).exists(), ROOT
