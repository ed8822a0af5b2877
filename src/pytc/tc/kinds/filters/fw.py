"""The ``fw`` filter, which matches packets by their mark (tc-fw(8); net/sched/cls_fw.c).

The mark is the filter's handle; a mask stands behind it in words (``handle 0x10/0xff``), and is an attribute.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field, Group
from pytc.tc.kinds.declaration import U32, Declared
from pytc.tc.kinds.filter import (
    ACTION,
    CLASSID,
    FLOWID,
    INDEV,
    POLICE,
    filter,
    show_actions_line,
    show_police,
)
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Part
    from pytc.tc.kinds.filter import DeclaredFilterOptions
    from pytc.tc.kinds.interface import FilterView
    from pytc.tc.kinds.layout import Values


def _number(word: str, wrong: str) -> int:
    try:
        return int(unsigned(U32)(word))
    except ValueError:
        raise InvalidOptionsError(wrong, hints=(f'the value is "{word}"',)) from None


def _handle(word: str) -> int:
    mark, slash, mask = word.partition("/")
    number = _number(mark, 'Illegal "handle"')
    if slash:
        _number(mask, 'Illegal "handle" mask')
    return number


def _settle(options: DeclaredFilterOptions, word: str) -> tuple[DeclaredFilterOptions, str]:
    mark, slash, mask = word.partition("/")
    if not slash:
        return options, word
    return options.replace(values={**options.values, "MASK": _number(mask, 'Illegal "handle" mask')}), mark


def _show_mark(values: Values, view: FilterView) -> list[Part]:
    mark, mask = view.handle, values.get("MASK")
    if not mark and mask is None:
        return []
    whole = mask in (None, U32)
    fields = [
        Field("mark", hexadecimal(mark), f"handle {mark:#x}{' ' if whole else ''}"),
        Field("mask", hexadecimal(U32 if mask is None else mask), "" if whole else f"/{mask:#x} "),
    ]
    return [Group("fw", fields)]


def _show_device(values: Values, view: FilterView) -> list[Part]:
    name = values.get("INDEV")
    return [Field("indev", name, f"input dev {name} ")] if name else []


KIND = filter(
    "fw",
    Declared(
        (CLASSID._replace(key="classid"), FLOWID._replace(exact=False), POLICE, ACTION, INDEV),
        "MASK CLASSID INDEV",
        (_show_mark, "classid", show_police, _show_device, show_actions_line),
        synopsis="handle MARK[/MASK] fw",
        notes="""
Packets with that mark match, which the firewall or a socket has set. Without a mask {0xffffffff} the whole mark counts.
""",
    ),
    prefix="TCA_FW",
    attributes=(
        ("CLASSID", "uint32"),
        ("POLICE", "cdata"),
        ("INDEV", "asciiz"),
        ("ACT", "cdata"),
        ("MASK", "uint32"),
    ),
    actions="ACT",
    police="POLICE",
    handle=_handle,
    settle=_settle,
    restoration=Restoration(place="first"),
)
