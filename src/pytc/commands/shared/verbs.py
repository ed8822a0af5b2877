"""From the word of a verb to the module that parses and runs it."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, cast

from pytc.commands.shared.command import Command, Help
from pytc.errors import HelpRequested
from pytc.words.engine import Cursor, take_verb


class Verb(Protocol):
    """The module of a verb, which has ``run(context, command)`` too."""

    HELP: str

    def parse(self, cursor: Cursor) -> Command: ...

    def run(self, context: Any, command: Any) -> Any: ...


@lru_cache(maxsize=256)  # a batch asks for the same few thousands of times
def verb_module(package: str, name: str) -> Verb:
    """Return the module ``package.name``."""
    return cast(Verb, import_module(f"{package}.{name}"))


def parse_verb(package: str, verbs: Mapping[str, str], cursor: Cursor, topic: str = "") -> Command:
    """Return what the words after an object ask for.

    ``verbs`` maps words to modules of ``package``, in the order in which abbreviations are tried; without words, the
    verb is ``show``. ``topic`` names the object in messages where that is not the package's name. Raises UsageError,
    InvalidOptionsError, and HelpRequested for ``help`` behind a verb.
    """
    topic = topic or package.rpartition(".")[2].rstrip("_")
    is_alone = cursor.done
    verb = take_verb(cursor, {**verbs, "help": "help"}, topic)
    if verb == "help":
        return Help(topic)
    if not is_alone and cursor.peek() == "help":  # whole: "h" may be short for another word
        raise HelpRequested(f"{topic} {verb}")
    return verb_module(package, verb).parse(cursor)
