"""The ``fw`` filter, which matches packets by their mark (tc-fw(8); net/sched/cls_fw.c).

The mark is the filter's handle; a mask stands behind it in words (``handle 0x10/0xff``), and is an attribute.
"""

from typing import Any, NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Document, Field, Group, Part
from pytc.tc.actions.action import Action, ActionOptions
from pytc.tc.kinds.interface import FilterKind, FilterOptions, FilterView, OpenedProgram, ProgramLookup
from pytc.tc.kinds.shared.filter_parts import ACTION, CLASSID, FLOWID, INDEV, POLICE, all_actions, class_field
from pytc.words.engine import Cursor, read_options, unsigned

_WORDS = (CLASSID, FLOWID._replace(exact=False), POLICE, ACTION, INDEV)
_SCHEMA = Schema(
    ("TCA_FW_UNSPEC", "none"),
    ("TCA_FW_CLASSID", "uint32"),
    ("TCA_FW_POLICE", "cdata"),
    ("TCA_FW_INDEV", "asciiz"),
    ("TCA_FW_ACT", "cdata"),
    ("TCA_FW_MASK", "uint32"),
)
_WHOLE = 0xFFFFFFFF
_USAGE = """\
Usage: ... handle MARK[/MASK] fw [ classid CLASSID | flowid CLASSID ] [ indev NAME ] [ action ACTION ] ...
           [ police POLICE ]

Matches packets with that mark, which the firewall or a socket has set. Without a mask {0xffffffff} the whole mark
counts. Packets that match go to the class, and the actions are done with them ("pytc action help").
indev  only packets that came in through that device
"""


class FwOptions(FilterOptions):
    """The words of a ``fw`` filter; ``mask`` is that of the handle, None when it has none."""

    classid: Handle | None = None
    incoming: str = ""
    actions: tuple[Action, ...] = ()
    police: ActionOptions | None = None
    mask: int | None = None


class FwRecord(NamedTuple):
    """A fw filter as the kernel describes it; ``mask`` is None where the kernel sends none."""

    classid: Handle | None
    incoming: str
    mask: int | None


def _parse(cursor: Cursor) -> FwOptions:
    fields = read_options(cursor, _WORDS, "filter fw")
    return FwOptions(**{**fields, "actions": all_actions(fields)})


def _encode(options: FwOptions, program: OpenedProgram | None) -> list[tuple[str, Any]]:
    attributes: list[tuple[str, Any]] = []
    if options.mask is not None:
        attributes.append(("TCA_FW_MASK", options.mask))
    if options.classid is not None:
        attributes.append(("TCA_FW_CLASSID", options.classid.number))
    if options.incoming:
        attributes.append(("TCA_FW_INDEV", options.incoming))
    return attributes


def _decode(attributes: Attributes, lookup: ProgramLookup) -> FwRecord:
    classid = attributes.get("TCA_FW_CLASSID")
    return FwRecord(
        Handle.from_number(classid) if classid is not None else None,
        attributes.get("TCA_FW_INDEV", ""),
        attributes.get("TCA_FW_MASK"),
    )


def _document(record: FwRecord, view: FilterView) -> Document:
    fields: list[Part] = []
    if view.handle or record.mask is not None:
        fields.append(Group("fw", _mark(view.handle, record.mask)))
    fields += class_field(record.classid, view.display, "classid")
    fields += view.police
    if record.incoming:
        fields.append(Field("indev", record.incoming, f"input dev {record.incoming} "))
    return [*fields, Field("", text="\n"), *view.actions] if view.actions else fields


def _mark(mark: int, mask: int | None) -> list[Part]:
    whole = mask in (None, _WHOLE)
    return [
        Field("mark", f"{mark:#x}" if mark else "0", f"handle {mark:#x}{' ' if whole else ''}"),
        Field("mask", f"{_WHOLE if mask is None else mask:#x}" if mask != 0 else "0", "" if whole else f"/{mask:#x} "),
    ]


def _handle(word: str) -> int:
    mark, slash, mask = word.partition("/")
    number = _number(mark, 'Illegal "handle"')
    if slash:
        _number(mask, 'Illegal "handle" mask')
    return number


def _number(word: str, wrong: str) -> int:
    try:
        return int(unsigned(_WHOLE)(word))
    except ValueError:
        raise InvalidOptionsError(wrong, hints=(f'the value is "{word}"',)) from None


def _settle(options: FwOptions, word: str) -> tuple[FwOptions, str]:
    mark, slash, mask = word.partition("/")
    return (options.replace(mask=_number(mask, 'Illegal "handle" mask')), mark) if slash else (options, word)


KIND = FilterKind(
    "fw",
    _SCHEMA,
    _parse,
    _encode,
    _decode,
    _document,
    _handle,
    actions="TCA_FW_ACT",
    police="TCA_FW_POLICE",
    settle=_settle,
    usage=_USAGE,
)
