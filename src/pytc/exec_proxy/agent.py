"""Run an agent: a process that stores maps, takes exports at a path, and sends them to any import that asks.

One thread, one poll(2). The stored maps outlive both exporters and importers; when the agent ends, maps that nobody
else uses are gone.
"""

from __future__ import annotations

import os
import select
import socket
import time

from pytc.closing import Closing
from pytc.errors import MessageError
from pytc.exec_proxy import agent_wire as control
from pytc.exec_proxy import wire
from pytc.exec_proxy.map_transfer import Importer
from pytc.exec_proxy.remarks import FewRemarks
from pytc.exec_proxy.sockets import DATAGRAM, SEQPACKET, BoundSocket, is_trusted, open_socket, peer, receive, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pytc.exec_proxy.received import ReceivedObject

MAX_OBJECTS = 1024
MAX_CONVERSATIONS = 64
#: Exports that are reported in a minute.
_EXPORTS_REPORTED = 100
_BACKLOG = 16
# In seconds: the longest conversation, the time between checks for longer ones, the pause without free descriptors.
_PATIENCE = 10.0
_TICK = 5.0
_PAUSE = 0.1

if TYPE_CHECKING:
    Outgoing = Iterator[tuple[bytes, list[int]]]


class _Stored:
    """An export in the agent. Its maps are closed once it is dropped and no answer that sends them is left."""

    def __init__(self, about: control.StoredObject, received: ReceivedObject) -> None:
        self.about = about
        self.received = received
        self.readers = 0
        self.dropped = False

    def drop(self) -> None:
        """Close the maps, now or once the last reader has them."""
        self.dropped = True
        self.close_if_unused()

    def close_if_unused(self) -> None:
        """Close the maps of a dropped export that nobody reads."""
        if self.dropped and not self.readers:
            self.received.close()

    def matches(self, selector: str) -> bool:
        """Return whether a selector means this export: its number, its path, its file's name, or empty for all."""
        name = self.received.identity.name
        return selector in ("", str(self.about.number), name, os.path.basename(name))


class Store:
    """The exports of an agent by number; a later one has a higher number."""

    def __init__(self) -> None:
        self._objects: dict[int, _Stored] = {}
        self._last = 0

    def __len__(self) -> int:
        return len(self._objects)

    def add(self, received: ReceivedObject, now: int) -> int:
        """Store an export and return its number; it replaces one with exactly its maps. Raises MessageError."""
        same = [n for n, stored in self._objects.items() if stored.received.map_ids() == received.map_ids()]
        for number in same:
            self._objects.pop(number).drop()
        if len(self._objects) >= MAX_OBJECTS:
            received.close()
            raise MessageError(f"the agent already stores {MAX_OBJECTS} objects, its limit")
        self._last += 1
        about = control.StoredObject(self._last, received.sender.pid, received.sender.uid, now)
        self._objects[self._last] = _Stored(about, received)
        return self._last

    def select(self, selector: str) -> list[_Stored]:
        """Return the exports that a selector means, the latest first."""
        return [stored for _, stored in sorted(self._objects.items(), reverse=True) if stored.matches(selector)]

    def drop(self, selector: str) -> int:
        """Forget the exports that a selector means; returns how many."""
        dropped = self.select(selector)
        for stored in dropped:
            del self._objects[stored.about.number]
            stored.drop()
        return len(dropped)

    def close(self) -> None:
        """Forget all exports."""
        self.drop("")


def _object_packets(stored: _Stored) -> Outgoing:
    """Yield the packets that carry an export."""
    received = stored.received
    parts = wire.encode(received.identity, received.entries)
    stored.readers += 1
    try:
        yield control.encode(control.object_packet(stored.about, len(parts))), []
        for number, data in enumerate(parts):
            start = number * wire.MAPS_IN_DATAGRAM
            fds = [map.fd for map in received.maps[start : start + wire.MAPS_IN_DATAGRAM]]
            yield control.encode(control.ControlPacket(control.PART, 0, data)), fds
    finally:
        stored.readers -= 1
        stored.close_if_unused()


