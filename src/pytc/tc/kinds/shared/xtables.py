"""Actions that run a target of iptables: act_ipt, up to Linux 6.7 (include/uapi/linux/tc_act/tc_ipt.h, tc-xt(8))."""

from __future__ import annotations

import os
import struct

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.action_parts import time_fields
from pytc.words.engine import Probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.interface import ActionKind, EncodeEnv
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: struct tc_cnt.
_COUNTS = struct.Struct("=ii")
#: struct xt_entry_target: ``target_size u16``, 29 bytes of a name, ``revision u8``; its own options follow.
_TARGET = struct.Struct("=H29sB")
#: By number (include/uapi/linux/netfilter_ipv4.h).
_HOOKS = ("PRE_ROUTING", "LOCAL_IN", "FORWARD", "LOCAL_OUT", "POST_ROUTING")
_NOTES = """\
Runs a target of iptables on packets, in the table "mangle"; up to Linux 6.7. What options a target has, its plugin of
iptables knows, which has to be installed. Without it, such actions are shown with options in hex, bound and deleted.
"""
#: NF_IP_POST_ROUTING, the hook of which the kernel tells a target.
_POST_ROUTING = 4


def _take_target(cursor: Cursor) -> bytes:
    """Return struct xt_entry_target, of the words that a target takes."""
    from pytc.tc.kinds.shared.xtables_library import encode_target

    name, position = cursor.take(), cursor.position
    words = tuple(cursor.rest())
    if any(type(word) is Probe for word in (name, *words)):  # completion asks, and knows no targets
        raise InvalidOptionsError(f" failed to find target {name}")
    used, raw = encode_target(name, words)
    cursor.go_back(position + used)
    return raw


def _complete(values: Values, env: EncodeEnv) -> None:
    if "TARG" in values:
        values["TABLE"], values["HOOK"] = "mangle", _POST_ROUTING


def xtables_action(name: str) -> ActionKind[DeclaredActionOptions]:
    """Return the kind of that name."""

    def check(options: DeclaredActionOptions, first: str) -> None:
        if not options.number and "TARG" not in options.values:
            raise InvalidOptionsError(f"too few arguments for {name}, need at least '-j <target>'")

    return action(
        name,
        Declared(
            (
                Option(
                    "-j",
                    "TARG",
                    Form("TARGET [ OPTION ... ]", read=_take_target),
                    "what packets are given to, with its options as iptables has them (iptables-extensions(8))",
                ),
            ),
            "TABLE HOOK INDEX TARG",
            (_show,),
            complete=_complete,
            notes=_NOTES,
        ),
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
        text = _text(raw)
        yield Field("target", name, f"\ttarget {text or name} ")
        yield Field("revision", revision, "" if text else f"revision {revision} ")
        yield Field("options", options, "" if text else f"options {options}")
    yield Field("index", values["index"], f"\n\tindex {values['index']}")
    if len(raw := values.get("CNT", b"")) >= _COUNTS.size:
        references, bound = _COUNTS.unpack_from(raw)
        yield Field("ref", references, f" ref {references}")
        yield Field("bind", bound, f" bind {bound}")
    if view.display.statistics:
        yield from time_fields(values.get("TM", b""))
    yield Field("", text="\n")


def _text(raw: bytes) -> str:
    """Return what the target's plugin says of its options, empty where it is not installed."""
    from pytc.tc.kinds.shared.xtables_library import target_text

    return target_text(raw)
