"""Writes what is made from the grammar and its help texts: ``python -m docs.manual``."""

from pathlib import Path

from docs.manual.compatibility import document
from docs.manual.kernels import document as kernels
from docs.manual.man_page import page

DOCS = Path(__file__).parents[1]

if __name__ == "__main__":
    (DOCS / "compatibility.md").write_text(document())
    (DOCS / "pytc.8").write_text(page())
    if table := kernels():  # only where tests have run on several kernels
        (DOCS / "kernels.md").write_text(table)
