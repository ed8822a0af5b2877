"""The ``skbmod`` action: changes in Ethernet headers, and of ECN (tc-skbmod(8);
include/uapi/linux/tc_act/tc_skbmod.h)."""

from __future__ import annotations

from pytc.errors import UsageError
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U16, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.addresses import parse_mac
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytc.render.documents import Display, Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: SKBMOD_F_*, by the value that each of them says something of.
_FLAGS = {"DMAC": 1, "SMAC": 2, "ETYPE": 4, "swap": 8, "ecn": 16}


def _take_nothing(cursor: Cursor) -> None:
    """``set`` and ``swap`` say nothing by themselves, and cannot be the last word."""
    if cursor.done:
        cursor.take()  # raises UsageError: the line has ended


def _check_values(values: Values) -> None:
    values.pop("", None)
    if flags := sum(flag for name, flag in _FLAGS.items() if name in values):
        values["flags"] = flags


def _check(options: DeclaredActionOptions, first: str) -> None:
    if not options.values and not options.number:
        raise UsageError("skbmod requires at least one option", hints=("etype, dmac, smac, mac, ecn or an index",))


def _show_type(values: Values, view: Any) -> Iterable[Part]:
    number = values.get("ETYPE")
    return (Field("etype", hexadecimal(number), f"set etype 0x{number:X} \n\t "),) if number is not None else ()


def _show_mac(key: str, address: bytes, display: Display) -> Field:
    return Field(key, address.hex(":"), f"set {key} {address.hex(':')} ")


def _show_flags(values: Values, view: Any) -> Iterable[Part]:
    named = (("swap", "swapmac", "swap mac "), ("ecn", "ecn", "ecn "))
    return [Field(key, None, text) for name, key, text in named if values["flags"] & _FLAGS[name]]


_WORD = Form(read=_take_nothing)
_MAC = Form("ADDRESS", parse_mac, _show_mac)

KIND = action(
    "skbmod",
    Declared(
        (
            Option("swap", "", _WORD),
            Option("mac", "swap", Form(), "swaps the addresses of the Ethernet header"),
            Option("set", "", _WORD),
            Option(
                "etype",
                "ETYPE",
                Form("TYPE", unsigned(U16)),
                "sets the EtherType",
                omit=0,
                wrong='Error: argument "{}" is wrong: ethertype is invalid',
            ),
            Option("dmac", "DMAC", _MAC, "sets the destination address", wrong="Invalid dst mac address {}"),
            Option("smac", "SMAC", _MAC, "sets the source address", wrong="Invalid smac address {}"),
            Option("ecn", "ecn", Form(), "marks IP packets that are ECN-capable as congested (CE); Linux 5.14"),
        ),
        "PARMS DMAC ETYPE SMAC",
        (show_control("skbmod ", " "), _show_type, "dmac smac", _show_flags, show_closing()),
        check=_check_values,
        exact=False,
        notes="CONTROL is {pipe}.",
        forms=(
            "action skbmod set [ etype TYPE ] [ dmac ADDRESS ] [ smac ADDRESS ]",
            "action skbmod swap mac",
            "action skbmod ecn",
            "action skbmod index INDEX",
        ),
    ),
    prefix="TCA_SKBMOD",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", parameters("4xQ", "flags")),
        ("DMAC", "cdata"),
        ("SMAC", "cdata"),
        ("ETYPE", "uint16"),
        ("PAD", "cdata"),
    ),
    check=_check,
    heading=(),
    index_base=0,
    restoration=Restoration(replaces=True),
)
