"""Receive exports: put their datagrams together, and check their descriptors.

A descriptor from another process counts as a map only once the kernel says so.
"""

from __future__ import annotations

import os

from pytc.bpf.maps.map import Map
from pytc.bpf.sys.abi import IdAttr
from pytc.bpf.sys.constants import F_RDONLY, Command
from pytc.bpf.sys.descriptor import OwnedFd, descriptor_limit
from pytc.bpf.sys.syscall import bpf
from pytc.closing import Closing
from pytc.errors import BpfSyscallError, MessageError
from pytc.exec_proxy.environment import NamedDescriptor
from pytc.exec_proxy.wire import decode
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.exec_proxy.sockets import Credentials, Message
    from pytc.exec_proxy.wire import Datagram, MapEntry, ObjectIdentity

#: Seconds that the datagrams of one export may be apart, and exports that may be incomplete at a time.
PATIENCE = 10.0
MAX_INCOMPLETE = 32
_MAP_LINK = "anon_inode:bpf-map"


def verified_map(descriptor: OwnedFd) -> Map:
    """Return the map of a descriptor; closes it and raises MessageError where it is anything else."""
    try:
        link = os.readlink(f"/proc/self/fd/{descriptor.fd}")
        if link != _MAP_LINK:
            raise MessageError(f"a descriptor is not a BPF map but {link!a}")
        return Map(descriptor)
    except BaseException as error:
        descriptor.close()
        if isinstance(error, OSError | BpfSyscallError):
            raise MessageError(f"a descriptor cannot be examined: {error}", errno=error.errno) from error
        raise


def reopen_read_only(map: Map) -> Map:
    """Close a map, and return it opened read-only for user space; raises BpfSyscallError."""
    with map:
        number = map.description.id
        what = f'map "{map.name}": opening it read-only'
        return Map(OwnedFd(bpf(Command.MAP_GET_FD_BY_ID, IdAttr(id=number, open_flags=F_RDONLY), what=what)))


class ReceivedObject(Closing):
    """The maps of one export, and the owner of their descriptors.

    ``entries`` are the sender's description of them, in the same order: only the ids are used, the kernel tells the
    rest (``maps[0].description``).
    """

    def __init__(
        self, identity: ObjectIdentity, entries: Sequence[MapEntry], maps: Sequence[Map], sender: Credentials
    ) -> None:
        self.identity = identity
        self.entries = list(entries)
        self.maps = list(maps)
        self.sender = sender

    def make_read_only(self) -> None:
        """Reopen every map read-only; raises BpfSyscallError."""
        for index, map in enumerate(self.maps):
            self.maps[index] = reopen_read_only(map)

    def named(self) -> list[NamedDescriptor]:
        """Return the descriptors with their ids and names."""
        return [
            NamedDescriptor(entry.id, map.description.name, map.fd)
            for entry, map in zip(self.entries, self.maps, strict=True)
        ]

    def map_ids(self) -> frozenset[int]:
        """Return the kernel's ids of the maps."""
        return frozenset(map.description.id for map in self.maps)

    def close(self) -> None:
        """Close all maps."""
        for map in self.maps:
            map.close()


class _Source(NamedTuple):
    """The sender of an object; a socket's own address, where it has one, tells two exports of one process apart."""

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
        for map in self.maps:
            map.close()


class Assembly:
    """A buffer that puts the datagrams of exports together, in whatever order several senders mix them.

    Owns the descriptors of incomplete exports. Times are seconds of one clock.
    """

    def __init__(self) -> None:
        self._incomplete: dict[_Source, _Incomplete] = {}

    def take(self, message: Message, now: float) -> ReceivedObject | None:
        """Return the object that a message completes, None while parts are missing; takes over the descriptors.

        Raises MessageError for a message that makes no sense; then its descriptors are closed, and those of the same
        export before it.
        """
        self.expire(now)
        try:
            if message.sender is None:
                raise MessageError("the kernel does not identify the sender")
            if message.truncated:
                raise MessageError(
                    "a datagram was truncated: it is too large, or this process has no descriptors left; "
                    f"it may have {descriptor_limit()} of them (ulimit -n)"
                )
            datagram = decode(message.data, len(message.descriptors))
            return self._add(_Source(message.sender, message.address, datagram.identity), datagram, message, now)
        except BaseException:
            message.close()
            raise

    def _add(self, source: _Source, datagram: Datagram, message: Message, now: float) -> ReceivedObject | None:
        export = self._incomplete.pop(source, None) or _Incomplete(datagram.total, now)
        try:
            for descriptor in message.descriptors:
                export.maps.append(verified_map(descriptor))
            export.entries += datagram.entries
            if datagram.total != export.total or len(export.maps) > export.total:
                raise MessageError(
                    f"{len(export.maps)} of {export.total} maps received, but {datagram.total} announced now"
                )
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
        """Forget exports whose next datagram is overdue."""
        for source in [s for s, export in self._incomplete.items() if now - export.since > PATIENCE]:
            self._incomplete.pop(source).close()

    @property
    def incomplete(self) -> int:
        """The number of incomplete exports."""
        return len(self._incomplete)

    def close(self) -> None:
        """Close the descriptors of incomplete exports."""
        for export in self._incomplete.values():
            export.close()
        self._incomplete.clear()
