"""Numbers and names of the sets of ipset(8), by a socket option (include/uapi/linux/netfilter/ipset/ip_set.h)."""

from __future__ import annotations

import os
import struct

#: struct ip_set_req_version, and struct ip_set_req_get_set with a name or an index.
_VERSION, _BY_NAME, _BY_INDEX = struct.Struct("=II"), struct.Struct("=II32s"), struct.Struct("=IIH30x")
_OPTION = 83  # SO_IP_SET
#: IP_SET_OP_*, and IPSET_INVALID_ID.
_GET_BY_NAME, _GET_BY_INDEX, _GET_VERSION, _NO_INDEX = 6, 7, 0x100, 65535


def set_index(name: str) -> int | None:
    """Return the number of a set, None where there is none; raises OSError where the kernel knows no sets."""
    index = int(_BY_INDEX.unpack(_ask(_BY_NAME, _GET_BY_NAME, os.fsencode(name)))[2])
    return None if index == _NO_INDEX else index


def set_name(index: int) -> str:
    """Return the name of a set, empty where there is none; raises OSError where the kernel knows no sets."""
    return os.fsdecode(_BY_NAME.unpack(_ask(_BY_INDEX, _GET_BY_INDEX, index))[2].partition(b"\0")[0])


def _ask(layout: struct.Struct, operation: int, value: bytes | int) -> bytes:
    from socket import AF_INET, IPPROTO_IP, IPPROTO_RAW, SOCK_RAW, socket

    from pytc.libc import socket_option

    with socket(AF_INET, SOCK_RAW, IPPROTO_RAW) as opened:
        answer = socket_option(opened.fileno(), IPPROTO_IP, _OPTION, _VERSION.pack(_GET_VERSION, 0))
        version = _VERSION.unpack(answer)[1]
        return socket_option(opened.fileno(), IPPROTO_IP, _OPTION, layout.pack(operation, version, value))
