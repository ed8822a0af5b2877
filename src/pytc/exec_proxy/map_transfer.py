"""Export the maps of a loaded object to another process, and import them there.

>>> with Importer("/run/bpf.sock") as importer, importer.receive() as received:
...     print(received.identity.name, [map.name for map in received.maps])

and in another process, while ``loaded`` is what :func:`pytc.bpf.load` gave:

>>> send_maps("/run/bpf.sock", identify("bpf.o"), loaded.maps.values())
"""

from __future__ import annotations

import errno
import os
import select
import time

from pytc.bpf.object.spec import DATA
from pytc.closing import Closing
from pytc.errors import MessageError, TransferError, strerror
from pytc.exec_proxy.environment import assign_ids
from pytc.exec_proxy.received import Assembly
from pytc.exec_proxy.sockets import DATAGRAM, BoundSocket, connect, is_trusted, receive, send
from pytc.exec_proxy.wire import (
    ENTRY,
    ENTRY_2015,
    LARGEST,
    MAPS_IN_DATAGRAM,
    MapEntry,
    ObjectIdentity,
    encode,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from pytc.bpf.maps.map import Map
    from pytc.exec_proxy.received import ReceivedObject

#: Seconds that an exporter waits for an importer that does not read.
SEND_TIMEOUT = 10.0
_U32 = 0xFFFFFFFF
#: Seconds to wait after an error that may pass.
_PAUSE = 0.1


def identify(path: str) -> ObjectIdentity:
    """Return the identity of an object file; without device and inode when it is gone."""
    try:
        status = os.stat(path)
    except OSError:
        return ObjectIdentity(path)
    return ObjectIdentity(path, status.st_dev, status.st_ino)


class Exporter(Closing):
    """A connection to an importer. Make it before there is anything to send, since connecting is what tends to fail.

    Raises TransferError.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        try:
            self._socket = connect(path, DATAGRAM, timeout=SEND_TIMEOUT)
        except TransferError as error:
            if error.errno == errno.ENOENT:
                error.with_hints(f'"pytc exec bpf import {path}" creates it and waits for maps')
            raise
        try:
            self._socket.bind("")  # an address of its own tells the importer which datagrams belong together
        except OSError:
            pass  # without an address, the importer goes by process and object

    def send(self, identity: ObjectIdentity, maps: Iterable[Map], *, entry_size: int = 0) -> int:
        """Send maps, in several datagrams where there are more than 64, and return their number.

        ``entry_size`` is the size of an entry in bytes, 36 or 20; 0 for what :func:`usual_entry_size` says. Raises
        TransferError; then the importer has got none or, of several datagrams, not all, which it forgets.
        """
        ordered = in_order(maps)
        if not ordered:
            raise TransferError(f'"{identity.name}" has no maps to export')
        fds = [map.fd for map in ordered]
        size = entry_size or usual_entry_size(ordered)
        for number, data in enumerate(encode(identity, entries(ordered), entry_size=size)):
            start = number * MAPS_IN_DATAGRAM
            try:
                send(self._socket, data, fds[start : start + MAPS_IN_DATAGRAM])
            except TimeoutError:
                raise TransferError(
                    f'cannot export to "{self.path}": the listener has not read for {SEND_TIMEOUT:g} seconds'
                ) from None
            except OSError as error:
                raise TransferError(
                    f'cannot export to "{self.path}": {strerror(error.errno or 0)}', errno=error.errno
                ) from error
        return len(ordered)

    def close(self) -> None:
        """End the connection."""
        self._socket.close()


def send_maps(path: str, identity: ObjectIdentity, maps: Iterable[Map], *, entry_size: int = 0) -> int:
    """Send maps to the importer at ``path``; returns their number. ``entry_size`` is as for :meth:`Exporter.send`.

    Raises TransferError.
    """
    with Exporter(path) as exporter:
        return exporter.send(identity, maps, entry_size=entry_size)


def usual_entry_size(maps: Iterable[Map]) -> int:
    """Return the size of an entry that the receiver of an object's maps expects, in bytes.

    An object whose maps are declared with 20 bytes and an id comes from the same sources as an agent that was built
    with this structure, and reads no other: iproute2's examples/bpf of 2015 (bpf_agent.c). All others expect 36.
    """
    specs = [map.spec for map in maps if map.spec is not None]
    is_of_2015 = any(spec.definition_size == ENTRY_2015.size and spec.id is not None for spec in specs)
    return (ENTRY_2015 if is_of_2015 else ENTRY).size


def in_order(maps: Iterable[Map]) -> list[Map]:
    """Return maps in the order in which they are sent: declared ones before those of global variables."""
    return sorted(maps, key=lambda map: map.spec is not None and map.spec.origin == DATA)


def entries(maps: Iterable[Map]) -> list[MapEntry]:
    """Return the entries of maps; one that declares no id, or that of another, gets an unused one."""
    maps = list(maps)
    ids = assign_ids([map.spec.id if map.spec is not None else None for map in maps])
    return [_entry(map, number) for map, number in zip(maps, ids, strict=True)]


def _entry(map: Map, number: int) -> MapEntry:
    kernel, spec = map.description, map.spec
    entry = MapEntry(kernel.type, kernel.key_size, kernel.value_size, kernel.max_entries, kernel.flags & _U32, number)
    if spec is None:
        return entry
    return entry._replace(pinning=spec.pinning, inner_id=spec.inner_id, inner_idx=spec.inner_idx & _U32)


class Importer(Closing):
    """A socket at a path that takes exports.

    ``users`` may export besides root and this user; ``refused`` is called with a sentence for each export that is
    refused. The socket may be among ``given`` descriptors. Raises TransferError where the socket cannot be created.
    """

    def __init__(
        self,
        path: str,
        *,
        mode: int = 0o600,
        owner: int = -1,
        users: Collection[int] = (),
        given: Collection[int] = (),
        refused: Callable[[str], object] | None = None,
    ) -> None:
        self._users = frozenset(users)
        self._refused = refused
        self._assembly = Assembly()
        self._bound = BoundSocket(path, DATAGRAM, mode=mode, owner=owner, given=given)
        self._bound.socket.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor for poll(2)."""
        return self._bound.socket.fileno()

    def receive(self, timeout: float | None = None) -> ReceivedObject:
        """Wait for the next whole export, which the caller closes; raises TransferError after ``timeout`` seconds."""
        end = None if timeout is None else time.monotonic() + max(timeout, 0)
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                raise TransferError(f'no maps arrived at "{self._bound.path}" in time')
            try:
                is_ready = poll.poll(None if left is None else left * 1000 + 1)
            except OSError as error:
                self._wait_after(error)
                continue
            received = self.take() if is_ready else None
            if received is not None:
                return received

    def take(self) -> ReceivedObject | None:
        """Take one datagram without waiting; returns the export that it completes, None otherwise."""
        try:
            message = receive(self._bound.socket, LARGEST)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError as error:  # lack of memory, mostly, which passes; the message is still in the queue
            self._wait_after(error)
            return None
        try:
            if message.sender is not None and not is_trusted(message.sender.uid, self._users):
                message.close()
                raise MessageError("this user may not export to it")
            return self._assembly.take(message, time.monotonic())
        except MessageError as error:
            if self._refused is not None:
                self._refused(f"refused maps from {message.sender or 'somebody'}: {error}")
            return None

    def _wait_after(self, error: OSError) -> None:
        if self._refused is not None:
            self._refused(f"cannot receive for the moment: {strerror(error.errno or 0)}")
        time.sleep(_PAUSE)

    def expire(self) -> None:
        """Close the descriptors of exports whose other datagrams never came."""
        self._assembly.expire(time.monotonic())

    def close(self) -> None:
        """Remove the socket; raises TransferError where its file stays."""
        self._assembly.close()
        self._bound.close()
