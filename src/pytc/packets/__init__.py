"""Packets in files, pcap and pcapng, read and written as streams.

>>> from pytc.packets import open_capture, write_pcap
>>> with open_capture("in.pcapng") as packets, open("out.pcap", "wb") as out:
...     write_pcap(out, packets)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytc.packets.capture import open_capture, read_packets
    from pytc.packets.link_types import LinkType, link_type
    from pytc.packets.packet import Packet
    from pytc.packets.writer import PcapngWriter, PcapWriter, write_pcap

_HOMES = {
    "LinkType": "link_types",
    "Packet": "packet",
    "PcapWriter": "writer",
    "PcapngWriter": "writer",
    "link_type": "link_types",
    "open_capture": "capture",
    "read_packets": "capture",
    "write_pcap": "writer",
}

__all__ = [
    "LinkType",
    "Packet",
    "PcapWriter",
    "PcapngWriter",
    "link_type",
    "open_capture",
    "read_packets",
    "write_pcap",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
