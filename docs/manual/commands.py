"""docs/commands.md: the help of all commands, as ``pytc help`` prints it."""

from collections.abc import Iterator

from pytc.cli.help_page import render
from pytc.cli.usage import topics

_HEAD = """\
# All commands

Made by `make docs` from the help texts. `pytc help TOPIC` prints the same, and so do manual pages like pytc-map(8).

"""


def document() -> str:
    """Return the whole page."""
    return _HEAD + "\n".join(_sections())


def _sections() -> Iterator[str]:
    last = ""
    for topic in topics():
        object = topic.partition(" ")[0].removesuffix("s") if topic != "class" else topic
        if object != last and topic not in ("", "options"):
            yield f"## {object}\n"
            last = object
        yield f"### {f'pytc {topic}'.rstrip() if topic != 'options' else 'Options'}\n"
        yield f"```text\n{render(topic).rstrip()}\n```\n"
