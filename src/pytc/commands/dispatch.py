"""From the words of a line to its command, from a command to its run, from a topic to its help text."""

import sys
from collections.abc import Callable, Sequence
from errno import EPERM
from functools import cache, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from pytc.commands.shared.command import Command, Help
from pytc.commands.shared.verbs import verb_module
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

#: More names than fit into a line of help.
_MANY = 10

_HOMES = {
    "ShowObject": ("object.objects", "show_object"),
    "LintObject": ("object.objects", "lint_object"),
    "ConvertObject": ("object.objects", "convert_object"),
    "CompileExpression": ("cbpf.cbpf", "compile_program"),
    "AssembleProgram": ("cbpf.cbpf", "assemble_program"),
    "DisassembleProgram": ("cbpf.cbpf", "disassemble_program"),
    "RunProgram": ("cbpf.cbpf", "run_program"),
    "TranslateProgram": ("cbpf.cbpf", "translate_program"),
    "ShowMaps": ("map.show", "show_maps"),
    "GetElement": ("map.elements", "get_element"),
    "SetElement": ("map.elements", "set_element"),
    "UpdateElements": ("map.load", "update_elements"),
    "DeleteElements": ("map.elements", "delete_elements"),
    "DumpMap": ("map.dump", "dump_map"),
    "LoadMap": ("map.load", "load_map"),
    "NextKey": ("map.elements", "next_key"),
    "WatchMap": ("map.watch", "watch_map"),
    "PinMap": ("map.pins", "pin_map"),
    "UnpinMap": ("map.pins", "unpin_map"),
    "PushValues": ("map.elements", "push_values"),
    "TakeValues": ("map.elements", "take_values"),
    "ReadEvents": ("map.events", "read_events"),
    "AttachTcx": ("tcx.attach", "attach_tcx"),
    "ReplaceTcx": ("tcx.attach", "replace_tcx"),
    "DetachTcx": ("tcx.attach", "detach_tcx"),
    "ShowTcx": ("tcx.show", "show_tcx"),
    "ShowHooks": ("hooks.show", "show_hooks"),
    "AttachCgroup": ("cgroup.attach", "attach_cgroup"),
    "DetachCgroup": ("cgroup.attach", "detach_cgroup"),
    "ShowCgroup": ("cgroup.show", "show_cgroup"),
    "ShowCgroupTree": ("cgroup.show", "show_cgroup_tree"),
    "RunOnPackets": ("prog.run", "run_on_packets"),
    "ShowPrograms": ("prog.show", "show_programs"),
    "DumpProgram": ("prog.dump", "dump_program"),
    "ProgramStatistics": ("prog.stats", "program_statistics"),
    "PinProgram": ("prog.pins", "pin_program"),
    "UnpinProgram": ("prog.pins", "unpin_program"),
    "ImportMaps": ("exec.import_", "import_maps"),
    "FetchMaps": ("exec.import_", "fetch_maps"),
    "ServeMaps": ("exec.agent", "serve_maps"),
    "ListKept": ("exec.agent", "list_kept"),
    "DropKept": ("exec.agent", "drop_kept"),
    "ReadTrace": ("exec.debug", "read_trace"),
    "GraftProgram": ("exec.graft", "graft_program"),
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
    """Return the help text of an object, or of one of its verbs or kinds (``link pin``, ``filter u32``).

    That of the object where there is none of its own, and an empty text where the object has none.
    """
    name, _, rest = topic.partition(" ")
    package = import_module(f"pytc.commands.{OBJECTS[object_name(name)]}")
    if rest in getattr(package, "VERBS", {}).values():
        text = verb_module(package.__name__, rest).HELP
    else:
        text = (package.help_topic(rest) if rest and hasattr(package, "help_topic") else "") or getattr(
            package, "HELP", ""
        )
    return text.replace("@KINDS@", _in_lines(package.kinds())) if "@KINDS@" in text else text


def _in_lines(names: Sequence[str]) -> str:
    """Return names for help, in one line or two."""
    half = (len(names) + 1) // 2 if len(names) > _MANY else len(names)
    return " |\n          ".join(" | ".join(part) for part in (names[:half], names[half:]) if part)


def object_topics() -> "list[str]":
    """Return the topics of all objects, their verbs and their kinds."""
    topics = []
    for name, folder in OBJECTS.items():
        if object_help(name):
            package = import_module(f"pytc.commands.{folder}")
            topics += [name, *(f"{name} {verb}" for verb in dict.fromkeys(package.VERBS.values()))]
            topics += package.help_topics() if hasattr(package, "help_topics") else []
    return topics


def run(context: "Context", command: Command) -> "Outcome":
    """Carry out a command; returns what there is to show. Raises PytcError."""
    try:
        return operation(command)(context, command)
    except BpfError as error:
        if error.errno == EPERM and not error.hints:
            from pytc.bpf.loader.explain import permission_causes

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
