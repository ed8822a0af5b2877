"""The ``ife`` action: what the kernel keeps beside a packet goes with it to another host (tc-ife(8);
include/uapi/linux/tc_act/tc_ife.h, include/uapi/linux/ife.h)."""

from __future__ import annotations

import struct

from pytc.errors import UsageError
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U16, U32, Declared, Form, Option
from pytc.tc.kinds.shared.addresses import parse_mac
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.words.engine import choose, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytc.render.documents import Display, Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.layout import Values
    from pytc.words.engine import Cursor

#: IFE_ENCODE.
_ENCODE = 1
#: Of each metadatum the number (IFE_META_*) and the format, in the order in which tc shows them.
_METADATA = {"mark": (1, "=I"), "tcindex": (5, "=H"), "prio": (3, "=I")}
#: The order in which abbreviations are tried, and in which they are sent.
_NAMES = ("mark", "prio", "tcindex")


def _take_name(cursor: Cursor, message: str) -> str:
    word = cursor.take()
    name = choose(word, _NAMES)
    if not name:
        raise UsageError(f'Error: argument "{word}" is wrong: {message}', hints=(f"{', '.join(_NAMES)} expected",))
    return name


def _take_allowed(cursor: Cursor) -> tuple[str, int]:
    return _take_name(cursor, "Illegal meta define"), 0


def _take_used(cursor: Cursor) -> tuple[str, int]:
    name = _take_name(cursor, "Illegal meta use type")
    word = cursor.take()
    try:
        return name, unsigned(U16 if name == "tcindex" else U32)(word)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: ife {name} val is invalid') from None


def _check_values(values: Values) -> None:
    if not values.get("flags"):  # decode, or an index alone: the kernel asks for nothing else
        for name in ("DMAC", "SMAC", "TYPE", "allow", "use"):
            values.pop(name, None)
        return
    # As in tc, a value of 0 is none.
    used = {name: value for name, value in values.pop("use", ()) if value}
    allowed = dict(values.pop("allow", ()))
    values["METALST"] = join_attributes(
        (number, struct.pack(format, used[name]) if name in used else b"")
        for name in _NAMES
        if name in used or name in allowed
        for number, format in (_METADATA[name],)
    )


def _check(options: DeclaredActionOptions, first: str) -> None:
    if "flags" not in options.values and not options.number:
        raise UsageError("IFE requires decode/encode specified", hints=(f'"{first}" is neither of them, nor an index',))


def _show_mode(values: Values, view: Any) -> Iterable[Part]:
    mode = "encode" if values["flags"] & _ENCODE else "decode"
    return (Field("mode", mode, f"{mode} "),)


def _show_type(key: str, number: int, display: Display) -> Field:
    text = hexadecimal(number)
    return Field(key, text, f"{key} {text.upper()} ")


def _show_metadata(values: Values, view: Any) -> Iterable[Part]:
    yield Field("", text="\n\t")
    parts: dict[int, bytes] = {}
    for number, raw in split_attributes(values.get("METALST", b"")):
        parts.setdefault(
            number, raw
        )  # Linux 5.10 keeps what was there before a change, and tells that first, as tc does
    for name, (number, format) in _METADATA.items():
        if raw := parts.get(number, b""):
            value = struct.unpack_from(format, raw)[0]
            yield Field(name, value, f"use {name} {value} ")
        elif number in parts:
            yield Field(name, "allow", f"allow {name} ")


def _show_mac(key: str, address: bytes, display: Display) -> Field:
    return Field(key, address.hex(":"), f"{key} {address.hex(':')} ")


_MAC = Form("ADDRESS", parse_mac, _show_mac)
_META = "{ mark | prio | tcindex }"

KIND = action(
    "ife",
    Declared(
        (
            Option(
                "decode", "flags", Form(value=0), "takes the metadata out of the packet, and gives it to this kernel"
            ),
            Option("encode", "flags", Form(value=_ENCODE), "puts metadata into the packet"),
            Option("allow", "allow", Form(_META, read=_take_allowed), "of this packet, unless it is 0", many=True),
            Option("use", "use", Form(f"{_META} NUMBER", read=_take_used), "always the number", many=True),
            Option(
                "type",
                "TYPE",
                Form("TYPE", unsigned(U16), _show_type),
                "the EtherType of such packets {0xED3E}",
                wrong='Error: argument "{}" is wrong: ife type is invalid',
            ),
            Option("dst", "DMAC", _MAC, "the destination address of the outer header"),
            Option("src", "SMAC", _MAC, "the source address of the outer header"),
        ),
        "PARMS DMAC TYPE SMAC METALST",
        (_show_mode, show_control("action ", " "), "type", _show_metadata, "dst src", show_closing()),
        check=_check_values,
        exact=False,
        wrong='Error: argument "{}" is wrong: Invalid mac address',
        notes="CONTROL is {pipe}.",
        forms=(
            f"action ife encode [ allow {_META} ] [ use {_META} NUMBER ]\n"
            f"{' ' * 22}[ type TYPE ] [ dst ADDRESS ] [ src ADDRESS ]",
            "action ife decode",
            "action ife index INDEX",
        ),
    ),
    prefix="TCA_IFE",
    attributes=(
        ("PARMS", parameters("H2x", "flags")),
        ("TM", "cdata"),
        ("DMAC", "cdata"),
        ("SMAC", "cdata"),
        ("TYPE", "uint16"),
        ("METALST", "cdata"),
        ("PAD", "cdata"),
    ),
    check=_check,
    index_base=0,
)
