"""The ``cgroup`` filter: to the class that the sender's net_cls cgroup has (tc-cgroup(8); net/sched/cls_cgroup.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.filter import (
    ACTION,
    POLICE,
    filter,
    show_actions,
    show_hex_handle,
    show_police_line,
    strict_handle,
)
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.ematch import MATCH, NOTES, names_nothing, show_ematches

KIND = filter(
    "cgroup",
    Declared(
        (MATCH, ACTION, POLICE),
        "EMATCHES",
        (show_hex_handle(), show_ematches, show_police_line, show_actions),
        notes=f"""
Packets go to the class in net_cls.classid of their sender's cgroup (version 1). HANDLE is a number, and has to be
given.
{NOTES}""",
    ),
    prefix="TCA_CGROUP",
    attributes=(("ACT", "cdata"), ("POLICE", "cdata"), ("EMATCHES", "cdata")),
    actions="ACT",
    police="POLICE",
    handle=strict_handle,
    follows_from_words=names_nothing,
    sends_always=True,
    restoration=Restoration(replaces=True, place="first"),
)
