"""Writes what is made from the grammar and its help texts: ``python -m manual``."""

from pathlib import Path

from manual.compatibility import document
from manual.man_page import page

DOCS = Path(__file__).resolve().parent.parent / "docs"

if __name__ == "__main__":
    (DOCS / "compatibility.md").write_text(document())
    (DOCS / "pytc.8").write_text(page())
