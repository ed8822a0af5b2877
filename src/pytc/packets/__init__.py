"""Packets in files, pcap and pcapng, read and written as streams.

>>> from pytc.packets import open_capture, write_pcap
>>> with open_capture("in.pcapng") as packets, open("out.pcap", "wb") as out:
...     write_pcap(out, packets)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.packets.capture import open_capture as open_capture
    from pytc.packets.capture import read_packets as read_packets
    from pytc.packets.link_types import LinkType as LinkType
    from pytc.packets.link_types import link_type as link_type
    from pytc.packets.packet import Packet as Packet
    from pytc.packets.writer import PcapngWriter as PcapngWriter
    from pytc.packets.writer import PcapWriter as PcapWriter
    from pytc.packets.writer import write_pcap as write_pcap

# The module of each public name, imported at its first use. Type checkers read the imports above;
# tests/test_architecture.py compares the two.
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

__all__ = list(_HOMES)


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
