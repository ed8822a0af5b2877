"""Writes what is made from the grammar: ``python -m manual``, in the directory of the checkout."""

from pathlib import Path

from manual.compatibility import document

DOCS = Path(__file__).resolve().parent.parent / "docs"

if __name__ == "__main__":
    (DOCS / "compatibility.md").write_text(document())
