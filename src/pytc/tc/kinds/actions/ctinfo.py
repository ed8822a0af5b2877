"""The ``ctinfo`` action: what a connection's mark says goes into its packets (tc-ctinfo(8), Linux 5.3;
include/uapi/linux/tc_act/tc_ctinfo.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_control
from pytc.tc.kinds.declaration import U16, U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.action_parts import Generic, reference_fields, time_fields
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import RenderEnv
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: As many bits as a DSCP has.
_DSCP = 0x3F
_MASK = unsigned(U32)


def _take_dscp(cursor: Cursor) -> tuple[int, int]:
    word = cursor.take()
    try:
        mask = _MASK(word)
    except ValueError:
        raise InvalidOptionsError('ctinfo: Illegal dscp "mask"', hints=(f'the value is "{word}"',)) from None
    return mask, _take_mask(cursor, 0)


def _take_mask(cursor: Cursor, default: int) -> int:
    """Take a number, or return the default where another word comes next."""
    try:
        number: int = _MASK(cursor.peek())
    except ValueError:
        return default
    cursor.take()
    return number


def _check(values: Values) -> None:
    mask, state = values.get("PARMS_DSCP_MASK", 0), values.get("PARMS_DSCP_STATEMASK", 0)
    if mask & state:
        raise InvalidOptionsError("ctinfo: dscp mask & statemask must NOT overlap")
    if mask and mask // (mask & -mask) != _DSCP:
        raise InvalidOptionsError("ctinfo: dscp mask must be 6 contiguous bits long")
    for name in [name for name in ("PARMS_DSCP_MASK", "PARMS_DSCP_STATEMASK") if not values.get(name, 1)]:
        del values[name]
    values.setdefault("ZONE", 0)


def _show_rest(values: Values, view: RenderEnv) -> Iterable[Part]:
    yield Field("", text="\n")
    yield from reference_fields(Generic(values["index"], values["action"], values["refcnt"], values["bindcnt"]))
    if (mask := values.get("PARMS_DSCP_MASK")) is not None:
        state = values.get("PARMS_DSCP_STATEMASK", 0)
        yield Field("dscpmask", hexadecimal(mask), f" dscp {_digits(mask)}")
        yield Field("dscpstatemask", hexadecimal(state), f" {_digits(state)}")
    if (mask := values.get("PARMS_CPMARK_MASK")) is not None:
        yield Field("cpmark", hexadecimal(mask), f" cpmark {_digits(mask)}")
    if view.display.statistics:
        yield from time_fields(values.get("TM", b""))
        for name, key, text in _COUNTERS:
            if name in values:
                yield Field(key, values[name], f" {text} {values[name]}")
    yield Field("", text="\n")


def _digits(mask: int) -> str:
    return f"{mask:#010x}" if mask else "0" * 10


_COUNTERS = (
    ("STATS_DSCP_SET", "dscpset", "DSCP set"),
    ("STATS_DSCP_ERROR", "dscperror", "error"),
    ("STATS_CPMARK_SET", "cpmarkset", "CPMARK set"),
)

KIND = action(
    "ctinfo",
    Declared(
        (
            Option(
                "dscp",
                "PARMS_DSCP_MASK PARMS_DSCP_STATEMASK",
                Form("MASK [ STATEMASK ]", read=_take_dscp),
                "sets the DSCP to these 6 bits of the mark, where one of the bits in the STATEMASK is set",
            ),
            Option(
                "cpmark",
                "PARMS_CPMARK_MASK",
                Form("[ MASK ]", read=lambda cursor: _take_mask(cursor, U32)),
                "sets the packet's mark to these bits of the connection's {all}",
                omit=0,
            ),
            Option(
                "zone",
                "ZONE",
                Form("ZONE", unsigned(U16, 10), lambda key, zone, display: Field(key, zone, f"{key} {zone}")),
                "the zone of connection tracking {0}",
                wrong='ctinfo: Illegal "zone": {} is not a number up to 65535',
            ),
        ),
        "ACT ZONE PARMS_DSCP_MASK PARMS_DSCP_STATEMASK PARMS_CPMARK_MASK",
        ("zone", show_control(), _show_rest),
        check=_check,
        exact=False,
        notes="CONTROL is {pipe}.",
    ),
    prefix="TCA_CTINFO",
    attributes=(
        ("PAD", "cdata"),
        ("TM", "cdata"),
        ("ACT", parameters()),
        ("ZONE", "uint16"),
        ("PARMS_DSCP_MASK", "uint32"),
        ("PARMS_DSCP_STATEMASK", "uint32"),
        ("PARMS_CPMARK_MASK", "uint32"),
        ("STATS_DSCP_SET", "uint64"),
        ("STATS_DSCP_ERROR", "uint64"),
        ("STATS_CPMARK_SET", "uint64"),
    ),
    needs=("ACT",),
    bare=True,
    restoration=Restoration(
        replaces=True,
        described=("TCA_CTINFO_STATS_DSCP_SET", "TCA_CTINFO_STATS_DSCP_ERROR", "TCA_CTINFO_STATS_CPMARK_SET"),
    ),
)
