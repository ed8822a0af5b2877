"""Asking an agent for the maps that it keeps."""

import _socket
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

from pytc.errors import MessageError, TransferError, strerror
from pytc.exec_proxy import agent_wire as control
from pytc.exec_proxy.received import Assembly, ReceivedObject
from pytc.exec_proxy.sockets import SEQPACKET, Credentials, Message, connect, receive, send

_TIMEOUT = 10.0


class Fetched(NamedTuple):
    """An object of an agent. Whoever has it closes ``received``."""

    about: control.KeptObject
    received: ReceivedObject


def fetch(path: str, selector: str = "") -> Iterator[Fetched]:
    """The objects with this number or name that the agent at ``path`` keeps, the latest first; all for an empty one.

    The caller closes each; raises TransferError.
    """
    with _asked(path, control.request(control.FETCH, selector)) as socket:
        while (packet := _next(path, socket)) is not None:
            yield _object(path, socket, packet)


def drop(path: str, selector: str) -> int:
    """Lets the agent at ``path`` forget objects; returns how many. Raises TransferError."""
    with _asked(path, control.request(control.DROP, selector)) as socket:
        packet, descriptors = _receive(path, socket)
        descriptors.close()
        if packet.kind != control.DONE:
            raise _odd(path, packet)
        return packet.number


@contextmanager
def _asked(path: str, request: control.ControlPacket) -> Iterator[_socket.socket]:
    try:
        socket = connect(control.control_path(path), SEQPACKET, timeout=_TIMEOUT)
    except TransferError as error:
        if error.errno == errno.ENOENT:
            error.with_hints(f'no agent serves at "{path}"; "pytc exec bpf agent {path}" does')
        raise
    try:
        send(socket, control.encode(request))
        yield socket
    except OSError as error:
        raise _lost(path, error) from error
    finally:
        socket.close()


def _lost(path: str, error: OSError) -> TransferError:
    reason = "no answer" if isinstance(error, TimeoutError) else strerror(error.errno or 0)
    return TransferError(f'the agent at "{path}": {reason}', errno=error.errno)


def _odd(path: str, packet: control.ControlPacket) -> TransferError:
    if packet.kind == control.REFUSED:
        sentence = "".join(c for c in packet.payload.decode("utf-8", "replace") if c.isprintable())
        return TransferError(f'the agent at "{path}" refuses: {sentence}', errno=packet.number or None)
    return MessageError(f'the agent at "{path}" sent a packet of kind {packet.kind}, which makes no sense here')


def _receive(path: str, socket: _socket.socket) -> tuple[control.ControlPacket, Message]:
    """The next packet, and the same as it came, with its descriptors."""
    packet = receive(socket, control.LARGEST)
    try:
        if not packet.data:
            raise TransferError(f'the agent at "{path}" ended the conversation')
        return control.decode(packet.data), packet
    except BaseException:
        packet.close()
        raise


def _next(path: str, socket: _socket.socket) -> control.ControlPacket | None:
    """The packet that begins an object, None at the end."""
    packet, raw = _receive(path, socket)
    raw.close()
    if packet.kind == control.DONE:
        return None
    if packet.kind != control.OBJECT:
        raise _odd(path, packet)
    return packet


def _object(path: str, socket: _socket.socket, first: control.ControlPacket) -> Fetched:
    about = control.kept_object(first)
    sender = Credentials(about.pid, about.uid, 0)
    assembly = Assembly()
    try:
        for _ in range(first.number):
            packet, raw = _receive(path, socket)
            if packet.kind != control.PART:
                raw.close()
                raise _odd(path, packet)
            received = assembly.take(raw._replace(data=packet.payload, sender=sender), 0.0)
            if received is not None:
                return Fetched(about, received)
    finally:
        assembly.close()
    raise MessageError(f'the agent at "{path}" sent an object that is not whole')