def answer(store: Store, request: control.ControlPacket) -> Outgoing:
    """Return the packets that answer a request; raises MessageError for anything else."""
    if request.kind == control.LIST:
        return _list_objects(store.select(control.selector_of(request)))
    selector = control.selector_of(request)
    if request.kind == control.DROP:
        return iter([_done_packet(store.drop(selector))])
    return _send_objects(store.select(selector))


def _list_objects(chosen: list[_Stored]) -> Outgoing:
    for stored in chosen:
        if stored.dropped:
            continue
        received = stored.received
        maps = [
            control.listed_map(entry.id, map.description)
            for entry, map in zip(received.entries, received.maps, strict=True)
        ]
        packets = control.list_packets(stored.about, received.identity.name, maps)
        yield from ((control.encode(packet), []) for packet in packets)
    yield _done_packet(len(chosen))


def _send_objects(chosen: list[_Stored]) -> Outgoing:
    count = 0
    for stored in chosen:
        if not stored.dropped:
            yield from _object_packets(stored)
            count += 1
    yield _done_packet(count)


def _done_packet(count: int) -> tuple[bytes, list[int]]:
    return control.encode(control.ControlPacket(control.DONE, count)), []


class _Conversation:
    """One connection: waits for a request, then sends its answer as fast as the client reads.

    With ``may_ask`` False the answer is a refusal, sent only after the request: a connection that is closed before it
    is read loses what was sent.
    """

    def __init__(self, sock: socket.socket, store: Store, *, may_ask: bool) -> None:
        self.socket = sock
        self._may_ask = may_ask
        self.end = time.monotonic() + _PATIENCE
        self._store = store
        self._outgoing: Outgoing | None = None
        self._unsent: tuple[bytes, list[int]] | None = None

    @property
    def events(self) -> int:
        """The events of poll(2) to wait for."""
        return select.POLLIN if self._outgoing is None else select.POLLOUT

    def proceed(self) -> bool:
        """Do what is possible without waiting; returns whether there is more to do."""
        try:
            if self._outgoing is None:
                self._outgoing = self._request()
            return self._outgoing is None or self._send()
        except (BlockingIOError, InterruptedError):
            return True
        except MessageError as error:
            self._refuse(str(error))
            return False
        except OSError:
            return False  # the client went away

    def _request(self) -> Outgoing | None:
        message = receive(self.socket, control.LARGEST)
        message.close()
        if message.descriptors or message.truncated:
            raise MessageError("a request must not carry descriptors")
        if not self._may_ask:
            raise MessageError("this user may not use the agent")
        return answer(self._store, control.decode(message.data))

    def _send(self) -> bool:
        assert self._outgoing is not None
        while True:
            packet = self._unsent if self._unsent is not None else next(self._outgoing, None)
            if packet is None:
                return False
            self._unsent = packet
            send(self.socket, *packet)
            self._unsent = None

    def _refuse(self, sentence: str) -> None:
        refusal = control.ControlPacket(control.REFUSED, 1, sentence.encode()[:1024])
        try:
            send(self.socket, control.encode(refusal))
        except OSError:
            return

    def close(self) -> None:
        """End the answer and the connection."""
        if self._outgoing is not None and hasattr(self._outgoing, "close"):
            self._outgoing.close()  # a generator: its readers count
        self.socket.close()


