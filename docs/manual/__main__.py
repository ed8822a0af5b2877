"""Writes what is made from the grammar, its help texts and docstrings: ``python -m docs.manual``."""

from pathlib import Path

from docs.manual.commands import document as commands
from docs.manual.compatibility import document
from docs.manual.completions import scripts
from docs.manual.kernels import document as kernels
from docs.manual.library import document as reference
from docs.manual.library import surface
from docs.manual.man_page import pages
from docs.manual.verifier import document as verifier

DOCS = Path(__file__).parents[1]
SURFACE = DOCS.parent / "tests" / "unit" / "api" / "surface.txt"

if __name__ == "__main__":
    (DOCS / "compatibility.md").write_text(document())
    (DOCS / "man").mkdir(exist_ok=True)
    for name, text in pages().items():
        (DOCS / "man" / name).write_text(text)
    (DOCS / "verifier.md").write_text(verifier())
    (DOCS / "python.md").write_text(reference())
    SURFACE.write_text(surface())  # the public names: what changes there, users see
    (DOCS / "commands.md").write_text(commands())
    (DOCS / "completions").mkdir(exist_ok=True)
    for name, script in scripts().items():
        (DOCS / "completions" / name).write_text(script)
    if table := kernels():  # only where tests have run on several kernels
        (DOCS / "kernels.md").write_text(table)
