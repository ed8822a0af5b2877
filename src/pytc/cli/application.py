"""The click application: pytc's commands as click commands, for programs that embed them.

The command line itself does not come through here: click's import alone costs as much as three bare interpreters, and
tc's words are parsed by :mod:`pytc.commands` either way. So :func:`pytc.cli.main.main` is what both call, and they
cannot differ; nor can what they complete.
"""

import sys

import click

from pytc.cli.completion import complete
from pytc.cli.main import main
from pytc.cli.usage import usage
from pytc.commands.dispatch import OBJECTS

_RAW = {"ignore_unknown_options": True, "help_option_names": []}


def _complete(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the words that may come next in a command."""
    name, words = context.info_name or "", context.params.get("words") or ()
    return complete([*(context.obj or ()), name, *words], incomplete).words


@click.group(context_settings=_RAW, add_help_option=False, invoke_without_command=True)
@click.option("-s", "statistics", is_flag=True, help="Show statistics.")
@click.option("-d", "details", is_flag=True, help="Show details.")
@click.option("-j", "json", is_flag=True, help="Print JSON.")
@click.option("-p", "pretty", is_flag=True, help="Indent JSON.")
@click.option("-g", "graph", is_flag=True, help="Draw classes as a tree.")
@click.option("-n", "netns", metavar="NAME", help="Work in this network namespace.")
@click.pass_context
def application(context: click.Context, /, netns: str | None, **flags: bool) -> None:
    """Run pytc, a tc(8) for BPF."""
    words = [f"-{name[0]}" for name, is_set in flags.items() if is_set]
    context.obj = [*words, "-n", netns] if netns else words
    if context.invoked_subcommand is None:
        click.echo(usage(""), nl=False)


def _command(name: str) -> click.Command:
    @click.pass_context
    def run(context: click.Context, words: tuple[str, ...]) -> None:
        sys.exit(main([*context.obj, name, *words]))

    return click.Command(
        name,
        callback=run,
        params=[click.Argument(["words"], nargs=-1, shell_complete=_complete)],
        help=usage(name),
        context_settings=_RAW,
        add_help_option=False,
    )


for _name in OBJECTS:
    application.add_command(_command(_name))

__all__ = ["application"]
