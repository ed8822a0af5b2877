"""``chain``: lists of filters, with the selectors of ``filter``."""

from pytc.commands.filter.words import SELECTORS, modification, one, selected
from pytc.commands.shared.command import Command, Help
from pytc.commands.values import GetChain, ModifyChain, ShowChains
from pytc.words.engine import Cursor, take_verb

#: Words and their meanings; the order decides abbreviations.
VERBS = {
    "add": "add",
    "delete": "delete",
    "get": "get",
    "list": "show",
    "show": "show",
    "lst": "show",
    "ls": "show",
    "help": "help",
}
__all__ = ["SELECTORS", "VERBS", "parse"]


def parse(words: list[str]) -> Command:
    """The words after ``chain``; raises UsageError, InvalidOptionsError, HelpRequested."""
    cursor = Cursor(words)
    verb = take_verb(cursor, VERBS, "chain")
    if verb == "help":
        return Help("chain")
    if verb == "show":
        return ShowChains(selected(cursor, "chain"))
    return GetChain(one(cursor, "chain")) if verb == "get" else ModifyChain(verb, modification(cursor, verb, "chain"))
