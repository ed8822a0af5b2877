"""Tables of objects: find the parser of a line, run its command, and look up help texts."""

from __future__ import annotations

import sys
from errno import EACCES, EPERM

from pytc.commands.shared.command import Help
from pytc.commands.shared.verbs import verb_module, verb_word
from pytc.cpython import import_module, lru_cache
from pytc.errors import BpfError, BpfSyscallError, HelpRequested, PytcError, UsageError
from pytc.typing import cast
from pytc.words.engine import Cursor, matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pytc.commands.shared.command import Command, Outcome
    from pytc.commands.shared.context import Context
    from pytc.commands.shared.verbs import CommandObject, Verb

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
    "netns": "netns",
    "link": "link",
    "hooks": "hooks",
    "prog": "prog",
    "pins": "pins",
    "apply": "apply",
    "export-state": "export_state",
    "metrics": "metrics",
    "completion": "completion",
}
#: Objects that tc does not have: an abbreviation means one of tc's where it can.
OWN = (
    "object",
    "cbpf",
    "map",
    "tcx",
    "cgroup",
    "netns",
    "link",
    "hooks",
    "prog",
    "pins",
    "apply",
    "export-state",
    "metrics",
    "completion",
)
_ORDER = (*(name for name in OBJECTS if name not in OWN), *OWN)

#: What help explains besides objects.
TOPICS = ("options", "verifier")
#: Columns for names of kinds in help.
_WIDTH = 100


def object_name(word: str) -> str:
    """Return the object that a word means, empty for none."""
    return next((name for name in _ORDER if matches(word, name)), "")


def parse_words(words: Sequence[str]) -> Command:
    """Return what the words after the options ask for; raises UsageError, InvalidOptionsError, HelpRequested."""
    if not words or matches(words[0], "help"):
        return Help(help_topic(words[1:]))
    return _parser(words[0])(list(words[1:]))


def help_topic(words: Sequence[str]) -> str:
    """Return the topic of the words of a line, in full or from its beginning; empty without any.

    The parsers say so: it is what they take ``help`` for behind the words, or behind the first of them. Kinds and other
    topics can be named without the verb (``filter bpf``). Raises UsageError for what is no object.
    """
    if not words:
        return ""
    if words[0] in TOPICS:
        return " ".join(words[:2])
    _parser(words[0])
    object_ = command_object(object_name(words[0]))
    rest = " ".join(words[1:])
    for topic in object_.topics() if rest else ():
        if topic.partition(" ")[2] == rest:
            return topic
    for count in range(len(words), 1, -1):
        try:
            command = parse_words([*words[:count], "help"])
        except HelpRequested as request:
            return request.topic
        except PytcError:
            continue
        if isinstance(command, Help):
            return command.topic
    return object_.topic


def is_own(command: Command) -> bool:
    """Report whether a command is of an object that tc does not have."""
    return type(command).__module__.split(".")[2] in OWN


def command_object(name: str) -> CommandObject:
    """Return an object by its name in :data:`OBJECTS`, which imports its package."""
    return cast("CommandObject", import_module(f"pytc.commands.{OBJECTS[name]}").OBJECT)


@lru_cache(maxsize=64)  # a batch asks for the same few thousands of times
def _parser(word: str) -> Callable[[list[str]], Command]:
    """Return what parses the words after an object; raises UsageError for a word that means none."""
    name = object_name(word)
    if not name:
        raise UsageError(f'Object "{word}" is unknown, try "pytc help".')
    parse = command_object(name).parse
    return lambda words: parse(Cursor(words))


def object_help(topic: str) -> str:
    """Return the help text of an object, or of one of its verbs or kinds (``link pin``, ``filter u32``).

    A topic that has no text of its own has the object's.
    """
    name = object_name(topic.partition(" ")[0])
    object_ = command_object(name)
    rest = topic.removeprefix(object_.topic).strip() if topic.startswith(object_.topic) else topic.partition(" ")[2]
    modules = {verb_word(module): module for module in object_.verbs.values()}
    text = ""
    if rest in modules:
        text = verb_module(f"pytc.commands.{OBJECTS[name]}", modules[rest]).HELP
    elif rest and object_.topic_help is not None:
        text = object_.topic_help(rest)
    text = text or object_.help
    return text.replace("@KINDS@", _in_lines(object_.kinds())) if "@KINDS@" in text else text


def _in_lines(names: Sequence[str]) -> str:
    """Return names for help, in lines of a terminal's width."""
    lines = [""]
    for name in names:
        if len(lines[-1]) + len(name) > _WIDTH:
            lines.append("")
        lines[-1] += f"{name} | "
    return "\n          ".join(line.rstrip() for line in lines).removesuffix(" |")


def object_topics() -> list[str]:
    """Return the topics of all objects, their verbs and their kinds."""
    topics = []
    for name in OBJECTS:
        object_ = command_object(name)
        topics += [
            object_.topic,
            *(f"{object_.topic} {verb_word(verb)}" for verb in dict.fromkeys(object_.verbs.values())),
        ]
        topics += object_.topics()
    return topics


def run(context: Context, command: Command) -> Outcome:
    """Carry out a command; returns what there is to show. Raises PytcError."""
    try:
        # A command is defined beside what carries it out.
        return cast("Verb", sys.modules[type(command).__module__]).run(context, command)
    except BpfError as error:
        refused = _refused_command(error)
        if refused and not error.hints:
            from pytc.bpf.kernel.permissions import permission_causes

            error.with_hints(*permission_causes(refused))
        raise


def _refused_command(error: BpfError) -> str:
    """Return the command of bpf(2) that a missing permission made fail; empty for any other error."""
    refused = error if isinstance(error, BpfSyscallError) else error.__cause__
    # perf_event_open(2) says EACCES where bpf(2) says EPERM.
    is_denied = error.errno == EPERM or (error.errno == EACCES and _is_perf_event(refused))
    return refused.command if is_denied and isinstance(refused, BpfSyscallError) else ""


def _is_perf_event(error: BaseException | None) -> bool:
    return isinstance(error, BpfSyscallError) and error.command == "perf_event_open"
