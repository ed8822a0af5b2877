"""Compute the extension ``poff``: where a packet's payload begins, as ``skb_get_poff`` of net/core/flow_dissector.c
does.

VLAN tags, IPv4, IPv6 with its extension headers, and tunnels of IP in IP are followed. For others that the kernel's
dissector follows (MPLS, PPPoE, GRE, B.A.T.M.A.N. ...), the answer here is 0, or the tunnel's own header.
"""

from __future__ import annotations

_IP, _IPV6, _ARP, _RARP = 0x0800, 0x86DD, 0x0806, 0x8035
_VLANS = (0x8100, 0x88A8)
_MOST_HEADERS = 15
_HOP, _ROUTING, _DESTINATION, _FRAGMENT = 0, 43, 60, 44
_IPIP, _IPV6_IN_IP, _TCP = 4, 41, 6
_TCP_HEADER = 20
#: Bytes of headers: ICMP, IGMP, UDP, DCCP, ICMPv6, SCTP, UDP-Lite.
_HEADERS = {1: 8, 2: 8, 17: 8, 33: 12, 58: 8, 132: 12, 136: 8}


class _UndissectableError(Exception):
    """The packet ends within a header, or has an unknown one."""


def payload_offset(data: bytes, protocol: int, network_header: int) -> int:
    """Return the offset of the payload in ``data``; 0 where it cannot be found."""
    try:
        offset, carried, is_later_fragment = _Dissector(data).walk(protocol, network_header)
    except _UndissectableError:
        return 0
    offset = min(offset, len(data))
    if is_later_fragment:
        return offset
    if carried == _TCP:
        return offset + max(_TCP_HEADER, (data[offset + 12] & 0xF0) >> 2) if len(data) > offset + 12 else offset
    return offset + _HEADERS.get(carried, 0)


class _Dissector:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._headers = 0

    def _take(self, offset: int, size: int) -> bytes:
        if offset < 0 or offset + size > len(self._data):
            raise _UndissectableError
        return self._data[offset : offset + size]

    def _may_go_on(self) -> bool:
        self._headers += 1
        return self._headers <= _MOST_HEADERS

    def walk(self, protocol: int, offset: int) -> tuple[int, int, bool]:
        """Return (offset of the last header, its IP protocol, whether the packet is a fragment behind the first)."""
        while True:
            if protocol in _VLANS:
                protocol, offset = int.from_bytes(self._take(offset, 4)[2:], "big"), offset + 4
                if self._may_go_on():
                    continue
                return offset, 0, False
            if protocol in (_ARP, _RARP):
                return offset, 0, False
            if protocol == _IP:
                offset, carried, fragment, done = self._ip(offset)
            elif protocol == _IPV6:
                header = self._take(offset, 40)
                offset, carried, fragment, done = self._extensions(offset + 40, header[6])
            else:
                raise _UndissectableError
            if done or carried not in (_IPIP, _IPV6_IN_IP):
                return offset, carried, fragment
            protocol = _IP if carried == _IPIP else _IPV6
            if not self._may_go_on():
                return offset, carried, fragment

    def _ip(self, offset: int) -> tuple[int, int, bool, bool]:
        header = self._take(offset, 20)
        words = header[0] & 0xF
        if words < 5:
            raise _UndissectableError
        fragment = int.from_bytes(header[6:8], "big") & 0x3FFF  # MF and the offset
        return offset + words * 4, header[9], bool(fragment & 0x1FFF), bool(fragment)

    def _extensions(self, offset: int, carried: int) -> tuple[int, int, bool, bool]:
        while carried in (_HOP, _ROUTING, _DESTINATION):
            header = self._take(offset, 2)
            carried, offset = header[0], offset + (header[1] + 1) * 8
            if not self._may_go_on():
                return offset, carried, False, True
        if carried != _FRAGMENT:
            return offset, carried, False, False
        header = self._take(offset, 8)
        return offset + 8, header[0], bool(int.from_bytes(header[2:4], "big") & 0xFFF8), True
