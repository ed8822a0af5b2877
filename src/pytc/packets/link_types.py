"""Link types: the headers that packets of a device or a capture begin with.

Files name them by LINKTYPE_* (https://www.tcpdump.org/linktypes.html), libpcap by DLT_*, which is the same number for
all but a few (pcap/dlt.h), and the kernel by ARPHRD_* (include/uapi/linux/if_arp.h).
"""

from __future__ import annotations

from pytc.typing import NamedTuple


class LinkType(NamedTuple):
    """A link type by libpcap's name, without ``DLT_``.

    ``header`` is the number of bytes before the network header, None where that differs from packet to packet.
    """

    name: str
    number: int
    dlt: int
    header: int | None = None


KNOWN = (
    LinkType("NULL", 0, 0, 4),
    LinkType("EN10MB", 1, 1, 14),
    LinkType("IEEE802", 6, 6),
    LinkType("SLIP", 8, 8, 16),
    LinkType("PPP", 9, 9, 4),
    LinkType("FDDI", 10, 10),
    LinkType("RAW", 101, 12, 0),
    LinkType("IEEE802_11", 105, 105),
    LinkType("LOOP", 108, 108, 4),
    LinkType("LINUX_SLL", 113, 113, 16),
    LinkType("PRISM_HEADER", 119, 119),
    LinkType("IEEE802_11_RADIO", 127, 127),
    LinkType("USB_LINUX", 189, 189),
    LinkType("IEEE802_15_4_WITHFCS", 195, 195),
    LinkType("USB_LINUX_MMAPPED", 220, 220),
    LinkType("CAN_SOCKETCAN", 227, 227, 0),
    LinkType("IPV4", 228, 228, 0),
    LinkType("IPV6", 229, 229, 0),
    LinkType("NETLINK", 253, 253, 16),
    LinkType("VSOCK", 271, 271),
    LinkType("LINUX_SLL2", 276, 276, 20),
)
ETHERNET = 1
RAW = 101
SLL = 113
SLL2 = 276
IPV4, IPV6 = 228, 229

_BY_NUMBER = {known.number: known for known in KNOWN}
_BY_NAME = {known.name: known for known in KNOWN}
#: Names by the ARPHRD_* of devices, for packets as a tc filter sees them: from the link-layer header on, if any.
_BY_DEVICE = {
    1: "EN10MB",  # ARPHRD_ETHER
    772: "EN10MB",  # ARPHRD_LOOPBACK
    512: "RAW",  # ARPHRD_PPP: the PPP header is put before a packet after, and taken off before the filters
    519: "RAW",  # ARPHRD_RAWIP
    768: "RAW",
    769: "RAW",
    776: "RAW",
    778: "RAW",
    823: "RAW",  # ARPHRD_TUNNEL, TUNNEL6, SIT, IPGRE, IP6GRE
    0xFFFE: "RAW",  # ARPHRD_NONE: tun, wireguard
    280: "CAN_SOCKETCAN",
    800: "IEEE802",
    774: "FDDI",
    801: "IEEE802_11",
    802: "PRISM_HEADER",
    803: "IEEE802_11_RADIO",
    804: "IEEE802_15_4_WITHFCS",
    824: "NETLINK",
    826: "VSOCK",
}


def link_type(number: int) -> LinkType:
    """Return the link type with a LINKTYPE_ number; an unknown one gets a name like ``147``."""
    return _BY_NUMBER.get(number) or LinkType(str(number), number, number)


def link_type_of_device(arphrd: int) -> LinkType | None:
    """Return the link type that a tc filter meets at a device of an ARPHRD_* type; None where it is not known."""
    name = _BY_DEVICE.get(arphrd)
    return _BY_NAME[name] if name is not None else None
