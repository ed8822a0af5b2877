"""The ``csum`` action: checksums are computed anew (tc-csum(8); include/uapi/linux/tc_act/tc_csum.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.action_parts import PASS
from pytc.words.engine import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: TCA_CSUM_UPDATE_FLAG_*, in the order in which abbreviations are tried, and in print.
_CHECKSUMS = {
    "iph": 1,
    "ip4h": 1,
    "ipv4h": 1,
    "icmp": 2,
    "igmp": 4,
    "tcp": 8,
    "udp": 16,
    "udplite": 32,
    "sctp": 64,
}
_SHOWN = [word for word in _CHECKSUMS if word not in ("ip4h", "ipv4h")]
#: What may stand between them.
_JOINING = ("and", "or", "+")


def _take_nothing(cursor: Cursor) -> int:
    """The kind's own name may stand between checksums, too, but not at the end."""
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended
    return 0


def _check_values(values: Values) -> None:
    flags = 0
    for flag in values.pop("update", ()):
        flags |= flag
    if flags:
        values["update_flags"] = flags


def _check(options: DeclaredActionOptions, first: str) -> None:
    if not options.values and not matches(first, "index"):
        words = ", ".join(_CHECKSUMS)
        raise InvalidOptionsError(f'Illegal csum construct, empty <UPDATE> list: "{first}" is none of {words}')


def _show_checksums(values: Values, view: Any) -> Iterable[Part]:
    flags = values["update_flags"]
    names = ", ".join(word for word in _SHOWN if flags & _CHECKSUMS[word]) or "?empty"
    return (Field("csum", names, f"({names}) "),)


KIND = action(
    "csum",
    Declared(
        (
            *(Option(word, "update", Form(value=flag), many=True) for word, flag in _CHECKSUMS.items()),
            *(Option(word, "update", Form(value=0), many=True) for word in _JOINING),
            Option("csum", "update", Form(read=_take_nothing), many=True),
        ),
        "PARMS",
        (_show_checksums, show_control("action "), show_closing("\t")),
        check=_check_values,
        exact=False,
        notes="""\
UPDATE := { iph | ip4h | ipv4h | icmp | igmp | tcp | udp | udplite | sctp }, with or without "and", "or" or + in between

Computes checksums anew, after the packet was changed. iph, ip4h and ipv4h are the same. CONTROL is {pass}.
""",
        forms=("action csum UPDATE ...", "action csum index INDEX"),
    ),
    prefix="TCA_CSUM",
    attributes=(("PARMS", parameters("I", "update_flags")), ("TM", "cdata"), ("PAD", "cdata")),
    control=PASS,
    check=_check,
    restoration=Restoration(replaces=True),
)
