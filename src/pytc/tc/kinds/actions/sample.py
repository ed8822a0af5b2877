"""The ``sample`` action: some packets go to a group of the psample channel (tc-sample(8);
include/uapi/linux/tc_act/tc_sample.h)."""

from __future__ import annotations

from pytc.errors import UsageError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.action_parts import or_usage_error
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.action import DeclaredActionOptions

_DECIMAL = unsigned(U32, 10)
_RATE = Form(
    "RATE",
    or_usage_error(_DECIMAL, "Illegal rate {}"),
    lambda key, number, display: Field(key, number, f"{key} 1/{number} "),
)
_GROUP = Form(
    "GROUP",
    or_usage_error(_DECIMAL, "Illegal group num {}"),
    lambda key, number, display: Field(key, number, f"{key} {number}"),
)
_SIZE = Form(
    "BYTES",
    or_usage_error(_DECIMAL, "Illegal truncation size {}"),
    lambda key, number, display: Field(key, number, f" {key} {number}"),
)


def _check(options: DeclaredActionOptions, first: str) -> None:
    for name, into in (("group", "PSAMPLE_GROUP"), ("rate", "RATE")):
        if not options.number and into not in options.values:
            raise UsageError(f'param "{name}" not set')


KIND = action(
    "sample",
    Declared(
        (
            Option("rate", "RATE", _RATE, "one packet of so many is sampled, at random", required=True),
            Option("group", "PSAMPLE_GROUP", _GROUP, "the group of psample that gets it", required=True),
            Option("trunc", "TRUNC_SIZE", _SIZE, "how much of a packet is copied at most {all}", key="trunc_size"),
        ),
        "PARMS RATE PSAMPLE_GROUP TRUNC_SIZE",
        ("rate group trunc", show_control(), show_closing()),
        exact=False,
        notes="An index alone names an existing action. CONTROL is {pipe}.",
    ),
    prefix="TCA_SAMPLE",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", parameters()),
        ("RATE", "uint32"),
        ("TRUNC_SIZE", "uint32"),
        ("PSAMPLE_GROUP", "uint32"),
        ("PAD", "cdata"),
    ),
    check=_check,
    restoration=Restoration(),
)
