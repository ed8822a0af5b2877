"""What the machine has: a record is for one kernel version with certain kinds of traffic control, and libraries."""

from __future__ import annotations

import ctypes
import errno
import platform
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

_HEADER, _TRAFFIC, _ERROR = struct.Struct("=IHHII"), struct.Struct("=BxxxiIII"), struct.Struct("=i")
_NEW_QDISC, _NEW_FILTER, _NEW_ACTION = 36, 44, 48
#: NLM_F_REQUEST, ACK, REPLACE and CREATE.
_FLAGS = 0x505
_ROOT, _CLSACT, _INGRESS = 0xFFFFFFFF, 0xFFFFFFF1, 0xFFFFFFF2
_ALL = 0x300  # ETH_P_ALL in network byte order


def version() -> str:
    """Returns the name of the directory with the records of the running kernel, like ``6.18-x86_64``."""
    return f"{'.'.join(platform.release().split('.')[:2])}-{platform.machine()}"


def missing(kinds: Iterable[str], device: str) -> list[str]:
    """Returns what the machine lacks of what decides on the record."""
    others = {
        "BTF": Path("/sys/kernel/btf/vmlinux").exists(),
        "libpcap": _library("libpcap.so.0.8") or _library("libpcap.so.1"),
    }
    return [*(name for name, there in others.items() if not there), *_missing_kinds(kinds, device)]


def _library(name: str) -> bool:
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def _missing_kinds(kinds: Iterable[str], device: str) -> list[str]:
    """Returns the kinds of qdiscs, filters and actions that the kernel lacks; an action may begin with ``act_``.

    ``device`` is one of a namespace of its own, where what is tried is left behind.
    """
    index = socket.if_nametoindex(device)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as asked:
        asked.bind((0, 0))
        _number(asked, _NEW_QDISC, _TRAFFIC.pack(0, index, 0xFFFF0000, _CLSACT, 0) + _kind("clsact"))
        return [kind for number, kind in enumerate(sorted(set(kinds)), 1) if not _has(asked, index, number, kind)]


def _has(asked: socket.socket, index: int, preference: int, kind: str) -> bool:
    """Whether the kernel answers anything else than that it does not know the kind. No two kinds have a preference."""
    qdisc = _TRAFFIC.pack(0, index, 0, _ROOT, 0) + _kind(kind)
    filter = _TRAFFIC.pack(0, index, 0, _INGRESS, preference << 16 | _ALL) + _kind(kind)
    action = bytes(4) + _attribute(1, _attribute(1, _kind(kind.removeprefix("act_"))))
    tried = [(_NEW_ACTION, action)]
    if not kind.startswith("act_"):
        tried += [(_NEW_QDISC, qdisc), (_NEW_FILTER, filter)]
    return any(_number(asked, number, body) != errno.ENOENT for number, body in tried)


def _number(asked: socket.socket, kind: int, body: bytes) -> int:
    """Sends a request; returns the errno in the answer."""
    asked.send(_HEADER.pack(_HEADER.size + len(body), kind, _FLAGS, 1, 0) + body)
    while True:
        answer = asked.recv(1 << 16)
        if _HEADER.unpack_from(answer)[1] == 2:  # NLMSG_ERROR
            return -int(_ERROR.unpack_from(answer, _HEADER.size)[0])


def _kind(name: str) -> bytes:
    return _attribute(1, name.encode() + b"\0")


def _attribute(number: int, payload: bytes) -> bytes:
    return struct.pack("=HH", len(payload) + 4, number) + payload + bytes(-len(payload) % 4)
