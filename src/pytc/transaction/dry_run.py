"""``--dry-run`` of a command: its steps, and none of them done."""

from collections.abc import Callable

from pytc.commands.shared.command import Command
from pytc.commands.shared.context import Context
from pytc.errors import UsageError
from pytc.render.documents import Document, Field
from pytc.transaction.plan import Plan


def plan_command(
    plan: Plan, context: Context, command: Command, run: "Callable[[Context, Command], object]"
) -> list[Document]:
    """Return the steps of a command; one that only asks has none, and its words are all that is checked.

    ``run`` carries out the command, with a session and an attacher that note what they are asked to change.
    Raises PytcError as the command would.
    """
    plan.reset()
    if command.effect == "asks":
        return [[Field("step", "none", "nothing is changed\n")]]
    if command.effect not in ("attaches", "requests"):
        raise UsageError(
            'Option "-dry-run" is for qdisc, class, filter, chain, action, tcx and cgroup, and '
            "for commands that only show"
        )
    run(context, command)
    return plan.steps()
