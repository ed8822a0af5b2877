"""Selectors of ``u32`` filters as tc prints them."""

from __future__ import annotations

from pytc.protocols import IP, IPV6
from pytc.render.documents import Field, Group
from pytc.tc.kinds.shared.u32_selector import EAT, OFFSET, VARIABLE_OFFSET

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Document, Json, Part
    from pytc.tc.kinds.shared.u32_selector import Key, Selector

_ADDRESSES = {12: "src", 16: "dst"}
_PORTS_AT, _PROTOCOL_AT = 20, 8


def handle_text(number: int, *, raw: bool = False) -> str:
    """Return a handle like ``800::801``; with tc's ``-raw`` also the number."""
    if not number:
        return "none"
    table, bucket, node = number >> 20, number >> 12 & 0xFF, number & 0xFFF
    text = (f"{table:x}:" if table else "") + (f"{bucket:x}" if bucket else "") + (f":{node:x}" if node else "")
    return f"{text}[{number:08x}]" if raw else text


def key_parts(keys: Sequence[Key], hits: Sequence[int] | None, *, protocol: int, pretty: bool) -> list[Part]:
    """Return the keys, with how often each matched.

    In JSON, tc repeats a member for each: here it is that of the last, which is what programs make of it, and where
    there is more to say, ``matches`` lists them all.
    """
    parts: list[Part] = []
    for number, key in enumerate(keys):
        parts.append(Group("match", _pretty(key, protocol) if pretty else _raw(key)))
        if hits is not None:
            parts.append(Field("success", hits[number], f" (success {hits[number]} ) "))
    if len(keys) > 1 or (keys and hits is not None):
        parts.append(
            Field(
                "matches", [_member(key, hits[number] if hits is not None else None) for number, key in enumerate(keys)]
            )
        )
    return parts


def _member(key: Key, hits: int | None) -> Json:
    members = _members(key)
    return members if hits is None else {**members, "success": hits}


def _members(key: Key) -> dict[str, Json]:
    return {"value": f"{key.value:x}", "mask": f"{key.mask:x}", "offmask": _behind(key), "off": key.offset}


def _behind(key: Key) -> str:
    return "nexthdr+" if key.offset_mask else ""


def _raw(key: Key) -> list[Field]:
    texts = (f"\n  match {key.value:08x}", f"/{key.mask:08x} ", f"at {_behind(key)}", f"{key.offset}")
    return [Field(name, value, text) for (name, value), text in zip(_members(key).items(), texts, strict=True)]


def _pretty(key: Key, protocol: int) -> Document:
    """Return a key in the terms of IP, empty where tc has no term for it."""
    if protocol not in (IP, IPV6):
        return _raw(key)
    if key.offset in _ADDRESSES:
        return _address(key, _ADDRESSES[key.offset])
    if key.offset == _PORTS_AT:
        return _ports(key, is_swapped=protocol == IPV6)
    if (key.offset, key.mask) == (0, 0x0F000000):
        return [Field("ip_ihl", key.value >> 24, f"\n  match IP ihl {key.value >> 24}")]
    if (key.offset, key.mask) == (0, 0x00FF0000):
        field = key.value >> 16
        return [
            Field(
                "ip_dsfield",
                f"{field:#x}" if field else "0",
                f"\n  match IP dsfield {field:#x}" if field else "\n  match IP dsfield 0",
            )
        ]
    if (key.offset, key.mask) == (_PROTOCOL_AT, 0x00FF0000):
        return [Field("ip_protocol", key.value >> 16, f"\n  match IP protocol {key.value >> 16}")]
    return []


def _address(key: Key, name: str) -> Document:
    length = key.mask.bit_count()
    if key.mask != 0xFFFFFFFF << 32 - length & 0xFFFFFFFF:
        return []
    address = ".".join(str(byte) for byte in key.value.to_bytes(4, "big"))
    return [
        Field("", text=f"\n  match IP {name} "),
        Group(name, [Field("address", address, address), Field("prefixlen", length, f"/{length}")]),
    ]


def _ports(key: Key, *, is_swapped: bool) -> Document:
    """Return the ports as tc prints them: with IPv6 the halves change places, and the second port does not begin a
    line."""
    low, high = key.value & 0xFFFF, key.value >> 16
    first, second = ("sport", "dport") if is_swapped else ("dport", "sport")
    begins = {"sport": "\n  ", "dport": ""}
    if key.mask == 0x0000FFFF:
        return [Field(first, low, f"{begins[first]}match {first} {low}")]
    if key.mask == 0xFFFF0000:
        return [Field(second, high, f"{begins[second]}match {second} {high}")]
    if key.mask == 0xFFFFFFFF:
        return [Field(first, low, f"\n  match {first} {low}, "), Field(second, high, f"match {second} {high}")]
    return []


def offset_parts(selector: Selector) -> list[Part]:
    """Return where the next header is, and the bucket of the next table. tc prints text into its JSON."""
    parts: list[Part] = []
    if selector.flags & (VARIABLE_OFFSET | OFFSET):
        parts.append(Field("", text="\n    offset "))
        if selector.flags & VARIABLE_OFFSET:
            parts += [
                Field("offset_mask", f"{selector.offset_mask:x}", f"{selector.offset_mask:04x}"),
                Field("offset_shift", selector.shift, f">>{selector.shift} "),
                Field("offset_off", selector.offset_at, f"at {selector.offset_at} "),
            ]
        if selector.plus:
            parts.append(Field("plus", selector.plus, f"plus {selector.plus} "))
    if selector.flags & EAT:
        parts.append(Field("eat", True, " eat "))
    if selector.hash_mask:
        parts += [
            Field("hash_mask", f"{selector.hash_mask:x}", f"\n    hash mask {selector.hash_mask:08x} "),
            Field("hash_off", selector.hash_at, f"at {selector.hash_at} "),
        ]
    return parts
