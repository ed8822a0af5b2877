"""The ``gact`` action: a control, or by chance another (tc-gact; include/uapi/linux/tc_act/tc_gact.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.render.documents import Field, Group
from pytc.tc.kinds.action import DeclaredActionOptions, action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.action_parts import (
    PASS,
    control_group,
    is_control,
    optional_index,
    take_control,
    unknown_action,
)
from pytc.words.engine import choose, matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import RenderEnv
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: struct tc_gact_p.
_PROBABILITY = Layout("HHi", "ptype pval paction")
#: By ``ptype``.
_RANDOM = ("none", "netrand", "determ")
_MAX_ONE_IN = 10_000


def _parse(cursor: Cursor) -> DeclaredActionOptions:
    """Read the control, which stands first, maybe another by chance, and an index.

    Raises InvalidOptionsError, UsageError.
    """
    control, values = _take_control(cursor), {}
    if not cursor.done and matches(cursor.peek(), "random"):
        cursor.take()
        values["PROB"] = _take_chance(cursor)
    return DeclaredActionOptions(values, control, optional_index(cursor))


def _take_control(cursor: Cursor) -> int:
    """Take the control. As in tc, ``gact index 5`` stands for ``gact pass index 5``, to bind an existing action."""
    if not cursor.done and matches(cursor.peek(), "index"):
        return PASS
    if not is_control(cursor.peek() or cursor.take()):
        raise unknown_action(cursor.peek())
    return take_control(cursor)


def _take_chance(cursor: Cursor) -> bytes:
    """Return struct tc_gact_p of the words behind ``random``."""
    word = cursor.take()
    kind = choose(word, _RANDOM[1:])
    if not kind:
        raise UsageError(f'Illegal "random" type: "{word}"; netrand or determ expected')
    control, number = take_control(cursor), cursor.take()
    try:
        one_in = unsigned(_MAX_ONE_IN, 10)(number)
    except ValueError:
        raise InvalidOptionsError(f'Illegal "val": "{number}"; 0 to {_MAX_ONE_IN} expected') from None
    return _PROBABILITY.pack({"ptype": _RANDOM.index(kind), "pval": one_in, "paction": control})


def _show_chance(values: Values, view: RenderEnv) -> Iterable[Part]:
    chance = _PROBABILITY.unpack(values.get("PROB", b""))
    kind = _RANDOM[chance["ptype"]] if chance["ptype"] < len(_RANDOM) else "none"
    shown = (
        Field("random_type", kind, f"\t random type {kind}"),
        control_group(chance["paction"], before=" ", after=" "),
        Field("val", chance["pval"], f"val {chance['pval']}"),
    )
    return (Group("prob", shown),)


KIND = action(
    "gact",
    Declared(
        (
            Option(
                "random",
                "PROB",
                Form("{ netrand | determ } CONTROL NUMBER", read=_take_chance),
                "does this CONTROL instead, with one packet in NUMBER by chance (netrand), or each NUMBER-th (determ)",
            ),
        ),
        "PARMS PROB",
        (show_control("action ", "\n"), _show_chance, show_closing()),
        forms=("action [ gact ] CONTROL [ random { netrand | determ } CONTROL NUMBER ] [ index INDEX ]",),
    ),
    prefix="TCA_GACT",
    attributes=(("TM", "cdata"), ("PARMS", parameters()), ("PROB", "cdata"), ("PAD", "cdata")),
    parse=_parse,
    restoration=Restoration(unset={"TCA_GACT_PROB": bytes(_PROBABILITY.size)}),
)