class Agent(Closing):
    """An agent at ``path`` and its control socket; calls ``say`` with a sentence for each export and each refusal.

    ``mode`` and ``owner`` are those of both socket files; ``users`` may export and import besides root and this user.
    ``given`` are descriptors of a service manager, among which the sockets may be. Raises TransferError where a socket
    cannot be created.
    """

    def __init__(
        self,
        path: str,
        *,
        mode: int = 0o600,
        owner: int = -1,
        users: Collection[int] = (),
        given: Collection[int] = (),
        say: Callable[[str], object] | None = None,
    ) -> None:
        self._users = frozenset(users)
        self._say = FewRemarks(say if say is not None else str, _EXPORTS_REPORTED)
        self._complain = FewRemarks(say if say is not None else str)
        self._store = Store()
        self._conversations: dict[int, _Conversation] = {}
        self._importer = Importer(path, mode=mode, owner=owner, users=users, given=given, refused=self._complain)
        try:
            self._control = BoundSocket(control.control_path(path), SEQPACKET, mode=mode, owner=owner, given=given)
            self._control.socket.setblocking(False)
            self._control.socket.listen(_BACKLOG)
        except BaseException:
            self._importer.close()
            raise

    def serve(self) -> None:
        """Serve until an exception (a signal) ends it.

        Lack of memory or descriptors does not: the stored maps would be lost.
        """
        while True:
            try:
                self.step(_TICK)
            except (OSError, MemoryError) as error:
                self._complain(f"cannot go on for the moment: {error}")
                time.sleep(_PAUSE)

    def step(self, timeout: float) -> None:
        """Wait at most ``timeout`` seconds for something to do, and do it; raises OSError, and can be called again."""
        poll = select.poll()
        poll.register(self._importer.fileno(), select.POLLIN)
        listener = self._control.socket.fileno()
        if len(self._conversations) < MAX_CONVERSATIONS:
            poll.register(listener, select.POLLIN)
        for fd, conversation in self._conversations.items():
            poll.register(fd, conversation.events)
        for fd, _ in poll.poll(timeout * 1000):
            if fd == self._importer.fileno():
                self._take()
            elif fd == listener:
                self._accept()
            elif not self._conversations[fd].proceed():
                self._conversations.pop(fd).close()
        self._end_overdue()

    def _take(self) -> None:
        received = self._importer.take()
        if received is None:
            return
        try:
            number = self._store.add(received, time.time_ns())
        except MessageError as error:
            self._complain(f"refused maps from {received.sender}: {error}")
            return
        self._say(f"{number}: {len(received.maps)} maps of {received.identity.name} from {received.sender}")

    def _accept(self) -> None:
        try:
            connection, _ = self._control.socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        connection.setblocking(False)
        try:
            client = peer(connection)
        except OSError:
            client = None
        may_ask = client is not None and is_trusted(client.uid, self._users)
        if not may_ask:
            self._complain(f"refused {client or 'somebody'}, who may not use the agent")
        if may_ask or len(self._conversations) < MAX_CONVERSATIONS // 2:  # never all places to those who may not
            self._conversations[connection.fileno()] = _Conversation(connection, self._store, may_ask=may_ask)
        else:
            connection.close()

    def _end_overdue(self) -> None:
        self._importer.expire()
        now = time.monotonic()
        for fd in [fd for fd, conversation in self._conversations.items() if conversation.end < now]:
            self._conversations.pop(fd).close()

    def close(self) -> None:
        """Close all maps and remove both sockets; raises TransferError where a file stays."""
        for conversation in self._conversations.values():
            conversation.close()
        self._conversations.clear()
        self._store.close()
        try:
            self._control.close()
        finally:
            self._importer.close()


def notify_ready(address: str) -> bool:
    """Send ``READY=1`` to the service manager's socket (sd_notify(3)); return whether that worked.

    ``address`` is $NOTIFY_SOCKET: a path, ``@`` and an abstract name, or empty where no service manager asks.
    """
    if not address.startswith(("/", "@")):
        return False
    try:
        sock = open_socket(DATAGRAM)
    except OSError:
        return False
    try:
        sock.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        sock.send(b"READY=1", socket.MSG_NOSIGNAL)
    except OSError:
        return False
    finally:
        sock.close()
    return True
