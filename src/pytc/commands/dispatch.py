"""From the words of a line to its command, from a command to its run, from a topic to its help text."""

import sys
from collections.abc import Callable, Sequence
from errno import EPERM
from functools import cache, lru_cache
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from pytc.commands.shared.command import Command, Help
from pytc.commands.shared.verbs import verb_module, verb_word
from pytc.errors import BpfError, BpfSyscallError, UsageError
from pytc.words.engine import Cursor, matches

if TYPE_CHECKING:
    from pytc.commands.shared.command import Outcome
    from pytc.commands.shared.context import Context

#: Objects in the order in which help names them, and their packages.
OBJECTS = {
    "qdisc": "qdisc",
    "class": "class_",
    "filter": "filter",
    "chain": "chain",
    "actions": "action",
    "monitor": "monitor",
    "exec": "exec",
    "object": "object",
    "cbpf": "cbpf",
    "map": "map",
    "tcx": "tcx",
    "cgroup": "cgroup",
    "link": "link",
    "hooks": "hooks",
    "prog": "prog",
    "completion": "completion",
}
#: Objects that tc does not have: an abbreviation means one of tc's where it can.
OWN = ("object", "cbpf", "map", "tcx", "cgroup", "link", "hooks", "prog", "completion")
_ORDER = (*(name for name in OBJECTS if name not in OWN), *OWN)

_HOMES = {
    "ModifyFilter": ("filter.modify", "modify_filter"),
    "GetFilter": ("filter.show", "get_filter"),
    "ShowFilters": ("filter.show", "show_filters"),
    "ModifyChain": ("chain.chains", "modify_chain"),
    "GetChain": ("chain.chains", "get_chain"),
    "ShowChains": ("chain.chains", "show_chains"),
    "ModifyQdisc": ("qdisc.qdiscs", "modify_qdisc"),
    "ShowQdiscs": ("qdisc.qdiscs", "show_qdiscs"),
    "ModifyClass": ("class_.classes", "modify_class"),
    "ModifyActions": ("action.actions", "modify_actions"),
    "NamedActions": ("action.actions", "named_actions"),
    "ActionCommands": ("action.actions", "action_commands"),
    "ShowActions": ("action.actions", "show_actions"),
    "Monitor": ("monitor.monitor", "monitor"),
    "FlushActions": ("action.actions", "flush_actions"),
    "ShowClasses": ("class_.classes", "show_classes"),
}


def object_name(word: str) -> str:
    """Return the object that a word means, empty for none."""
    return next((known for known in _ORDER if matches(word, known)), "")


def parse_words(words: Sequence[str]) -> Command:
    """Return what the words after the options ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    if not words or matches(words[0], "help"):
        return Help("")
    return _parser(words[0])(list(words[1:]))


@lru_cache(maxsize=64)  # a batch asks for the same few thousands of times
def _parser(word: str) -> Callable[[list[str]], Command]:
    """Return what parses the words after an object; raises UsageError for a word that means none."""
    name = object_name(word)
    if not name:
        raise UsageError(f'Object "{word}" is unknown, try "pytc help".')
    package = import_module(f"pytc.commands.{OBJECTS[name]}")
    if hasattr(package, "parse"):
        parse = cast(Callable[[Cursor], Command], package.parse)
        return lambda words: parse(Cursor(words))
    return cast(Callable[[list[str]], Command], import_module(f"pytc.commands.{OBJECTS[name]}.words").parse)


def object_help(topic: str) -> str:
    """Return the help text of an object, or of one of its verbs (``link pin``); empty where it has none."""
    name = topic.partition(" ")[0]
    package = import_module(f"pytc.commands.{OBJECTS[name]}")
    word = topic.removeprefix(_topic(package, name)).strip()
    for module in getattr(package, "VERBS", {}).values():
        if verb_word(module) == word:
            return verb_module(package.__name__, module).HELP
    return cast(str, getattr(package, "HELP", ""))


def _topic(package: ModuleType, name: str) -> str:
    """Return what precedes the verb: the object's name, or its ``TOPIC`` where it has a second level."""
    return cast(str, getattr(package, "TOPIC", name))


def object_topics() -> "list[str]":
    """Return the topics of all objects and their verbs."""
    topics = []
    for name, module in OBJECTS.items():
        if object_help(name):
            package = import_module(f"pytc.commands.{module}")
            topic = _topic(package, name)
            topics += [topic, *(f"{topic} {verb_word(verb)}" for verb in dict.fromkeys(package.VERBS.values()))]
    return topics


def run(context: "Context", command: Command) -> "Outcome":
    """Carry out a command; returns what there is to show. Raises PytcError."""
    try:
        return operation(command)(context, command)
    except BpfError as error:
        if error.errno == EPERM and not error.hints:
            from pytc.bpf.kernel.permissions import permission_causes

            error.with_hints(*permission_causes(for_ids=_is_about_ids(error)))
        raise


def operation(command: Command) -> "Callable[[Context, Any], Outcome]":
    """Return the function that carries out a command: ``run`` of the module that defines it."""
    module: Any = sys.modules[type(command).__module__]
    if type(command).__name__ not in _HOMES:
        return cast("Callable[[Context, Any], Outcome]", module.run)
    return _operation(type(command).__name__)


@cache
def _operation(command: str) -> "Callable[[Context, Any], Outcome]":
    module, name = _HOMES[command]
    return cast("Callable[[Context, Any], Outcome]", getattr(import_module(f"pytc.commands.{module}"), name))


def _is_about_ids(error: BpfError) -> bool:
    refused = error if isinstance(error, BpfSyscallError) else error.__cause__
    return isinstance(refused, BpfSyscallError) and refused.command.endswith(("_GET_NEXT_ID", "_GET_FD_BY_ID"))
