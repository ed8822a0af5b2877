"""A netlink socket for traffic control: requests, dumps, and the kernel's sentence about a refusal.

pyroute2's own socket runs on asyncio, whose import alone costs more than four times a bare interpreter; a command
that sends one message and waits for one answer needs none of it.
"""

from __future__ import annotations

import errno
import struct
import time

from pytc.closing import Closing
from pytc.cpython import (
    MSG_PEEK,
    MSG_TRUNC,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    SOCK_CLOEXEC,
    SOCK_RAW,
    SOL_SOCKET,
    if_indextoname,
    socket,
)
from pytc.errors import AnswerLostError, DeviceNotFoundError, NetlinkError, NetlinkProtocolError
from pytc.netlink import constants as c
from pytc.netlink.messages import ADDRESS, ADDRESS_AT, NLMSGHDR, decode, encode
from pytc.netlink.schema import split_attributes
from pytc.signals import block_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pytc.errors import PytcError
    from pytc.netlink.messages import TcMessage

_ERROR = struct.Struct("=i")
#: The header of a message, and the number of the error in it.
_ACKNOWLEDGEMENT = struct.Struct("=IHHIIi")
_BUFFER = 1 << 18
_TIMEOUT_SECONDS = 30
_DONE = _ERROR.pack(0)
_TIMEVAL = struct.Struct("@ll")
_DUMP_ATTEMPTS = 5
_RECEIVE_ATTEMPTS = 3
_RECEIVE_PAUSE_SECONDS = 0.01
#: The lowest bits of a type say whether a request makes, deletes, or asks (include/uapi/linux/rtnetlink.h).
_VERB, _GET = 3, 2


