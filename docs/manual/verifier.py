"""docs/verifier.md: the kinds of mistakes that the verifier refuses, with examples that the tests compile and load."""

from collections.abc import Iterator

from pytc.bpf.verifier.categories import CATEGORIES
from pytc.bpf.verifier.messages import rows
from pytc.bpf.verifier.pages import Page, page

_HEAD = """\
<!-- Made by "make docs" from the table of pytc.bpf.verifier and its examples. -->
# Errors of the verifier

When the kernel refuses a program, pytc says in a sentence what is wrong, where, how the program came there, and what to
write; with `-j`, the error has the members `category`, `title`, `reason`, `at`, `path` and `suggestion`, and Python's
`pytc.VerifierError` has attributes of these names. The verifier's log is there, too: `verbose` behind the object file
prints it, JSON and Python have it as `log`. From Linux 7.3 on, the log has an explanation of its own, which is used.

`pytc prog explain LOG` explains a log from a file, or from standard input with `-`, whoever loaded the program; with
`obj FILE`, in terms of its source. `pytc help verifier CATEGORY` prints a section of this page.

{count} messages of Linux 5.10 to 7.2, by patterns, are sorted into the {kinds} kinds below; one that is not known is
shown as it is, with the end of the log, and has the category `other`. Reports are those of Linux 6.18 about objects
that clang 14 compiled.

"""


def document() -> str:
    """Return the whole page."""
    pages = [page(category) for category in CATEGORIES.values()]
    head = _HEAD.format(count=len(rows()), kinds=len(pages))
    index = "".join(f"- [{one.name}](#{one.name}): {one.title}\n" for one in pages)
    return head + index + "".join("\n" + "\n".join(_section(one)) + "\n" for one in pages)


def _section(one: Page) -> Iterator[str]:
    yield f"## {one.name}"
    yield ""
    yield f"{_sentence(one.title)} {_sentence(one.reason)}"
    yield ""
    yield f"What to write: {one.suggestion}"
    if one.example is None:
        return
    yield ""
    yield f"```c\n{one.example.declarations}{one.example.wrong}```"
    if one.example.report:
        yield ""
        yield f"```text\n{one.example.report}```"
    yield ""
    yield "Put right:"
    yield ""
    yield f"```c\n{one.example.right}```"


def _sentence(text: str) -> str:
    first = text[:1] if text.startswith(("bpf_", "`")) else text[:1].upper()
    return f"{first}{text[1:]}."
