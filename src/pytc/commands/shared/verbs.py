"""Verbs of objects: find the module that parses and runs each."""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any, Protocol, cast

from pytc.commands.shared.command import Command, Help
from pytc.errors import HelpRequested
from pytc.words.engine import Cursor, matches, take_verb


class Verb(Protocol):
    """The module of a verb, which has ``run(context, command)`` too."""

    HELP: str

    def parse(self, cursor: Cursor) -> Command: ...

    def run(self, context: Any, command: Any) -> Any: ...


@lru_cache(maxsize=256)  # a batch asks for the same few thousands of times
def verb_module(package: str, name: str) -> Verb:
    """Return the module ``package.name``."""
    return cast(Verb, import_module(f"{package}.{name}"))


def verb_word(name: str) -> str:
    """Return the word of a verb by the name of its module: ``import`` of ``import_``, ``update-many`` of
    ``update_many``."""
    return name.rstrip("_").replace("_", "-")


def parse_verb(
    package: str, verbs: Mapping[str, str], cursor: Cursor, topic: str = "", *, exact_help: bool = False
) -> Command:
    """Return what the words after an object ask for.

    ``verbs`` maps words to modules of ``package``, in the order in which abbreviations are tried; without words, the
    verb is ``show``. ``topic`` is what help calls the object, its package's name by default. Raises UsageError,
    InvalidOptionsError, and HelpRequested for ``help`` behind a verb, which cannot be abbreviated with ``exact_help``.
    """
    topic = topic or verb_word(package.rpartition(".")[2])
    is_alone = cursor.done
    verb = take_verb(cursor, {**verbs, "help": "help"}, topic)
    if verb == "help":
        return Help(topic)
    if not is_alone and not cursor.done and matches(cursor.peek(), "help", exact=exact_help):
        raise HelpRequested(f"{topic} {verb_word(verb)}")
    return verb_module(package, verb).parse(cursor)