class Session(Closing):
    """A netlink socket for traffic control, in the network namespace in which it is made.

    Errors are NetlinkError with the errno and the extended acknowledgement; :attr:`warnings` collects what the kernel
    remarks about requests that it accepts.
    """

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._sequence = 0
        self._buffer = bytearray(_BUFFER)
        self._received = memoryview(self._buffer)
        try:
            self._socket = socket(c.AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, c.NETLINK_ROUTE)
        except OSError as error:
            raise NetlinkError(error.errno or errno.EIO, "cannot open a netlink socket") from error
        try:
            self._socket.bind((0, 0))
            for option in (SO_RCVTIMEO, SO_SNDTIMEO):  # settimeout() would poll(2) before each call
                self._socket.setsockopt(SOL_SOCKET, option, _TIMEVAL.pack(_TIMEOUT_SECONDS, 0))
            for option in (c.EXT_ACK, c.CAP_ACK):
                self._set(option)
        except OSError as error:
            self.close()
            raise NetlinkError(error.errno or errno.EIO, "cannot set up a netlink socket") from error

    def _set(self, option: int) -> None:
        try:
            self._socket.setsockopt(c.SOL_NETLINK, option, 1)
        except OSError:
            return  # v4.12 and v4.3 brought these two; without them errors only lack their sentence

    def close(self) -> None:
        self._socket.close()

    def request(self, message: TcMessage) -> list[TcMessage]:
        """Send a request, and wait until the kernel has done it; returns what it answered besides.

        A signal waits until then: nobody would know whether the kernel has done it. Raises NetlinkError for a refusal,
        AnswerLostError where the kernel may have done it.
        """
        with block_signals():
            sequence = self._send(message, c.REQUEST | c.ACK)
            try:
                return self._acknowledged(sequence)
            except AnswerLostError as error:
                if message.type & _VERB != _GET:
                    _note_lost_change(error)
                raise

    def send_encoded(self, requests: Iterable[bytearray], ifindex: int) -> tuple[int, PytcError | None]:
        """Send requests that are encoded but for their sequence numbers and the index of their device, each when the
        kernel has done the one before.

        Ends behind one that the kernel refuses or remarks on. Returns the number of requests that were sent, and the
        error of the last: NetlinkError, AnswerLostError.
        """
        count, sequence, send = 0, self._sequence, self._socket.send
        try:
            for request in requests:
                count += 1
                self._sequence = sequence = sequence + 1
                ADDRESS.pack_into(request, ADDRESS_AT, sequence, 0, 0, ifindex)
                send(request)
                end = self._datagram()
                if not self._says_done(sequence, end):
                    self._answers(sequence, end)
                    break
        except AnswerLostError as error:
            _note_lost_change(error)
            return count, error
        except NetlinkError as error:
            return count, error
        except OSError as error:  # of the socket's send: those of receiving it are an AnswerLostError
            return count, _unsent(error)
        return count, None

    def _acknowledged(self, sequence: int) -> list[TcMessage]:
        end = self._datagram()
        if self._says_done(sequence, end):
            return []
        return [decode(data) for _, data in self._answers(sequence, end)]

    def _says_done(self, sequence: int, end: int) -> bool:
        """Report whether what was received says that a request is done, and nothing else, as most answers do."""
        length, kind, flags, number, _, error = _ACKNOWLEDGEMENT.unpack_from(self._buffer)
        return number == sequence and kind == c.ERROR and not error and not flags & c.ACK_TLVS and length == end

    def dump(self, message: TcMessage, *, peek: bool = False) -> list[TcMessage]:
        """Return all answers to a dump request; ask again when the tables changed meanwhile.

        How much the kernel puts into a message depends on how it has been read so far: with ``peek`` it is as much as
        tc gets, which looks at the size of each before it reads.
        """
        return [*self.iter_dump(message, peek=peek)]

    def find(self, question: TcMessage) -> TcMessage | None:
        """Return the answer to a question, None where what it asks for does not exist."""
        try:
            return next(iter(self.request(question)), None)
        except NetlinkError as error:
            if not error.means_absent:
                raise
            return None

    def dump_existing(self, message: TcMessage) -> list[TcMessage]:
        """Return all answers to a dump request, none where the device or qdisc that it names does not exist."""
        try:
            return self.dump(message)
        except NetlinkError as error:
            if not error.means_absent:
                raise
            return []

    def iter_dump(self, message: TcMessage, *, peek: bool = False) -> Iterator[TcMessage]:
        """Return all answers to a dump request, each decoded when its turn comes.

        All have arrived before the first: only then it is known that the tables did not change, and that the kernel has
        not refused.
        """
        for _ in range(_DUMP_ATTEMPTS):
            answers, whole = self._dump_once(message, peek=peek)
            if whole:
                return map(decode, answers)
        raise NetlinkProtocolError("Dump was interrupted: the tables change faster than they can be read")

    def _dump_once(self, message: TcMessage, *, peek: bool) -> tuple[list[bytes], bool]:
        sequence = self._send(message, c.REQUEST | c.DUMP)
        answers, whole = [], True
        for kind, flags, data in self._receive(sequence, peek=peek):
            whole = whole and not flags & c.DUMP_INTR
            if kind == c.DONE:
                self._check(data)
                break
            if kind == c.ERROR:
                self._check(data)
                continue
            answers.append(data)
        return answers, whole

    def exchange(self, kind: int, body: bytes, flags: int = 0) -> list[tuple[int, bytes]]:
        """Send a message that is not about traffic control: its type, what follows its header, and flags besides those
        of any request.

        Returns (type, whole message) of the answers; raises NetlinkError.
        """
        sequence = self._next()
        self._send_data(NLMSGHDR.pack(NLMSGHDR.size + len(body), kind, c.REQUEST | c.ACK | flags, sequence, 0) + body)
        return self._answers(sequence)

    def _answers(self, sequence: int, received: int = 0) -> list[tuple[int, bytes]]:
        """Return (type, whole message) of all before the acknowledgement; ``received`` bytes have arrived already."""
        answers: list[tuple[int, bytes]] = []
        for kind, flags, data in self._receive(sequence, received=received):
            if kind == c.ERROR:
                if flags & c.ACK_TLVS or data[16:20] != _DONE:  # most replies have nothing more to decode
                    self._check(data)
                return answers
            answers.append((kind, data))
        raise NetlinkProtocolError("the kernel closed the conversation without an acknowledgement")

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _send(self, message: TcMessage, flags: int) -> int:
        sequence = self._next()
        self._send_data(encode(message, sequence, flags))
        return sequence

    def _send_data(self, data: bytes) -> None:
        try:
            self._socket.send(data)  # all of it, or an error: these are datagrams
        except OSError as error:
            raise _unsent(error) from error

    def _receive(self, sequence: int, *, peek: bool = False, received: int = 0) -> Iterator[tuple[int, int, bytes]]:
        """Yield (type, flags, whole message) of each message of this conversation."""
        while True:
            end, received = received or self._datagram(peek=peek), 0
            data = bytes(self._received[:end])
            offset = 0
            while offset + 16 <= end:
                length, kind, flags, number, _pid = NLMSGHDR.unpack_from(data, offset)
                if length < 16 or offset + length > end:
                    raise NetlinkProtocolError("a truncated netlink message")
                if number == sequence and kind != c.NOOP:
                    yield kind, flags, data[offset : offset + length]
                offset += length + 3 & ~3

    def _datagram(self, *, peek: bool = False) -> int:
        """Receive into the buffer; returns the number of bytes. Raises AnswerLostError."""
        for attempt in range(1, _RECEIVE_ATTEMPTS + 1):
            try:
                if peek:
                    self._socket.recv(1, MSG_PEEK | MSG_TRUNC)
                return self._socket.recv_into(self._buffer)
            except BlockingIOError:
                raise AnswerLostError(errno.ETIMEDOUT) from None
            except OSError as error:
                # ENOBUFS says that the kernel has dropped an answer; after others, it is still in the queue
                if error.errno == errno.ENOBUFS or attempt == _RECEIVE_ATTEMPTS:
                    raise AnswerLostError(error.errno or errno.EIO) from error
            time.sleep(_RECEIVE_PAUSE_SECONDS)
        raise AssertionError

    def interface_index(self, device: str) -> int | None:
        """Return the index of a device in the socket's namespace, None when there is none."""
        from pytc.netlink.devices import device_index

        try:
            return device_index(device, self._socket)
        except DeviceNotFoundError:
            return None

    def _check(self, data: bytes) -> None:
        """Raises NetlinkError for an error message (or the end of a dump) that carries one."""
        number, sentence = parse_error(data)
        if number:
            raise NetlinkError(number, sentence)
        if sentence:
            self.warnings.append(sentence)


