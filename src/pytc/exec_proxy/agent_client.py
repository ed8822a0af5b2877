"""Send requests to an agent: fetch the maps that it stores, and drop them."""

from __future__ import annotations

import errno

from pytc.bpf.codec.text import printable
from pytc.contexts import contextmanager
from pytc.errors import MessageError, TransferError, strerror
from pytc.exec_proxy import agent_wire as control
from pytc.exec_proxy.received import Assembly
from pytc.exec_proxy.sockets import SEQPACKET, Credentials, connect, receive, send
from pytc.exec_proxy.wire import MAX_MAPS
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from pytc.exec_proxy.received import ReceivedObject
    from pytc.exec_proxy.sockets import Message

_TIMEOUT = 10.0


class RefusedError(TransferError):
    """An agent refuses a request."""


class FetchedObject(NamedTuple):
    """An object from an agent; the caller closes ``received``."""

    about: control.StoredObject
    received: ReceivedObject


def fetch(path: str, selector: str = "") -> Iterator[FetchedObject]:
    """Yield the objects of the agent at ``path`` with a number or name (all for an empty selector), the latest first.

    The caller closes each; raises TransferError.
    """
    with _conversation(path, control.request(control.FETCH, selector)) as sock:
        while (packet := _next(path, sock)) is not None:
            yield _object(path, sock, packet)


class ListedObject(NamedTuple):
    """An object in an agent's list."""

    about: control.StoredObject
    name: str
    maps: list[control.ListedMap]


def list_objects(path: str) -> list[ListedObject]:
    """Return what the agent at ``path`` stores, the latest first; raises TransferError.

    No descriptors are needed, but for an agent of a pytc that was older than this request.
    """
    listed = []
    try:
        with _conversation(path, control.request(control.LIST, "")) as sock:
            while (packet := _next(path, sock)) is not None:
                listed.append(_listed(path, sock, packet))
        return listed
    except RefusedError:  # by an older agent, or it refuses everything
        if listed:
            raise
    for about, received in fetch(path):
        with received:
            pairs = zip(received.entries, received.maps, strict=True)
            maps = [control.listed_map(entry.id, map.description) for entry, map in pairs]
            listed.append(ListedObject(about, received.identity.name, maps))
    return listed


def _listed(path: str, sock: socket.socket, first: control.ControlPacket) -> ListedObject:
    maps: list[control.ListedMap] = []
    name = ""
    for _ in range(first.number):
        packet, message = _receive(path, sock)
        message.close()
        if packet.kind != control.MAPS:
            raise _unexpected(path, packet)
        name, part = control.listed_maps(packet)
        maps += part
        if len(maps) > MAX_MAPS:
            raise MessageError(f'the agent at "{path}" lists an object with more than {MAX_MAPS} maps')
    return ListedObject(control.stored_object(first), name, maps)


def drop(path: str, selector: str) -> int:
    """Make the agent at ``path`` forget objects; returns how many. Raises TransferError."""
    with _conversation(path, control.request(control.DROP, selector)) as sock:
        packet, descriptors = _receive(path, sock)
        descriptors.close()
        if packet.kind != control.DONE:
            raise _unexpected(path, packet)
        return packet.number


@contextmanager
def _conversation(path: str, request: control.ControlPacket) -> Iterator[socket.socket]:
    try:
        sock = connect(control.control_path(path), SEQPACKET, timeout=_TIMEOUT)
    except TransferError as error:
        if error.errno == errno.ENOENT:
            error.with_hints(f'no agent listens at "{path}"; start one with "pytc exec bpf agent {path}"')
        raise
    try:
        send(sock, control.encode(request))
        yield sock
    except OSError as error:
        raise _lost(path, error) from error
    finally:
        sock.close()


def _lost(path: str, error: OSError) -> TransferError:
    reason = "no answer" if isinstance(error, TimeoutError) else strerror(error.errno or 0)
    return TransferError(f'the agent at "{path}": {reason}', errno=error.errno)


def _unexpected(path: str, packet: control.ControlPacket) -> TransferError:
    if packet.kind == control.REFUSED:
        sentence = printable(packet.payload.decode("utf-8", "replace"))
        return RefusedError(f'the agent at "{path}" refuses: {sentence}', errno=packet.number or None)
    return MessageError(f'the agent at "{path}" sent a packet of kind {packet.kind}, which is unexpected here')


def _receive(path: str, sock: socket.socket) -> tuple[control.ControlPacket, Message]:
    """Receive the next packet; also returns the message, which owns the descriptors."""
    message = receive(sock, control.LARGEST)
    try:
        if not message.data:
            raise TransferError(f'the agent at "{path}" closed the connection')
        return control.decode(message.data), message
    except BaseException:
        message.close()
        raise


def _next(path: str, sock: socket.socket) -> control.ControlPacket | None:
    """Receive the packet that begins an object; None at the end."""
    packet, message = _receive(path, sock)
    message.close()
    if packet.kind == control.DONE:
        return None
    if packet.kind != control.OBJECT:
        raise _unexpected(path, packet)
    return packet


def _object(path: str, sock: socket.socket, first: control.ControlPacket) -> FetchedObject:
    about = control.stored_object(first)
    sender = Credentials(about.pid, about.uid, 0)
    assembly = Assembly()
    try:
        for _ in range(first.number):
            packet, message = _receive(path, sock)
            if packet.kind != control.PART:
                message.close()
                raise _unexpected(path, packet)
            received = assembly.take(message._replace(data=packet.payload, sender=sender), 0.0)
            if received is not None:
                return FetchedObject(about, received)
    finally:
        assembly.close()
    raise MessageError(f'the agent at "{path}" sent an incomplete object')
