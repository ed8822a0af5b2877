"""Words of the commands that change qdiscs."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.handles import ROOT, UNSPEC, parse_classid, parse_qdisc_handle
from pytc.tc.kinds import qdiscs as kinds
from pytc.tc.kinds.shared import estimator, size_table
from pytc.tc.qdiscs.selector import QdiscSelector
from pytc.typing import cast
from pytc.words.engine import Word, fill, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.tc.kinds.interface import AnyQdiscKind
    from pytc.tc.qdiscs.requests import AnyQdiscChange, Verb
    from pytc.words.engine import Cursor


def _block(word: str) -> int:
    number: int = unsigned(0xFFFFFFFF)(word)
    if not number:
        raise ValueError(word)
    return number


SELECTORS = (
    Word("dev", "device", str, exact=True),
    Word(
        "handle",
        "handle",
        parse_qdisc_handle,
        exact=True,
        wrong="invalid qdisc ID",
        twice='Error: duplicate "{0}": "{0}" is the second value.',
    ),
    Word("root", "parent", value=ROOT, exact=True),
    Word("clsact", "kind", exact=True, stop=True),
    Word("ingress", "kind", exact=True, stop=True),
    Word("parent", "parent", parse_classid, exact=True, wrong="invalid parent ID"),
    Word("estimator", "estimator", read=estimator.read),
    Word("stab", "stab", read=size_table.read, repeat=True),
    Word("ingress_block", "ingress_block", _block, wrong="invalid ingress block index value", repeat=True),
    Word("egress_block", "egress_block", _block, wrong="invalid egress block index value", repeat=True),
)
_EXTRAS = ("ingress_block", "egress_block", "estimator", "stab")


def take_change(cursor: Cursor, make: type[AnyQdiscChange]) -> AnyQdiscChange:
    """Return the change that the words behind the verb name; raises UsageError, InvalidOptionsError, HelpRequested."""
    verb = cast("Verb", cursor.verb)
    fields = fill(cursor, SELECTORS, {}, topic="qdisc")
    extras = {name: fields.pop(name) for name in _EXTRAS if name in fields}
    if cursor.done:
        return make(verb, QdiscSelector(**fields), **extras)
    name = cursor.take()
    kind = kinds.find(name)
    if kind is not None:
        _set_place(kind, fields)
        return make(verb, QdiscSelector(**fields), name, kind.parse(cursor), **extras)
    if not cursor.done:
        from pytc.words.suggestions import suggestion

        raise InvalidOptionsError(
            f'Unknown qdisc "{name}", hence option "{cursor.peek()}" is unparsable',
            hints=(suggestion(name, kinds.names(), '"pytc qdisc help" lists the kinds'),),
        )
    return make(verb, QdiscSelector(**fields), name, **extras)


def _set_place(kind: AnyQdiscKind, fields: dict[str, Any]) -> None:
    """Set the place of a kind that has one only, whose name is the word for the place, too."""
    if kind.default_parent != UNSPEC:
        if "parent" in fields:
            raise UsageError(f'Error: "{kind.name}" is a duplicate parent ID')
        fields.update(parent=kind.default_parent, handle=kind.default_handle)
