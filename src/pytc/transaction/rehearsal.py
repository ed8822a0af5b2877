"""An empty network namespace in which requests are tried, to see what the kernel makes of them.

The kernel rounds values, fills in what is not given, and chooses preferences and handles. Comparing its description of
what a request makes in an empty place with its description of what exists needs no knowledge of any kind. The namespace
has copies of the devices, with their names and indexes, so that requests can be sent as they are; no packet ever passes
there. It goes with its socket.
"""

from __future__ import annotations

import struct
import sys
import threading

from pytc.errors import NamespaceError, NetlinkError
from pytc.libc import enter_new_network_namespace
from pytc.netlink import constants as c
from pytc.netlink.messages import NLMSGHDR
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.netlink.session import Session
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: struct ifinfomsg: family, padding, type, index, flags, change (include/uapi/linux/rtnetlink.h).
_IFINFOMSG = struct.Struct("=BBHiII")
_NEWLINK, _GETLINK = 16, 18
_NAME, _MTU, _QUEUE_LENGTH, _LINK_INFO, _QUEUES = 3, 4, 13, 18, 31
_KIND, _DATA, _PEER = 1, 2, 1
_LOOPBACK = 1
#: Kinds of devices that stand in for those that cannot be copied, like hardware: with Ethernet headers.
_STAND_INS = ("dummy", "veth", "ifb")
#: Above all indexes that the kernel gives out by itself.
_PEERS = 0x40000000


class Link(NamedTuple):
    """A network device, as far as queues depend on it: ``number`` is its index, ``kind`` is empty for hardware."""

    number: int
    name: str
    kind: str
    mtu: int
    queue_length: int
    queues: int


def read_link(session: Session, index: int) -> Link:
    """Return the properties of a device; raises NetlinkError."""
    for type, data in session.exchange(_GETLINK, _IFINFOMSG.pack(0, 0, 0, index, 0, 0)):
        if type == _NEWLINK:
            attributes = dict(split_attributes(data[NLMSGHDR.size + _IFINFOMSG.size :]))
            info = dict(split_attributes(attributes.get(_LINK_INFO, b"")))
            mtu, queue_length, queues = (
                int.from_bytes(attributes.get(number, b""), sys.byteorder) for number in (_MTU, _QUEUE_LENGTH, _QUEUES)
            )
            return Link(index, _text(attributes[_NAME]), _text(info.get(_KIND, b"")), mtu, queue_length, queues)
    raise AssertionError("the kernel has acknowledged a question, and not answered it")


def open_rehearsal(links: Iterable[Link]) -> Session:
    """Return a session in a new network namespace with copies of devices; raises NamespaceError, NetlinkError."""
    session = _session_elsewhere()
    try:
        for link in links:
            if link.number != _LOOPBACK:
                _make(session, link)
    except BaseException:
        session.close()
        raise
    return session


def _session_elsewhere() -> Session:
    """Return a session in a new network namespace, which this thread does not enter."""
    made: list[Session] = []
    failures: list[Exception] = []

    def open_session() -> None:
        try:
            enter_new_network_namespace()
            made.append(Session())
        except (OSError, NetlinkError) as error:
            failures.append(error)

    thread = threading.Thread(target=open_session)
    thread.start()
    thread.join()
    for error in failures:
        raise NamespaceError(
            f"cannot make a network namespace to try the requests in: {getattr(error, 'strerror', None) or error}",
            errno=error.errno if isinstance(error, (OSError, NetlinkError)) else None,
            hints=("apply needs CAP_SYS_ADMIN",),
        ) from error
    return made[0]


def _make(session: Session, link: Link) -> None:
    kinds = dict.fromkeys((link.kind, *_STAND_INS) if link.kind else _STAND_INS)
    refusal: NetlinkError | None = None
    for kind in kinds:
        try:
            session.exchange(_NEWLINK, _request(link, kind), c.CREATE | c.EXCL)
        except NetlinkError as error:
            refusal = error
        else:
            return
    assert refusal is not None
    raise refusal


def _request(link: Link, kind: str) -> bytes:
    info = {_KIND: kind.encode() + b"\0"}
    if kind == "veth":  # whose peer would take the next free index otherwise, which may be another's
        info[_DATA] = join_attributes([(_PEER, _IFINFOMSG.pack(0, 0, 0, _PEERS + link.number, 0, 0))])
    attributes = {_NAME: link.name.encode("utf-8", "surrogateescape") + b"\0", _LINK_INFO: _join(info)}
    numbers = ((_MTU, link.mtu), (_QUEUE_LENGTH, link.queue_length), (_QUEUES, link.queues))
    attributes.update((number, value.to_bytes(4, sys.byteorder)) for number, value in numbers if value)
    return _IFINFOMSG.pack(0, 0, 0, link.number, 0, 0xFFFFFFFF) + _join(attributes)


def _join(attributes: Mapping[int, bytes]) -> bytes:
    return join_attributes([*attributes.items()])


def _text(value: bytes) -> str:
    return value.partition(b"\0")[0].decode("utf-8", "surrogateescape")
