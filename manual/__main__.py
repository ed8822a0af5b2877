"""Writes what is made from the grammar and its help texts: ``python -m manual``."""

from pathlib import Path

from manual.compatibility import document
from manual.kernels import document as kernels
from manual.man_page import page

DOCS = Path(__file__).resolve().parent.parent / "docs"

if __name__ == "__main__":
    (DOCS / "compatibility.md").write_text(document())
    (DOCS / "pytc.8").write_text(page())
    if table := kernels():  # only where tests have run on several kernels
        (DOCS / "kernels.md").write_text(table)
