"""Derive the extensions of classic BPF, facts that the kernel keeps beside a packet's bytes, from a captured packet."""

from __future__ import annotations

import os

from pytc.packets.link_types import ETHERNET, IPV4, IPV6, RAW, SLL, SLL2, link_type
from pytc.typing import NamedTuple

_ETH_P_802_3, _ETH_P_802_2 = 1, 4
_SMALLEST_ETHERTYPE = 0x600
_IP, _IPV6 = 0x0800, 0x86DD
_VLANS = (0x8100, 0x88A8)
_BROADCAST, _MULTICAST = 1, 2
_TYPE_OFFSET = 12  # in an Ethernet header; a tag has 4 bytes
_NOVALUE = 0
_ARPHRD_ETHER, _ARPHRD_NONE = 1, 0xFFFE


class Ancillary(NamedTuple):
    """The extensions of a packet by bpf_asm's names, and the offset of its network header.

    ``rand`` None gives a random number at each load.
    """

    proto: int = 0
    type: int = 0
    ifidx: int = 1
    mark: int = 0
    queue: int = 0
    hatype: int = _ARPHRD_ETHER
    rxhash: int = 0
    cpu: int = 0
    vlan_tci: int = 0
    vlan_avail: int = 0
    vlan_tpid: int = 0
    rand: int | None = None
    network_header: int = 0

    def random(self) -> int:
        """Return ``rand``, or a random u32 where that is None."""
        return int.from_bytes(os.urandom(4), "little") if self.rand is None else self.rand


#: Extensions that a user may set.
SETTABLE = (
    "proto",
    "type",
    "ifidx",
    "mark",
    "queue",
    "hatype",
    "rxhash",
    "cpu",
    "vlan_tci",
    "vlan_avail",
    "vlan_tpid",
    "rand",
)


def describe(data: bytes, number: int) -> Ancillary:
    """Return the extensions that a captured packet of a LINKTYPE_ number shows, with the values that the kernel has on
    ingress."""
    header = link_type(number).header or _NOVALUE
    if number == ETHERNET:
        return Ancillary(proto=ethernet_protocol(data), type=_ethernet_type(data), network_header=header)
    if number == SLL:
        return Ancillary(proto=_number(data, 14), type=_number(data, 0), hatype=_number(data, 2), network_header=header)
    if number == SLL2:
        return Ancillary(
            proto=_number(data, 0),
            type=data[10] if len(data) > 10 else 0,
            hatype=_number(data, 8),
            ifidx=int.from_bytes(data[4:8], "big"),
            network_header=header,
        )
    if number in (RAW, IPV4, IPV6):
        protocol = {4: _IP, 6: _IPV6}.get(data[0] >> 4 if data else 0, 0)
        return Ancillary(proto=protocol, hatype=_ARPHRD_NONE)
    return Ancillary(network_header=header)


def untag(data: bytes, known: Ancillary) -> tuple[bytes, Ancillary]:
    """Return an Ethernet packet as filters on ingress see it: without its outer VLAN tag, which the kernel moves from
    the bytes to the extensions."""
    tpid = _number(data, _TYPE_OFFSET)
    if tpid not in _VLANS or len(data) < _TYPE_OFFSET + 8:
        return data, known
    rest = data[:_TYPE_OFFSET] + data[_TYPE_OFFSET + 4 :]
    return rest, known._replace(
        proto=ethernet_protocol(rest), vlan_tci=_number(data, _TYPE_OFFSET + 2), vlan_avail=1, vlan_tpid=tpid
    )


def ethernet_protocol(data: bytes) -> int:
    """Return ``skb->protocol`` of a packet with an Ethernet header."""
    number = _number(data, _TYPE_OFFSET)
    if number >= _SMALLEST_ETHERTYPE:
        return number
    return _ETH_P_802_3 if data[_TYPE_OFFSET + 2 : _TYPE_OFFSET + 4] == b"\xff\xff" else _ETH_P_802_2


def _ethernet_type(data: bytes) -> int:
    """Return ``skb->pkt_type``; a packet to a single host counts as one to this host."""
    if data[:6] == b"\xff" * 6:
        return _BROADCAST
    return _MULTICAST if data and data[0] & 1 else 0


def _number(data: bytes, offset: int) -> int:
    """Return a u16 of the packet; 0 where it ends before."""
    return int.from_bytes(data[offset : offset + 2], "big") if len(data) >= offset + 2 else 0
