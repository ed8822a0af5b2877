"""Kinds of filters as declarations."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle, parse_classid
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import (
    U32,
    Form,
    Option,
    Wire,
    encoder,
    helper,
    read_values,
    renderer,
    word_table,
)
from pytc.tc.kinds.interface import (
    FilterKind,
    FilterOptions,
)
from pytc.tc.kinds.shared.filter_parts import all_actions, flag_fields, skip_flags, take_actions, take_police
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pytc.netlink.schema import Attributes, Type
    from pytc.render.documents import Document, Part
    from pytc.tc.actions.action import Action, ActionOptions
    from pytc.tc.kinds.declaration import Declared
    from pytc.tc.kinds.interface import (
        Encoded,
        FilterPlace,
        FilterView,
        OpenedProgram,
        ProgramLookup,
        Restoration,
    )
    from pytc.tc.kinds.layout import Layout, Values
    from pytc.words.engine import Cursor


def _take_device(cursor: Cursor) -> str:
    if not cursor.peek():
        raise InvalidOptionsError("Illegal indev")
    return cursor.take()


_CLASSID = Form(
    "CLASSID",
    parse_classid,
    lambda key, value, display: Field(key, (name := display.class_name(Handle.from_number(value))), f"{key} {name} "),
    pack=lambda handle, env: handle.number,
)
#: Options that many kinds share.
ACTION = Option(
    "action",
    "actions",
    Form("ACTION", read=take_actions),
    'what is done with packets that match ("pytc action help")',
    exact=False,
    many=True,
)
POLICE = Option(
    "police",
    "police",
    Form("POLICE", read=take_police),
    'the same, for what exceeds a rate ("pytc action add police help")',
    exact=False,
)
CLASSID = Option("classid", "CLASSID", _CLASSID, "the class of packets that match", exact=False, key="flowid")
FLOWID = Option("flowid", "CLASSID", _CLASSID, exact=True, wrong="classid")
INDEV = Option(
    "indev",
    "INDEV",
    Form("DEVICE", read=_take_device),
    "only packets that came in through that device",
    exact=True,
)
SKIP_HW = Option("skip_hw", "skip_hw", Form(), "let hardware not do it", exact=True)
SKIP_SW = Option("skip_sw", "skip_sw", Form(), "let nothing but hardware do it", exact=True)


def check_skip_flags(values: Values) -> None:
    """Turn the words for TCA_CLS_FLAGS_SKIP_* into the attribute ``FLAGS``; raises InvalidOptionsError."""
    flags = skip_flags(values)
    if flags:
        values["FLAGS"] = flags


def show_flags(before: str = "\n  ", after: str = "") -> Callable[[Values, FilterView], Sequence[Field]]:
    """Return what shows TCA_CLS_FLAGS_*, each between these texts."""
    return lambda values, view: flag_fields(values.get("FLAGS"), before, after)


def show_actions(values: Values, view: FilterView) -> Sequence[Part]:
    """Return the filter's actions."""
    return view.actions


def show_hex_handle(prefix: str = "0x") -> Callable[[Values, FilterView], Sequence[Field]]:
    """Return what shows the handle in hex, in JSON with this before the digits; nothing without one."""
    return lambda values, view: (
        (Field("handle", f"{prefix}{view.handle:x}", f"handle {view.handle:#x} "),) if view.handle else ()
    )


def show_actions_line(values: Values, view: FilterView) -> Sequence[Part]:
    """Return the filter's actions, an empty line before them."""
    return [Field("", text="\n"), *view.actions] if view.actions else ()


def show_police_line(values: Values, view: FilterView) -> Sequence[Part]:
    """Return what the old attribute for policing says, on a line of its own."""
    return [Field("", text="\n"), *view.police] if view.police else ()


def show_police(values: Values, view: FilterView) -> Sequence[Part]:
    """Return what the old attribute for policing says."""
    return view.police


class DeclaredFilterOptions(FilterOptions):
    """The words of a filter of a declared kind."""

    values: Mapping[str, Any]
    actions: tuple[Action, ...] = ()
    police: ActionOptions | None = None
    follows_from_words: bool = True

    def __hash__(self) -> int:
        return hash((frozenset(self.values.items()), self.actions, self.police))


def numeric_handle(word: str) -> int:
    """Return a handle that is a number of 32 bits; raises InvalidOptionsError."""
    try:
        return int(unsigned(U32)(word))
    except ValueError:
        raise InvalidOptionsError('Illegal "handle"', hints=(f'the value is "{word}"',)) from None


def strict_handle(word: str) -> int:
    """Return a handle that is a number of 32 bits, in some kinds' words; raises InvalidOptionsError."""
    try:
        return int(unsigned(U32)(word))
    except ValueError:
        raise InvalidOptionsError(f'Illegal handle "{word}", must be numeric.') from None


def filter(
    name: str,
    declared: Declared,
    *,
    prefix: str,
    attributes: Sequence[tuple[str, Type | Layout]],
    actions: str = "",
    police: str = "",
    handle: Callable[[str], int] = numeric_handle,
    brief: tuple[str, ...] = (),
    settle: Callable[[DeclaredFilterOptions, str], tuple[DeclaredFilterOptions, str]] | None = None,
    follows_from_words: Callable[[Values], bool] = lambda values: True,
    sends_always: bool = False,
    place: Callable[[DeclaredFilterOptions, FilterPlace], DeclaredFilterOptions] | None = None,
    restoration: Restoration | None = None,
) -> FilterKind[DeclaredFilterOptions, Values]:
    """Return a kind of filter with the attributes ``PREFIX_NAME`` of these types, numbered from 1.

    ``actions`` and ``police`` are the names of the attributes for these, ``brief`` of those that brief output shows;
    ``follows_from_words`` is asked of the values (:class:`~pytc.tc.kinds.interface.FilterOptions`); see
    :class:`~pytc.tc.kinds.interface.FilterKind` for the rest. What shows values is given a
    :class:`~pytc.tc.kinds.interface.FilterView`.
    """
    wire, table = Wire(prefix, attributes, None), word_table(declared)
    encode_values, show = encoder(declared, wire), renderer(declared)

    def parse(cursor: Cursor) -> DeclaredFilterOptions:
        values = read_values(cursor, table, declared, f"filter {name}")
        found = all_actions(values)
        values.pop("actions", None)
        police = values.pop("police", None)
        return DeclaredFilterOptions(values, found, police, follows_from_words(values))

    def encode(options: DeclaredFilterOptions, program: OpenedProgram | None) -> Encoded:
        return encode_values(options.values, None)

    def decode(attributes: Attributes, lookup: ProgramLookup) -> Values:
        return wire.decode(attributes)

    def document(values: Values, view: FilterView) -> Document:
        return show(values, view)

    return FilterKind(
        name,
        wire.schema,
        parse,
        encode,
        decode,
        document,
        handle,
        actions=f"{prefix}_{actions}" if actions else "",
        police=f"{prefix}_{police}" if police else "",
        settle=settle,
        sends_always=sends_always,
        brief=tuple(f"{prefix}_{attribute}" for attribute in brief),
        usage=helper(declared, name),
        place=place,
        restoration=restoration,
    )
