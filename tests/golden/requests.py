"""Netlink messages as text: a line for each attribute, from which every byte can be told but for sequence and port.

A payload that is a list of attributes as well is written as one, whether it is meant so or not: the bytes are the same.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from tests.golden.rules import DESCRIPTOR, DEVICE

_HEADER, _ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=HH")
#: struct tcmsg: family, index of the device, handle, parent, info.
_TRAFFIC = struct.Struct("=BxxxiIII")
_KINDS = {
    16: "RTM_NEWLINK", 18: "RTM_GETLINK",
    36: "RTM_NEWQDISC", 37: "RTM_DELQDISC", 38: "RTM_GETQDISC",
    40: "RTM_NEWTCLASS", 41: "RTM_DELTCLASS", 42: "RTM_GETTCLASS",
    44: "RTM_NEWTFILTER", 45: "RTM_DELTFILTER", 46: "RTM_GETTFILTER",
    48: "RTM_NEWACTION", 49: "RTM_DELACTION", 50: "RTM_GETACTION",
    100: "RTM_NEWCHAIN", 101: "RTM_DELCHAIN", 102: "RTM_GETCHAIN",
}  # fmt: skip
#: Bytes of the structure before the attributes, of messages without a struct tcmsg.
_STRUCTURES = {16: 16, 18: 16, 48: 4, 49: 4, 50: 4}
#: NLA_F_NESTED is shown as "+" behind the number.
_NESTED, _LAST_TYPE, _BYTES_PER_LINE = 0x8000, 1023, 48
_KIND, _OPTIONS, _BPF = 1, 2, b"bpf\0"
#: TCA_ACT_BPF_FD and TCA_BPF_FD; what else has these numbers is never 4 bytes, or a name.
_DESCRIPTORS = (5, 6)


def request_lines(datagram: bytes, device: int) -> Iterator[str]:
    """The lines of a datagram; ``device`` is the index of the device of the step."""
    while len(datagram) >= _HEADER.size:
        length, kind, flags, _, _ = _HEADER.unpack_from(datagram)
        yield from _message(kind, flags, datagram[_HEADER.size : length], device)
        datagram = datagram[-(-length // 4) * 4 :] if length >= _HEADER.size else b""


def _message(kind: int, flags: int, body: bytes, device: int) -> Iterator[str]:
    name = f"{_KINDS.get(kind, f'type {kind}')} flags {flags:#x}"
    if kind in _STRUCTURES or len(body) < _TRAFFIC.size:
        size = _STRUCTURES.get(kind, len(body))
        yield f"{name} {body[:size].hex()}"
    else:
        size = _TRAFFIC.size
        family, index, handle, parent, info = _TRAFFIC.unpack_from(body)
        shown = DEVICE if device and index == device else f"{index}"
        padding = "" if body[1:4] == bytes(3) else f" padding {body[1:4].hex()}"
        yield f"{name} family {family}{padding} ifindex {shown} handle {handle:x} parent {parent:x} info {info:x}"
    yield from _payload(body[size:], "    ", of_bpf=False)


def _payload(data: bytes, indent: str, *, of_bpf: bool) -> Iterator[str]:
    """A list of attributes where the bytes are one, else the bytes; ``of_bpf``: options of a filter or action bpf."""
    attributes = _attributes(data)
    if not attributes:
        for at in range(0, len(data), _BYTES_PER_LINE):
            yield f"{indent}{data[at : at + _BYTES_PER_LINE].hex()}"
        return
    for number, payload in attributes:
        shown = f"{number & ~_NESTED}{'+' if number & _NESTED else ''}"
        if of_bpf and number in _DESCRIPTORS and len(payload) == 4 and not _text(payload):
            yield f"{indent}{shown} {DESCRIPTOR}"
        elif len(payload) <= _BYTES_PER_LINE and not _attributes(payload):
            yield f"{indent}{shown} {_text(payload) or payload.hex()}".rstrip()
        else:
            yield f"{indent}{shown}"
            yield from _payload(
                payload, indent + "    ", of_bpf=number & ~_NESTED == _OPTIONS and (_KIND, _BPF) in attributes
            )


def _attributes(data: bytes) -> list[tuple[int, bytes]]:
    """(number with flags, payload) of each attribute; empty for other bytes than those of whole, padded attributes."""
    found, at = [], 0
    while at < len(data):
        if at + _ATTRIBUTE.size > len(data):
            return []
        length, number = _ATTRIBUTE.unpack_from(data, at)
        end, padded = at + length, at + -(-length // 4) * 4
        if (
            length < _ATTRIBUTE.size
            or not 0 < number & ~_NESTED <= _LAST_TYPE
            or padded > len(data)
            or any(data[end:padded])
        ):
            return []
        found.append((number, data[at + _ATTRIBUTE.size : end]))
        at = padded
    return found


def _text(data: bytes) -> str:
    """A quoted string where the bytes are one, with the NUL at its end, of at least two letters."""
    text = data[:-1]
    if len(text) < 2 or data[-1:] != b"\0" or not all(32 <= byte < 127 for byte in text) or b'"' in text:
        return ""
    return f'"{text.decode()}"'
