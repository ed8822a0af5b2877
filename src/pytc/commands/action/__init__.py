"""``pytc action``: actions of their own, by kind and index."""

from __future__ import annotations

from pytc.commands.shared.verbs import CommandObject, parse_verb
from pytc.errors import InvalidOptionsError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.command import Command
    from pytc.words.engine import Cursor

#: Words and the modules of their verbs; the order decides abbreviations.
VERBS = {
    "add": "add",
    "change": "add",
    "replace": "add",
    "delete": "delete",
    "get": "get",
    "list": "show",
    "show": "show",
    "lst": "show",
    "flush": "flush",
}

HELP = """\
Usage: pytc action { add | change | replace } [ action ACTION ] ...
       pytc action { get | delete } [ action KIND index INDEX ] ...
       pytc action { list | show | lst } action KIND [ since MILLISECONDS ]
       pytc action flush action KIND

ACTION := { KIND OPTIONS | CONTROL } [ index INDEX ] [ cookie HEX ] [ hw_stats { immediate | delayed | disabled } ]
          [ no_percpu ] [ skip_sw ] [ skip_hw ]
KIND := { @KINDS@ }
CONTROL := pass | ok | drop | shot | pipe | continue | reclassify | stolen | trap | jump COUNT | goto chain INDEX

An action stands for itself, and can be used by its index in any number of filters: "... action bpf index 7".
add refuses an index that exists; change and replace do not. Without index, the kernel chooses one.
since shows what was used in that time. "pytc action add action bpf help" explains the options of a kind.
"""


def parse(cursor: Cursor) -> Command:
    """Return what the words after ``action`` ask for; raises UsageError, HelpRequested."""
    if cursor.done:
        from pytc.commands.action.add import ModifyActions

        return ModifyActions("add", ())  # an empty request, which tc accepts too
    try:
        return parse_verb(__name__, VERBS, cursor, topic="actions", exact_help=True)
    except InvalidOptionsError as error:
        raise UsageError(str(error), hints=error.hints) from None  # tc exits with 255 here


def kinds() -> list[str]:
    """Return the kinds that pytc knows."""
    from pytc.tc.kinds import actions

    return actions.names()


def help_topic(name: str) -> str:
    """Return the help text of a kind, empty for none."""
    from pytc.tc.kinds import actions

    kind = actions.find(name)
    return kind.usage() if kind is not None else ""


def help_topics() -> list[str]:
    """Return the topics that :func:`help_topic` knows, with the object's word."""
    return [f"action {name}" for name in kinds()]


OBJECT = CommandObject("actions", VERBS, HELP, parse, kinds, help_topic, help_topics)
