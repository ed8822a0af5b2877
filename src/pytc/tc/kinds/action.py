"""Kinds of actions as declarations."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.actions.action import ActionOptions
from pytc.tc.kinds.declaration import Wire, encoder, helper, read_values, renderer, word_table
from pytc.tc.kinds.interface import ActionKind
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.action_parts import (
    PIPE,
    Generic,
    closing_fields,
    control_group,
    optional_control,
    optional_index,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from pytc.netlink.schema import Attributes, Type
    from pytc.render.documents import Document, Part
    from pytc.tc.kinds.declaration import Declared
    from pytc.tc.kinds.interface import Encoded, EncodeEnv, RenderEnv, Restoration
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: The members of struct tc_gen, with which the structure in ``PARMS`` begins.
_GENERIC, _GENERIC_MEMBERS = "IIiii", "index capab action refcnt bindcnt"


class DeclaredActionOptions(ActionOptions):
    """The words of an action of a declared kind."""

    values: Mapping[str, Any]
    control: int = PIPE
    number: int = 0


def parameters(format: str = "", members: str = "") -> Layout:
    """Return the layout of a structure that begins with struct tc_gen."""
    return Layout(f"{_GENERIC}{format}", f"{_GENERIC_MEMBERS} {members}")


def action(
    name: str,
    declared: Declared,
    *,
    prefix: str,
    attributes: Sequence[tuple[str, Type | Layout]],
    control: int = PIPE,
    check: Callable[[DeclaredActionOptions, str], None] | None = None,
    needs: tuple[str, ...] = ("PARMS",),
    lacking: str = "parameters",
    heading: Document | None = None,
    index_base: int = 10,
    index_of: str = "",
    bare: bool = False,
    parse: Callable[[Cursor], DeclaredActionOptions] | None = None,
    restoration: Restoration | None = None,
) -> ActionKind[DeclaredActionOptions]:
    """Return a kind of action with the attributes ``PREFIX_NAME`` of these types, numbered from 1.

    Behind the words of the options may stand a control, ``control`` unless one is given, and an index, which has
    ``index_base``; an option for ``index`` allows it among the others. Where the values have an ``action``, that is the
    control, and nothing stands behind. ``check`` raises InvalidOptionsError for options that are not complete; it is
    also given the first word behind the kind, which is empty where a kind that may stand ``bare`` has no words. A kind
    whose words stand in a fixed order has a ``parse`` in place of all that. Without one of the attributes ``needs``,
    nothing is known of an action: tc prints what is ``lacking``. ``heading`` is what is shown before its values,
    where that is not the kind; ``index_of`` is the kind's name in messages about a wrong index.
    """
    wire, table = Wire(prefix, attributes, None), word_table(declared)
    encode_values, show = encoder(declared, wire), renderer(declared)

    def parse_words(cursor: Cursor) -> DeclaredActionOptions:
        first = cursor.peek() or ("" if bare else cursor.take())  # raises UsageError: the line has ended
        values = read_values(cursor, table, declared, f"action {name}", all=False)
        given = values.pop("index", 0)
        if "action" in values:
            options = DeclaredActionOptions(values, values.pop("action"), given)
        else:
            chosen = optional_control(cursor, control)
            number = optional_index(cursor, index_base, index_of or name) or given
            options = DeclaredActionOptions(values, chosen, number)
        if check is not None:
            check(options, first)
        return options

    def encode(options: DeclaredActionOptions, env: EncodeEnv) -> Encoded:
        return encode_values({**options.values, "index": options.number, "action": options.control}, env)

    def document(attributes: Attributes, env: RenderEnv) -> Document:
        if not any(f"{prefix}_{attribute}" in attributes for attribute in needs):
            return (Field("", text=f"[NULL {name} {lacking}]"),)
        return [*head, *show(wire.decode(attributes), env)]

    head = (Field("kind", name, f"{name} "),) if heading is None else heading
    usage = helper(declared, f"action {name}", "[ CONTROL ] [ index INDEX ]")
    return ActionKind(name, wire.schema, parse or parse_words, encode, document, usage, heading, restoration)


def show_control(before: str = " ", after: str = "") -> Callable[[Values, Any], Iterable[Part]]:
    """Return what shows the control, with text before and after it."""
    return lambda values, view: (control_group(values["action"], before=before, after=after),)


def show_closing(before: str = "\t ") -> Callable[[Values, RenderEnv], Iterable[Part]]:
    """Return what shows the lines with which most kinds end: index, references, and with statistics times."""

    def show(values: Values, view: RenderEnv) -> Iterable[Part]:
        generic = Generic(values["index"], values["action"], values["refcnt"], values["bindcnt"])
        return closing_fields(generic, values.get("TM", b""), view.display, before)

    return show
