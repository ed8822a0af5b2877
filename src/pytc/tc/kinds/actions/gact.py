"""The ``gact`` action: a control, or by chance another (tc-gact; include/uapi/linux/tc_act/tc_gact.h).

TCA_GACT_PARMS is struct tc_gen; TCA_GACT_PROB ``ptype u16, pval u16, paction s32``.
"""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError, UsageError
from pytc.netlink.schema import Schema
from pytc.render.documents import Field, Group
from pytc.tc.actions.action import ActionOptions
from pytc.tc.kinds.interface import ActionKind, Restoration
from pytc.tc.kinds.shared.action_parts import (
    PASS,
    Generic,
    control_group,
    is_control,
    optional_index,
    reference_fields,
    take_control,
    time_fields,
    unknown_action,
)
from pytc.typing import NamedTuple
from pytc.words.engine import choose, matches, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Document, Part
    from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
    from pytc.words.engine import Cursor

_PROBABILITY = struct.Struct("=HHi")
#: In the order of the kernel's numbers.
_RANDOM = ("none", "netrand", "determ")
_MAX_ONE_IN = 10_000

_USAGE = """\
Usage: ... action [ gact ] CONTROL [ random { netrand | determ } CONTROL NUMBER ] [ index INDEX ]

random  does the second control instead, with one packet in NUMBER by chance (netrand), or with each NUMBER-th (determ)
"""
SCHEMA = Schema(
    ("TCA_GACT_UNSPEC", "none"),
    ("TCA_GACT_TM", "cdata"),
    ("TCA_GACT_PARMS", "cdata"),
    ("TCA_GACT_PROB", "cdata"),
    ("TCA_GACT_PAD", "cdata"),
)


class Chance(NamedTuple):
    """Another control by chance: ``type`` is netrand (one packet in ``one_in`` by chance) or determ (each
    ``one_in``-th)."""

    type: str
    control: int
    one_in: int


class GactOptions(ActionOptions):
    """The words of a ``gact`` action; ``number`` is the index, 0 for one that the kernel chooses."""

    control: int
    number: int = 0
    chance: Chance | None = None


def parse(cursor: Cursor) -> GactOptions:
    """Parse the words after ``gact``, or from the control on where that stands alone.

    Raises InvalidOptionsError, UsageError.
    """
    control, chance = _control(cursor), None
    if not cursor.done and matches(cursor.peek(), "random"):
        cursor.take()
        chance = _chance(cursor)
    return GactOptions(control, optional_index(cursor), chance)


def _control(cursor: Cursor) -> int:
    """Take the control. As in tc, ``gact index 5`` stands for ``gact pass index 5``, to bind an existing action."""
    if not cursor.done and matches(cursor.peek(), "index"):
        return PASS
    if not is_control(cursor.peek() or cursor.take()):
        raise unknown_action(cursor.peek())
    return take_control(cursor)


def _chance(cursor: Cursor) -> Chance:
    word = cursor.take()
    kind = choose(word, _RANDOM[1:])
    if not kind:
        raise UsageError(f'Illegal "random" type: "{word}"; netrand or determ expected')
    control, number = take_control(cursor), cursor.take()
    try:
        return Chance(kind, control, unsigned(_MAX_ONE_IN, 10)(number))
    except ValueError:
        raise InvalidOptionsError(f'Illegal "val": "{number}"; 0 to {_MAX_ONE_IN} expected') from None


def encode(options: GactOptions, env: EncodeEnv) -> list[tuple[str, Any]]:
    """Return the attributes in the order in which tc sends them."""
    attributes: list[tuple[str, Any]] = [("TCA_GACT_PARMS", Generic(options.number, options.control).pack())]
    if options.chance is not None:
        chance = options.chance
        attributes.append(
            ("TCA_GACT_PROB", _PROBABILITY.pack(_RANDOM.index(chance.type), chance.one_in, chance.control))
        )
    return attributes


def document(attributes: Attributes, env: RenderEnv) -> Document:
    """Return the document that tc prints."""
    generic = Generic.unpack(attributes.get("TCA_GACT_PARMS", b""))
    if generic is None:
        return (Field("", text="[NULL gact parameters]"),)
    raw = attributes.get("TCA_GACT_PROB", b"")
    number, one_in, control = _PROBABILITY.unpack_from(raw) if len(raw) >= _PROBABILITY.size else (0, 0, PASS)
    kind = _RANDOM[number] if number < len(_RANDOM) else "none"
    fields: list[Part] = [
        Field("kind", "gact", "gact "),
        control_group(generic.control, before="action ", after="\n"),
        Group(
            "prob",
            (
                Field("random_type", kind, f"\t random type {kind}"),
                control_group(control, before=" ", after=" "),
                Field("val", one_in, f"val {one_in}"),
            ),
        ),
        Field("", text="\n"),
        *reference_fields(generic),
    ]
    if env.display.statistics:
        fields += time_fields(attributes.get("TCA_GACT_TM", b""))
    return [*fields, Field("", text="\n")]


KIND = ActionKind(
    "gact",
    SCHEMA,
    parse,
    encode,
    document,
    lambda: _USAGE,
    restoration=Restoration(unset={"TCA_GACT_PROB": bytes(8)}),
)
