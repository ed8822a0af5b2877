"""Words of changes of classes, and their requests."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, NetlinkError, UsageError
from pytc.handles import ROOT, UNSPEC, parse_classid
from pytc.netlink import constants as c
from pytc.tc.classes.documents import class_event
from pytc.tc.classes.requests import class_hint, class_message
from pytc.tc.hints import general_hint
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared import estimator
from pytc.tc.qdiscs.env import qdisc_env
from pytc.typing import cast
from pytc.words.engine import Word, fill

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.tc.classes.requests import AnyClassChange, ClassChange, Verb
    from pytc.words.engine import Cursor

SELECTORS = (
    Word("dev", "device", str, exact=True),
    Word("classid", "classid", parse_classid, exact=True, wrong="invalid class ID"),
    Word("handle", "handle", exact=True, repeat=True),
    Word("root", "parent", value=ROOT, exact=True, twice='Error: "{}" is duplicate parent ID.'),
    Word("parent", "parent", parse_classid, exact=True, wrong="invalid parent ID"),
    Word("estimator", "estimator", read=estimator.read),
)


def take_change(cursor: Cursor, make: type[AnyClassChange]) -> AnyClassChange:
    """Return the change that the words behind the verb name; raises UsageError, InvalidOptionsError, HelpRequested."""
    fields = fill(cursor, SELECTORS, {}, topic="class")
    if "handle" in fields:
        raise UsageError('Error: try "classid" instead of "handle"')
    kind, options = _kind(cursor) if not cursor.done else ("", None)
    return make(
        cast("Verb", cursor.verb),
        fields.get("device", ""),
        fields.get("parent", UNSPEC),
        fields.get("classid", UNSPEC),
        kind,
        options,
        fields.get("estimator", b""),
    )


def _kind(cursor: Cursor) -> tuple[str, object]:
    """Return (name, options) of the kind."""
    name = cursor.take()
    kind = kinds.find(name)
    if kind is not None and kind.parse_class is not None:
        return name, kind.parse_class(cursor)
    hints = () if kind is not None else (f"pytc knows the classes of {', '.join(kinds.classful_names())}",)
    raise InvalidOptionsError(f'Error: Qdisc "{name}" is classless.', hints=hints)


def carry_out(context: Context, change: ClassChange) -> list[Document] | None:
    """Send the request; with -echo, return what the kernel did. Raises NetlinkError."""
    env = qdisc_env(change.device, context.device_index, context.environment.get("TC_LIB_DIR", ""))
    message = class_message(change, env)._replace(ifindex=context.device_index(change.device))
    echo = context.display.echo
    try:
        answers = context.session.request(message._replace(flags=message.flags | c.ECHO * echo))
    except NetlinkError as error:
        from pytc.tc.constraints import broken_rule

        hint = general_hint(error, change.device) or class_hint(error, change) or broken_rule(error, message)
        if hint:
            error.with_hints(hint)
        raise
    return [class_event(answer, context.display) for answer in answers] if echo else None
