"""The ``matchall`` filter, which every packet matches (tc-matchall(8); include/uapi/linux/pkt_cls.h,
net/sched/cls_matchall.c)."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.filter import (
    ACTION,
    CLASSID,
    FLOWID,
    SKIP_HW,
    SKIP_SW,
    check_skip_flags,
    filter,
    show_actions,
    show_flags,
    strict_handle,
)
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.interface import FilterView
    from pytc.tc.kinds.layout import Values


def _show_handle(values: Values, view: FilterView) -> list[Field]:
    return [Field("handle", view.handle, f"handle {view.handle:#x} ")] if view.handle else []


def _show_hits(values: Values, view: FilterView) -> list[Field]:
    if not view.display.statistics or "rhit" not in values:
        return []
    return [Field("rule_hit", values["rhit"], f" (rule hit {values['rhit']})")]


KIND = filter(
    "matchall",
    Declared(
        (CLASSID, FLOWID, ACTION, SKIP_HW, SKIP_SW),
        "CLASSID FLAGS",
        (_show_handle, "classid", show_flags(), _show_hits, show_actions),
        check=check_skip_flags,
        notes="Every packet matches. HANDLE is a number.",
    ),
    prefix="TCA_MATCHALL",
    attributes=(
        ("CLASSID", "uint32"),
        ("ACT", "cdata"),
        ("FLAGS", "uint32"),
        ("PCNT", Layout("Q", "rhit")),
        ("PAD", "cdata"),
    ),
    actions="ACT",
    handle=strict_handle,
    brief=("FLAGS",),
    restoration=Restoration(counters=("TCA_MATCHALL_PCNT",), place="first"),
)