def _unsent(error: OSError) -> NetlinkError:
    return NetlinkError(error.errno or errno.EIO, "cannot send to the kernel")


def _note_lost_change(error: AnswerLostError) -> None:
    error.may_be_done = True
    error.with_hints("it is not known whether the kernel has done what was asked")


def parse_error(data: bytes) -> tuple[int, str]:
    """Return errno or 0, and the kernel's sentence, of an NLMSG_ERROR or NLMSG_DONE, header included.

    Layout: header (16 bytes), error s32; in an error then the header of the request, and the rest of the request unless
    NLM_F_CAPPED; last the attributes.
    """
    _, kind, flags, _, _ = NLMSGHDR.unpack_from(data)
    offset = NLMSGHDR.size
    if len(data) < offset + _ERROR.size:
        return 0, ""
    number = -_ERROR.unpack_from(data, offset)[0]
    offset += _ERROR.size
    if not flags & c.ACK_TLVS:
        return number, ""
    if kind == c.ERROR:
        if len(data) < offset + NLMSGHDR.size:
            return number, ""
        offset += NLMSGHDR.size if flags & c.ACK_CAPPED else -(-NLMSGHDR.unpack_from(data, offset)[0] // 4) * 4
    for attribute, payload in split_attributes(data[offset:]):
        if attribute == c.ATTR_MSG:
            return number, payload.rstrip(b"\0").decode("utf-8", "replace")
    return number, ""


def interface_name(index: int) -> str:
    """Return the name of a device of the current namespace; ``if7`` for one that is gone."""
    try:
        return if_indextoname(index)
    except (OSError, OverflowError, ValueError):  # a negative number, in a recorded message: OverflowError until 3.13
        return f"if{index}"
