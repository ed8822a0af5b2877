"""Actions that run a target of iptables: act_ipt, up to Linux 6.7 (include/uapi/linux/tc_act/tc_ipt.h)."""

import os
import struct
from collections.abc import Iterator
from typing import Any

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field, Part
from pytc.tc.kinds.action import DeclaredActionOptions, action
from pytc.tc.kinds.declaration import Declared
from pytc.tc.kinds.interface import ActionKind
from pytc.tc.kinds.layout import Layout, Values
from pytc.tc.kinds.shared.action_parts import time_fields

#: struct tc_cnt.
_COUNTS = struct.Struct("=ii")
#: struct xt_entry_target: ``target_size u16``, 29 bytes of a name, ``revision u8``; its own options follow.
_TARGET = struct.Struct("=H29sB")
#: By number (include/uapi/linux/netfilter_ipv4.h).
_HOOKS = ("PRE_ROUTING", "LOCAL_IN", "FORWARD", "LOCAL_OUT", "POST_ROUTING")
_NOTES = """\
Runs a target of iptables on packets, in the table "mangle"; up to Linux 6.7. pytc shows such actions, binds filters to
them and deletes them; what the options of a target mean, only iptables' own libraries know, which it does not load.
"""


def xtables_action(name: str) -> ActionKind[DeclaredActionOptions]:
    """Return the kind of that name, whose actions are shown, bound by their index, and deleted.

    What the options of a target mean, only iptables' own libraries know, which tc loads.
    """

    def check(options: DeclaredActionOptions, first: str) -> None:
        if not options.number:
            raise InvalidOptionsError(
                f'{name}: pytc does not load the targets of iptables ("{first}"): an index expected',
                hints=('"action skbedit mark", "action connmark" and "action ct" do what most targets are used for',),
            )

    return action(
        name,
        Declared(sent="INDEX", shown=(_show,), forms=(f"action {name} index INDEX",), notes=_NOTES),
        prefix="TCA_IPT",
        attributes=(
            ("TABLE", "asciiz"),
            ("HOOK", "uint32"),
            ("INDEX", Layout("I", "index")),
            ("CNT", "cdata"),
            ("TM", "cdata"),
            ("TARG", "cdata"),
            ("PAD", "cdata"),
        ),
        needs=("INDEX",),
        check=check,
        heading=(),
    )


def _show(values: Values, view: Any) -> Iterator[Part]:
    table, hook = values.get("TABLE", ""), values.get("HOOK", 0)
    place = f"NF_IP_{_HOOKS[hook]}" if hook < len(_HOOKS) else str(hook)
    yield Field("tablename", table, f"tablename: {table} ")
    yield Field("hook", place, f" hook: {place}\n")
    if len(raw := values.get("TARG", b"")) >= _TARGET.size:
        _, padded, revision = _TARGET.unpack_from(raw)
        name, options = os.fsdecode(padded.partition(b"\0")[0]), raw[_TARGET.size :].hex()
        yield Field("target", name, f"\ttarget {name} ")
        yield Field("revision", revision, f"revision {revision} ")
        yield Field("options", options, f"options {options}")
    yield Field("index", values["index"], f"\n\tindex {values['index']}")
    if len(raw := values.get("CNT", b"")) >= _COUNTS.size:
        references, bound = _COUNTS.unpack_from(raw)
        yield Field("ref", references, f" ref {references}")
        yield Field("bind", bound, f" bind {bound}")
    if view.display.statistics:
        yield from time_fields(values.get("TM", b""))
    yield Field("", text="\n")
