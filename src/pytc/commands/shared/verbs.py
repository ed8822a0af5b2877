"""Objects of the command line and their verbs: what their packages and modules define, and how to find a verb's."""

from __future__ import annotations

from pytc.commands.shared.command import Help
from pytc.cpython import import_module, lru_cache
from pytc.errors import HelpRequested
from pytc.typing import Protocol, cast
from pytc.value import Value
from pytc.words.engine import matches, take_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pytc.commands.shared.command import Command, Outcome
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor


class CommandObject(Value):
    """An object of the command line, which its package defines as ``OBJECT``.

    ``topic`` is what help calls it, with all words before a verb (``exec bpf``). ``verbs`` maps words to modules of the
    package, in the order in which abbreviations are tried. ``parse`` takes the words after the object. ``kinds`` stand
    in ``help`` for ``@KINDS@``; ``topic_help`` returns the help text of a kind or another topic besides the verbs,
    empty for none, and ``topics`` lists those that it knows, with the object's word.
    """

    topic: str
    verbs: Mapping[str, str]
    help: str
    parse: Callable[[Cursor], Command]
    kinds: Callable[[], Sequence[str]] = tuple
    topic_help: Callable[[str], str] | None = None
    topics: Callable[[], Sequence[str]] = tuple


class Verb(Protocol):
    """The module of a verb, which also defines the class of its command."""

    HELP: str

    def parse(self, cursor: Cursor) -> Command:
        """Return what the words after the verb ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
        ...

    def run(self, context: Context, command: Any) -> Outcome:
        """Carry out a command that :meth:`parse` returned; raises PytcError."""
        ...


@lru_cache(maxsize=256)  # a batch asks for the same few thousands of times
def verb_module(package: str, name: str) -> Verb:
    """Return the module ``package.name``."""
    return cast("Verb", import_module(f"{package}.{name}"))


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
