"""The ``basic`` filter: packets that match an expression (tc-basic(8), tc-ematch(8); net/sched/cls_basic.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.filter import (
    ACTION,
    CLASSID,
    FLOWID,
    POLICE,
    filter,
    show_actions,
    show_hex_handle,
    show_police_line,
    strict_handle,
)
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.ematch import MATCH, NOTES, names_nothing, show_ematches

KIND = filter(
    "basic",
    Declared(
        (MATCH, CLASSID, FLOWID, ACTION, POLICE),
        "EMATCHES CLASSID",
        (show_hex_handle(""), "classid", show_ematches, show_police_line, show_actions),
        notes=NOTES,
    ),
    prefix="TCA_BASIC",
    attributes=(
        ("CLASSID", "uint32"),
        ("EMATCHES", "cdata"),
        ("ACT", "cdata"),
        ("POLICE", "cdata"),
        ("PCNT", Layout("QQ", "rcnt rhit")),
        ("PAD", "cdata"),
    ),
    actions="ACT",
    police="POLICE",
    handle=strict_handle,
    follows_from_words=names_nothing,
    restoration=Restoration(replaces=True, counters=("TCA_BASIC_PCNT",), place="first"),
)
