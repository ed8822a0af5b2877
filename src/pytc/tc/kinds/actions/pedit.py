"""The ``pedit`` action: fields of packets are changed (tc-pedit(8); include/uapi/linux/tc_act/tc_pedit.h).

TCA_PEDIT_PARMS, or TCA_PEDIT_PARMS_EX with ``ex``, is struct tc_pedit_sel: struct tc_gen, ``nkeys u8, flags u8``, then
for each key struct tc_pedit_key. Its mask has the bits that stay, and its value is what the others become. With ``ex``,
TCA_PEDIT_KEYS_EX says of each key which header its offset counts from, and whether the value is added.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Schema, join_attributes, mark_nested, split_attributes
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.action import action, parameters, show_closing
from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.shared.action_parts import PASS, control_group
from pytc.tc.kinds.shared.pedit_words import Key, take_munge
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import RenderEnv
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.shared.pedit_words import Munge
    from pytc.words.engine import Cursor

#: struct tc_pedit_sel without its keys, and struct tc_pedit_key, whose mask and value are in the packet's byte order.
_SELECTOR = parameters("2B2x", "nkeys flags")
_KEY = Layout("4s4s4I", "mask value offset at offmask shift")
_KEY_EX = Schema(("none", "none"), ("htype", "uint16"), ("cmd", "uint16"))
_KEY_EX_NUMBER = 6
#: enum pedit_header_type, in print.
_HEADERS = {0: "network", 1: "eth", 2: "ipv4", 3: "ipv6", 4: "tcp", 5: "udp"}
#: tc takes no more, and struct tc_pedit_sel counts them in a byte.
_MOST = 128
_SIGN = 1 << 31


def _more_words(cursor: Cursor) -> bool:
    """Refuse to be the last word; raises UsageError."""
    return bool(cursor.peek() or cursor.take())


def _check(values: Values) -> None:
    """Refuse what does not go with the mode; raises InvalidOptionsError."""
    munges: Sequence[Munge] = values.get("munges", ())
    names, extended = list(values), "ex" in values
    if extended and names[0] != "ex":
        raise InvalidOptionsError("'ex' must be before first 'munge'")
    for munge in munges:
        if munge.adds and not extended:
            raise InvalidOptionsError("Non extended mode. only 'set' command is supported")
        if munge.mode and extended != (munge.mode == "ex"):
            hint = 'needs "pedit ex"' if munge.mode == "ex" else 'goes without "ex", which has tcp and udp instead'
            raise InvalidOptionsError(f"bad pedit parsing: {munge.name} {hint}")
    count = sum(len(munge.keys) for munge in munges)
    if count > _MOST:
        raise InvalidOptionsError(f"Bad pedit construct: {count} keys of 32 bits; {_MOST} are the most")


def _complete(values: Values, env: object) -> None:
    munges: Sequence[Munge] = values.get("munges", ())
    keys = [key for munge in munges for key in munge.keys]
    raw = _SELECTOR.pack({**values, "nkeys": len(keys)}) + b"".join(_KEY.pack(key._asdict()) for key in keys)
    if "ex" not in values:
        values["PARMS"] = raw
        return
    values["PARMS_EX"] = raw
    values["KEYS_EX"] = join_attributes(
        (mark_nested(_KEY_EX_NUMBER), _KEY_EX.encode([("htype", munge.header), ("cmd", int(munge.adds))]))
        for munge in munges
        for _ in munge.keys
    )


class _ShownKey(NamedTuple):
    key: Key
    header: int = 0
    adds: bool = False


def _keys(values: Values, selector: Values) -> list[_ShownKey]:
    """Return the keys that the kernel sent."""
    raw, start = values.get("PARMS") or values["PARMS_EX"], _SELECTOR.size
    more = [_KEY_EX.decode(part) for _, part in split_attributes(values.get("KEYS_EX", b""))]
    found = []
    for number in range(min(selector["nkeys"], (len(raw) - start) // _KEY.size)):
        key = Key(**_KEY.unpack(raw[start + number * _KEY.size :]))
        extended = more[number] if number < len(more) else {}
        found.append(_ShownKey(key, extended.get("htype", 0), extended.get("cmd", 0) != 0))
    return found


def _show(values: Values, view: RenderEnv) -> list[Part]:
    selector = _SELECTOR.unpack(values.get("PARMS") or values["PARMS_EX"])
    keys = _keys(values, selector)
    count = selector["nkeys"]
    *closing, _ = show_closing(" \t ")({**values, **selector}, view)
    return [
        control_group(selector["action"], before="action ", after=" "),
        Field("nkeys", count, f"keys {count}"),
        *closing,
        ArrayField("keys", [_key_document(number, key) for number, key in enumerate(keys)]),
        Field("", text="\n" if keys else f"\npedit {selector['index']:x} keys {count} is not LEGIT\n"),
    ]


def _key_document(number: int, shown: _ShownKey) -> list[Field]:
    key, header, adds = shown
    offset = key.offset - 2 * (key.offset & _SIGN)
    name = _HEADERS.get(header, f"unknown({header})")
    place = f"{name}{offset:+d}" if header else str(offset)
    value, mask = (int.from_bytes(raw, "big") for raw in (key.value, key.mask))
    return [
        Field("htype", name, f"\n\t key #{number}  at {place}"),
        Field("offset", offset),
        Field("cmd", "add" if adds else "set", f": {'add' if adds else 'val'}"),
        Field("val", f"{value:x}", f" {value:08x}"),
        Field("mask", f"{mask:x}", f" mask {mask:08x}"),
    ]


_WORD = Form(read=_more_words)
KIND = action(
    "pedit",
    Declared(
        (
            Option("pedit", "pedit", _WORD, "", exact=False),
            Option("ex", "ex", _WORD, "fields of any header, which may be added to (Linux 4.11)"),
            Option("munge", "munges", Form("FIELD CHANGE", read=take_munge), "what is changed", many=True),
        ),
        "PARMS PARMS_EX KEYS_EX",
        (_show,),
        check=_check,
        complete=_complete,
        exact=False,
        synopsis="action pedit",
        notes="""
FIELD := offset BYTES { u32 | u16 | u8 } [ at BYTES [ offmask ] MASK [ shift ] BITS ]
         | ip { src | dst | tos | dsfield | ihl | ttl | protocol | precedence | nofrag | firstfrag | ce | df | mf }
         | ip { sport | dport | icmp_type | icmp_code }, without ex, where the IP header has 20 bytes
         | eth { src | dst | type } | tcp { sport | dport | flags } | udp { sport | dport }, with ex
         | ip6 { src | dst | traffic_class | flow_lbl | payload_len | nexthdr | hoplimit }, with ex
CHANGE := { set VALUE | clear | invert | preserve } [ retain MASK ]
          | { add VALUE | decrement }, with ex; decrement for ttl and hoplimit

Offsets count from the IP header. "at" adds to one what the packet has there, masked (in hexadecimal) and shifted right.
retain MASK has the bits that are changed. CONTROL is {pass}.
""",
    ),
    prefix="TCA_PEDIT",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", "cdata"),
        ("PAD", "cdata"),
        ("PARMS_EX", "cdata"),
        ("KEYS_EX", "nested"),
        ("KEY_EX", "nested"),
    ),
    control=PASS,
    needs=("PARMS", "PARMS_EX"),
    heading=(Field("kind", "pedit", " pedit "),),
    index_of="Pedit",
    restoration=Restoration(replaces=True),
)
