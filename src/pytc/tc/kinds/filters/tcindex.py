"""The ``tcindex`` filter: classes by skb->tc_index, which dsmark sets (net/sched/cls_tcindex.c).

Linux 6.3 has dropped it, and tc 6.3 with it.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U16, U32, Declared, Form, Option
from pytc.tc.kinds.filter import ACTION, CLASSID, POLICE, filter, show_actions_line, show_police_line
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Part
    from pytc.tc.kinds.interface import FilterView
    from pytc.tc.kinds.layout import Values

_LARGEST = 0x10000
#: The handle of what holds for all indexes.
_NO_HANDLE = 0xFFFFFFFF


def _handle(word: str) -> int:
    try:
        return int(unsigned(U32)(word))
    except ValueError:
        raise InvalidOptionsError("Illegal filter ID", hints=(f'the value is "{word}"',)) from None


def _size(word: str) -> int:
    number = int(unsigned(_LARGEST)(word))
    if not number:
        raise ValueError(word)
    return number


def _show_handle(values: Values, view: FilterView) -> list[Part]:
    handle = view.handle
    return [Field("handle", f"{handle:#06x}", f"handle {handle:#06x} ")] if handle != _NO_HANDLE else []


def _show_mask(key: str, number: int, display: Display) -> Field:
    return Field(key, f"{number:#06x}", f"{key} {number:#06x} ")


def _show_passing(key: str, number: int, display: Display) -> Field:
    name = "fall_through" if number else "pass_on"
    return Field(name, True, f"{name} ")


_PASSING = Form(show=_show_passing)
_OPTIONS = (
    Option("hash", "HASH", Form("SIZE", _size), "the size of the table of indexes, up to 0x10000 {chosen}"),
    Option("mask", "MASK", Form("MASK", unsigned(U16), _show_mask), "the bits of the index that count {0xffff}"),
    Option("shift", "SHIFT", Form("NUMBER", unsigned(U32)), "by how many bits it is shifted to the right {0}"),
    Option(
        "fall_through",
        "FALL_THROUGH",
        _PASSING,
        "without an entry, the index itself is the class {so}",
    ),
    Option("pass_on", "FALL_THROUGH", _PASSING._replace(value=0), "without an entry, the next filter is asked"),
    CLASSID._replace(exact=True, key="classid"),
    POLICE._replace(exact=True),
    ACTION._replace(exact=True),
)

KIND = filter(
    "tcindex",
    Declared(
        _OPTIONS,
        "HASH MASK SHIFT FALL_THROUGH CLASSID",
        (_show_handle, "hash mask shift fall_through classid", show_police_line, show_actions_line),
        notes="HANDLE is an index. Kernels before Linux 6.3 have this filter.",
    ),
    prefix="TCA_TCINDEX",
    attributes=(
        ("HASH", "uint32"),
        ("MASK", "uint16"),
        ("SHIFT", "uint32"),
        ("FALL_THROUGH", "uint32"),
        ("CLASSID", "uint32"),
        ("POLICE", "cdata"),
        ("ACT", "cdata"),
    ),
    actions="ACT",
    police="POLICE",
    handle=_handle,
)
