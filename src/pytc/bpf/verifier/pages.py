"""Pages about the kinds of mistakes: a wrong program, pytc's report about it, and the program put right."""

from __future__ import annotations

import os

from pytc.bpf.verifier.categories import CATEGORIES
from pytc.bpf.verifier.report import describe
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.verifier.categories import Category

_EXAMPLES = os.path.join(os.path.dirname(__file__), "examples")
_WRONG, _RIGHT, _END = "/* wrong */\n", "/* right */\n", "/* end */\n"


class Example(NamedTuple):
    """A pair of programs: what both declare, the wrong one, the right one, and the report about the wrong one."""

    declarations: str
    wrong: str
    right: str
    report: str


class Page(NamedTuple):
    """The page of a category; ``example`` is None for one that no program of the kernel at hand meets."""

    name: str
    title: str
    reason: str
    suggestion: str
    example: Example | None


def page(category: Category) -> Page:
    """Return the page of a category."""
    return Page(category.name, *describe(category), _example(category.name))


def help_text(topic: str) -> str:
    """Return the page of a category as text; the list of all for an empty topic, or one that is none."""
    if topic in CATEGORIES:
        return "\n".join(_text(page(CATEGORIES[topic]))) + "\n"
    width = max(map(len, CATEGORIES))
    rows = [f"  {name.ljust(width)}  {describe(category)[0]}" for name, category in CATEGORIES.items()]
    return "\n".join(
        [
            "Usage: pytc help verifier CATEGORY",
            "",
            "The kinds of mistakes for which the verifier refuses programs:",
            "",
            *rows,
            "",
        ]
    )


def _text(page: Page) -> Iterator[str]:
    yield f"{page.name}: {page.title}"
    yield ""
    yield f"Reason: {page.reason}"
    yield f"Suggestion: {page.suggestion}"
    if page.example is None:
        return
    for title, text in (
        ("Wrong", f"{page.example.declarations}{page.example.wrong}"),
        ("Report", page.example.report),
        ("Right", page.example.right),
    ):
        if text:
            yield ""
            yield f"{title}:"
            yield from (f"  {line}".rstrip().expandtabs(8) for line in text.splitlines())


def _example(name: str) -> Example | None:
    source = _read(f"{name}.c")
    if not source:
        return None
    declarations, _, rest = source.partition(_WRONG)
    wrong, _, rest = rest.partition(_RIGHT)
    right = rest.partition(_END)[0]
    declared = declarations.partition('#include "example.h"\n')[2].strip("\n")
    return Example(f"{declared}\n\n" if declared else "", wrong, right, _read(f"{name}.txt"))


def _read(name: str) -> str:
    try:
        with open(os.path.join(_EXAMPLES, name), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        return ""
