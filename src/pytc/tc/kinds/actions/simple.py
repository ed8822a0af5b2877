"""The ``simple`` action: the kernel logs a text (tc-simple(8); include/uapi/linux/tc_act/tc_defact.h)."""

from __future__ import annotations

import os

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.interface import Restoration

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.layout import Values

#: SIMP_MAX_DATA (net/sched/act_simple.c), with the byte at the end.
_SIZE = 32


def _check(options: DeclaredActionOptions, first: str) -> None:
    text = os.fsencode(options.values.get("DATA", ""))
    if len(text) >= _SIZE:
        raise InvalidOptionsError(
            f"simple: Illegal string len {len(text)} <{options.values['DATA']}>",
            hints=(f"{_SIZE - 1} bytes are the most",),
        )
    if not options.values and not options.number:
        raise InvalidOptionsError(f'simple: "{first}" is no text: "sdata TEXT" or an index expected')


def _show_text(values: Values, view: Any) -> Iterable[Part]:
    text = os.fsdecode(values.get("DATA", b"").partition(b"\0")[0])
    return (Field("simple", text, f"Simple <{text}>"),)


KIND = action(
    "simple",
    Declared(
        (
            Option(
                "sdata",
                "DATA",
                Form("TEXT", str, pack=lambda text, env: os.fsencode(text).ljust(_SIZE, b"\0")),
                f"what is logged, with the number of packets so far; {_SIZE - 1} bytes at most",
            ),
        ),
        "PARMS DATA",
        (_show_text, show_closing()),
        exact=False,
        notes="CONTROL is {pipe}.",
    ),
    prefix="TCA_DEF",
    attributes=(("TM", "cdata"), ("PARMS", parameters()), ("DATA", "cdata"), ("PAD", "cdata")),
    check=_check,
    heading=(),
    restoration=Restoration(replaces=True),
)
