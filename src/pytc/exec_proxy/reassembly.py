"""Exports of several datagrams put together, whoever sends them, in whatever order they mix."""

from typing import NamedTuple

from pytc.bpf.maps.map import Map
from pytc.errors import MessageError
from pytc.exec_proxy.fd_message import Packet
from pytc.exec_proxy.received_maps import ReceivedObject, verified_map
from pytc.exec_proxy.sockets import Credentials
from pytc.exec_proxy.wire import MapEntry, ObjectIdentity, Part, decode

#: Seconds that the datagrams of one export may be apart, and exports that may be incomplete at a time.
PATIENCE = 10.0
MAX_INCOMPLETE = 32


class _Source(NamedTuple):
    """Who sends which object; a socket's own address tells two exports of one process apart, where it has one."""

    sender: Credentials
    address: bytes
    identity: ObjectIdentity


class _Incomplete:
    def __init__(self, total: int, since: float) -> None:
        self.total = total
        self.since = since
        self.entries: list[MapEntry] = []
        self.maps: list[Map] = []

    def close(self) -> None:
        for found in self.maps:
            found.close()


class Assembly:
    """Takes packets, gives objects. Owns what is incomplete; times are of one clock, in seconds."""

    def __init__(self) -> None:
        self._incomplete: dict[_Source, _Incomplete] = {}

    def take(self, packet: Packet, now: float) -> ReceivedObject | None:
        """The object that a packet completes, None while parts are missing; takes over the packet's descriptors.

        Raises MessageError for a packet that makes no sense; then its descriptors are closed, and those of the same
        export before it.
        """
        self.expire(now)
        try:
            if packet.sender is None:
                raise MessageError("the kernel does not say who the sender is")
            if packet.truncated:
                raise MessageError(
                    "bytes or descriptors of a datagram are lost: it is too large, or this process has "
                    "no descriptors left"
                )
            part = decode(packet.data, len(packet.descriptors))
            return self._add(_Source(packet.sender, packet.address, part.identity), part, packet, now)
        except BaseException:
            packet.close()
            raise

    def _add(self, source: _Source, part: Part, packet: Packet, now: float) -> ReceivedObject | None:
        export = self._incomplete.pop(source, None) or _Incomplete(part.total, now)
        try:
            for descriptor in packet.descriptors:
                export.maps.append(verified_map(descriptor))
            export.entries += part.entries
            if part.total != export.total or len(export.maps) > export.total:
                raise MessageError(f"{len(export.maps)} of {export.total} maps, and {part.total} announced now")
        except BaseException:
            export.close()
            raise
        if len(export.maps) == export.total:
            return ReceivedObject(source.identity, export.entries, export.maps, source.sender)
        export.since = now
        self._incomplete[source] = export
        if len(self._incomplete) > MAX_INCOMPLETE:
            self._incomplete.pop(next(iter(self._incomplete))).close()
        return None

    def expire(self, now: float) -> None:
        """Forgets exports whose next datagram is overdue."""
        for source in [s for s, export in self._incomplete.items() if now - export.since > PATIENCE]:
            self._incomplete.pop(source).close()

    @property
    def incomplete(self) -> int:
        return len(self._incomplete)

    def close(self) -> None:
        for export in self._incomplete.values():
            export.close()
        self._incomplete.clear()
