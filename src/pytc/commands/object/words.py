"""``object``: what an object file holds, what is wrong with it, its maps as BTF maps."""

import re

from pytc.bpf.sys.program_types import program_type
from pytc.commands.shared.command import Command, Help
from pytc.commands.values import ConvertObject, LintObject, ShowObject
from pytc.errors import HelpRequested
from pytc.words.engine import Cursor, Word, fill, no_more, take_verb

#: Words and their meanings; the order decides abbreviations.
VERBS = {"show": "show", "lint": "lint", "convert": "convert", "help": "help"}
_VERSION = re.compile(r"v?(\d{1,3}\.\d{1,4})(?:[.+-].*)?\Z", re.ASCII)


def kernel_version(word: str) -> str:
    """Converter for a version like ``5.4``, ``v5.4`` or that of uname(2): its first two numbers."""
    match = _VERSION.match(word)
    if match is None:
        raise ValueError(word)
    return match.group(1)


#: Of lint.
SELECTORS = (
    Word("for", "kernel", kernel_version, wrong="invalid kernel version"),
    Word("type", "type", program_type, wrong="invalid program type"),
)


def parse(words: list[str]) -> Command:
    """The words after ``object``; raises UsageError, HelpRequested."""
    cursor = Cursor(words)
    if cursor.done:
        return Help("object")
    verb = take_verb(cursor, VERBS, "object")
    if verb == "help":
        return Help("object")
    topic = f"object {verb}"
    path = cursor.take()
    if path == "help":
        raise HelpRequested(topic)
    found = fill(cursor, SELECTORS if verb == "lint" else (), {}, topic=topic)
    no_more(cursor, topic)
    if verb == "lint":
        return LintObject(path, **found)
    return ShowObject(path) if verb == "show" else ConvertObject(path)
