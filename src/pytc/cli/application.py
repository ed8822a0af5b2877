"""The click application: shell completion, and pytc's commands as click commands for programs that embed them.

A well-formed command line does not come through here: click's import alone costs as much as three bare interpreters,
and tc's words are parsed by :mod:`pytc.grammar` either way. So :func:`pytc.cli.main.main` is what both call, and
they cannot differ.
"""

import sys

import click

from pytc.cli.main import main
from pytc.grammar.command_line import OBJECTS
from pytc.grammar.usage import usage

_VERBS = {
    "qdisc": ("add", "change", "replace", "link", "delete", "show", "help"),
    "class": ("add", "change", "replace", "delete", "show", "help"),
    "filter": ("add", "change", "replace", "delete", "get", "show", "help"),
    "chain": ("add", "delete", "get", "show", "help"),
    "actions": ("add", "change", "replace", "delete", "get", "list", "flush", "help"),
    "monitor": ("file", "help"),
    "exec": ("bpf", "help"),
    "object": ("show", "lint", "convert", "help"),
    "cbpf": ("compile", "asm", "disasm", "run", "to-ebpf", "help"),
    "map": ("show", "get", "set", "update-many", "delete", "dump", "load", "next", "watch", "pin", "unpin", "push",
            "pop", "peek", "events", "help"),
    "tcx": ("attach", "replace", "detach", "show", "help"),
    "cgroup": ("attach", "detach", "show", "tree", "help"),
    "link": ("show", "detach", "pin", "unpin", "update", "help"),
    "hooks": ("show", "help"),
    "prog": ("show", "run", "dump", "stats", "pin", "unpin", "help"),
}
_RAW = {"ignore_unknown_options": True, "help_option_names": []}


def complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Words that may come next in a command."""
    given = list(context.params.get("words") or ())
    return [word for word in following(context.info_name or "", given) if word.startswith(incomplete)]


def following(object_name: str, given: list[str]) -> list[str]:
    """Words that may come next."""
    if not given:
        return list(_VERBS[object_name])
    if given[-1] == "dev":
        return _devices()
    if object_name == "object":
        return _object_words(given)
    if object_name == "cbpf":
        from pytc.grammar.cbpf import words_of

        return [*(word for word in words_of(given[0]) if word not in given), "help"]
    if object_name == "map":
        return _map_words(given)
    if object_name in ("tcx", "cgroup", "link", "hooks"):
        return _attach_words(object_name, given)
    if object_name == "actions":
        return _action_words(given)
    if object_name == "monitor":
        return []
    if object_name == "prog":
        from pytc.grammar.prog import words_of as of_programs

        return [*of_programs(given[0], given), "help"]
    if object_name == "exec":
        return _exec_words(given)
    from importlib import import_module

    module = import_module(f"pytc.grammar.{OBJECTS[object_name]}")
    words = [row.name for row in module.SELECTORS if row.name not in given]
    if object_name in ("filter", "chain") and (of_kind := _filter_words(given)):
        words = of_kind
    else:
        words += _kinds(object_name)
    return [*dict.fromkeys(words), "help"]


def _object_words(given: list[str]) -> list[str]:
    from pytc.grammar.objects import SELECTORS

    if given[-1] == "type":
        from pytc.bpf.constants import ProgramType

        return [known.name.lower() for known in ProgramType if known]
    words = [row.name for row in SELECTORS if row.name not in given]
    return [*(words if given[0] == "lint" and len(given) > 1 else ()), "help"]


def _action_words(given: list[str]) -> list[str]:
    from pytc.kinds import actions
    from pytc.kinds.action_parts import CONTROL_WORDS

    if given[-1] != "action":
        return ["action", "index", "help"]
    return [*actions.names(), *(CONTROL_WORDS if given[0] in ("add", "change", "replace") else ())]


def _attach_words(object_name: str, given: list[str]) -> list[str]:
    if object_name == "link":
        return ["object-file", "object-pinned"] if given[0] == "update" and len(given) > 1 else ["id", "pinned", "help"]
    if object_name == "hooks":
        return ["dev", "help"]
    from importlib import import_module

    rows = import_module(f"pytc.grammar.{OBJECTS[object_name]}").SELECTORS.get(given[0], ())
    programs = ["object-file", "object-pinned"] if given[0] in ("attach", "replace") else []
    return [*dict.fromkeys(row.name for row in rows if row.name not in given), *programs, "help"]


def _map_words(given: list[str]) -> list[str]:
    from pytc.grammar.maps import SELECTORS

    words = [row.name for row in SELECTORS.get(given[0], ())]
    return [*(word for word in words if word in ("key", "value") or word not in given), "help"]


def _exec_words(given: list[str]) -> list[str]:
    from pytc.grammar.exec import SELECTORS, VERBS

    if given == ["bpf"]:
        return [verb for verb in VERBS if verb != "run"]
    if given[1:2] == ["import"]:
        return [row.name for row in SELECTORS if row.name not in given]
    if given[1:2] == ["agent"]:
        return ["list", "drop", "mode", "user"] if len(given) == 3 else []
    return ["key", "object-file", "object-pinned"] if given[1:2] == ["graft"] and len(given) > 2 else ["help"]


def _filter_words(given: list[str]) -> list[str]:
    """The words of the kind of filter that was named; none before."""
    from pytc.kinds import filters

    kind = next((filters.find(word) for word in given if word in filters.names()), None)
    return list(kind.words) if kind is not None else []


def _kinds(object_name: str) -> list[str]:
    from pytc.kinds import filters, qdiscs

    if object_name == "class":
        return qdiscs.classful_names()
    return filters.names() if object_name in ("filter", "chain") else qdiscs.names()


def _devices() -> list[str]:
    import socket

    return [name for _, name in socket.if_nameindex()]


@click.group(context_settings=_RAW, add_help_option=False, invoke_without_command=True)
@click.option("-s", "statistics", is_flag=True, help="Show statistics.")
@click.option("-d", "details", is_flag=True, help="Show details.")
@click.option("-j", "json", is_flag=True, help="Print JSON.")
@click.option("-p", "pretty", is_flag=True, help="Lay JSON out for people.")
@click.option("-g", "graph", is_flag=True, help="Draw classes as a tree.")
@click.option("-n", "netns", metavar="NAME", help="Work in this network namespace.")
@click.pass_context
def application(context: click.Context, /, netns: str | None, **flags: bool) -> None:
    """A tc(8) for BPF."""
    words = [f"-{name[0]}" for name, given in flags.items() if given]
    context.obj = [*words, "-n", netns] if netns else words
    if context.invoked_subcommand is None:
        click.echo(usage(""), nl=False)


def _command(name: str) -> click.Command:
    @click.pass_context
    def run(context: click.Context, words: tuple[str, ...]) -> None:
        sys.exit(main([*context.obj, name, *words]))

    return click.Command(name, callback=run, params=[click.Argument(["words"], nargs=-1, shell_complete=complete)],
                         help=usage(name), context_settings=_RAW, add_help_option=False)


for _name in OBJECTS:
    application.add_command(_command(_name))

__all__ = ["application", "following"]
