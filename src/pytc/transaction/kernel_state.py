"""The objects that a request would change or delete, as the kernel describes them."""

import errno
import sys
from collections.abc import Iterable
from typing import NamedTuple

from pytc.errors import NetlinkError
from pytc.handles import EGRESS, INGRESS
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.netlink.session import Session, interface_name
from pytc.tc.actions.records import decode_actions, index_of
from pytc.tc.actions.requests import action_table

_KIND, _INDEX = 1, 3
_MAJOR = 0xFFFF0000
_ABSENT = (errno.ENOENT, errno.EINVAL, errno.ENODEV, errno.EOPNOTSUPP)
#: Kinds of qdiscs whose classes are made by commands.
_MADE_CLASSES = ("htb", "drr", "hfsc", "qfq")
_SORTS = {c.NEWQDISC: "qdisc", c.NEWTCLASS: "class", c.NEWTFILTER: "filter", c.NEWCHAIN: "chain"}


class Identity(NamedTuple):
    """The numbers that tell an object from others of its sort; equal in a request, an answer and a dump."""

    sort: str
    ifindex: int = 0
    parent: int = 0
    number: int = 0
    pref: int = 0
    chain: int = 0
    kind: str = ""


def identities(message: TcMessage) -> list[Identity]:
    """Return the identities of the objects of a message: one, or for actions several."""
    chain = message.attributes.get("TCA_CHAIN", 0)
    if message.type in (c.NEWTFILTER, c.DELTFILTER):
        return [Identity("filter", message.ifindex, message.parent, message.handle, message.info >> 16, chain)]
    if message.type in (c.NEWCHAIN, c.DELCHAIN):
        return [Identity("chain", message.ifindex, message.parent, chain=chain)]
    if message.type in (c.NEWTCLASS, c.DELTCLASS):
        return [Identity("class", message.ifindex, number=message.handle)]
    if message.type in (c.NEWQDISC, c.DELQDISC):
        return [Identity("qdisc", message.ifindex, number=message.handle & _MAJOR)]
    return [Identity("action", kind=kind, number=number) for kind, number in named(message)]


def chain_of(message: TcMessage) -> Identity:
    """Return the chain of a filter."""
    return Identity("chain", message.ifindex, message.parent, chain=message.attributes.get("TCA_CHAIN", 0))


def named(message: TcMessage) -> list[tuple[str, int]]:
    """Return kinds and indexes of the actions of a message, 0 for an index that the kernel chooses."""
    found = []
    for order, raw in split_attributes(message.attributes.get("TCA_ROOT_TAB", b"")):
        parts = dict(split_attributes(raw))
        kind = parts.get(_KIND, b"").partition(b"\0")[0].decode("ascii", "replace")
        given = int.from_bytes(parts.get(_INDEX, b"")[:4], sys.byteorder)
        [record] = decode_actions(join_attributes([(order, raw)]))
        found.append((kind, given or index_of(record)))
    return found


def action_message(type: int, action: Identity) -> TcMessage:
    """Return a message about one action."""
    return TcMessage(type, attributes={"TCA_ROOT_TAB": action_table([(action.kind, action.number)])})


class KernelState:
    """The kernel's objects; those that cannot exist (no such device, no such qdisc) do not.

    Raises NetlinkError for other refusals.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def _ask(self, message: TcMessage) -> TcMessage | None:
        try:
            return next(iter(self._session.request(message)), None)
        except NetlinkError as error:
            if error.errno not in _ABSENT:
                raise
            return None

    def _dump(self, message: TcMessage) -> list[TcMessage]:
        try:
            return self._session.dump(message)
        except NetlinkError as error:
            if error.errno not in _ABSENT:
                raise
            return []

    def filter(self, message: TcMessage) -> TcMessage | None:
        """Return the filter with the handle and preference of a message."""
        if not message.handle or not message.info >> 16:
            return None
        names = ("TCA_KIND", "TCA_CHAIN")
        attributes = {name: message.attributes[name] for name in names if name in message.attributes}
        return self._ask(message._replace(type=c.GETTFILTER, flags=0, attributes=attributes))

    def filters(self, message: TcMessage) -> list[TcMessage]:
        """Return the filters of the preference of a message (of all for none), in the order in which they run.

        The kernel takes chain 0 where none is named.
        """
        return [one for one in self._of_preference(message) if one.handle]

    def has_preference(self, message: TcMessage) -> bool:
        """Whether there is the preference of a message in its chain, with filters or without."""
        return any(not one.handle for one in self._of_preference(message))

    def _of_preference(self, message: TcMessage) -> list[TcMessage]:
        pref, chain = message.info >> 16, message.attributes.get("TCA_CHAIN", 0)
        found = self._dump(
            TcMessage(c.GETTFILTER, ifindex=message.ifindex, parent=message.parent, attributes={"TCA_CHAIN": chain})
        )
        return [one for one in found if one.attributes.get("TCA_CHAIN", 0) == chain and pref in (0, one.info >> 16)]

    def qdiscs(self, message: TcMessage) -> list[TcMessage]:
        """Return the qdiscs in the place, or with the handle, that a message names.

        Without default ones: they come and go by themselves.
        """
        question = message._replace(type=c.GETQDISC, flags=c.ECHO, attributes={})
        asked = [question._replace(handle=0)] * bool(message.parent) + [question._replace(parent=0)] * bool(
            message.handle
        )
        return [one for one in map(self._ask, asked) if one is not None and one.handle]

    def class_(self, message: TcMessage) -> TcMessage | None:
        """Return the class with the classid of a message."""
        if not message.handle:
            return None
        return self._ask(message._replace(type=c.GETTCLASS, flags=c.ECHO, attributes={}))

    def qdisc_below(self, message: TcMessage, classid: int) -> TcMessage | None:
        """Return the qdisc of a class, None for a default one."""
        found = self._ask(TcMessage(c.GETQDISC, c.ECHO, message.ifindex, parent=classid))
        return found if found is not None and found.handle else None

    def chain(self, message: TcMessage) -> TcMessage | None:
        """Return the chain that a message names."""
        chain = message.attributes.get("TCA_CHAIN", 0)
        return next((one for one in self._chains(message) if one.attributes.get("TCA_CHAIN", 0) == chain), None)

    def _chains(self, message: TcMessage) -> list[TcMessage]:
        return self._dump(TcMessage(c.GETCHAIN, ifindex=message.ifindex, parent=message.parent))

    def actions(self, message: TcMessage) -> list[Identity]:
        """Return the actions that a message names; all of a kind where it flushes."""
        if message.type == c.DELACTION and message.flags & c.ROOT:
            return [one for answer in self._dump(_question(message)) for one in identities(answer)]
        return [one for one in identities(message) if one.number and self.is_action(one)]

    def is_action(self, identity: Identity) -> bool:
        """Whether there is an action of that kind and index."""
        return self._ask(action_message(c.GETACTION, identity)) is not None

    def inside(self, made: TcMessage) -> list[TcMessage]:
        """Return what goes with a qdisc, class or chain: its filters, and the qdiscs and classes below it."""
        if made.type == c.NEWCHAIN:
            return self.filters(made)
        if made.type == c.NEWTCLASS:
            below = self.qdisc_below(made, made.handle)
            return [below] if below is not None else []
        ifindex = made.ifindex
        found = [
            one
            for parent in (INGRESS.number, EGRESS.number, made.handle)
            if parent & _MAJOR == made.handle & _MAJOR
            for one in self._dump(TcMessage(c.GETTFILTER, ifindex=ifindex, parent=parent))
            if one.handle
        ]
        found += [
            one
            for one in self._dump(TcMessage(c.GETQDISC, ifindex=ifindex))
            if one.ifindex == ifindex
            and one.handle
            and one.parent & _MAJOR == made.handle & _MAJOR
            and one.handle != made.handle
        ]
        return found + [
            one
            for one in self._dump(TcMessage(c.GETTCLASS, ifindex=ifindex))
            if one.handle & _MAJOR == made.handle & _MAJOR and one.attributes.get("TCA_KIND") in _MADE_CLASSES
        ]


def _question(message: TcMessage) -> TcMessage:
    return TcMessage(
        c.GETACTION,
        attributes={"TCA_ROOT_TAB": message.attributes["TCA_ROOT_TAB"], "TCA_ROOT_FLAGS": b"\x01\0\0\0\x01\0\0\0"},
    )


def without(messages: Iterable[TcMessage], own: "set[Identity]") -> list[TcMessage]:
    """Return the messages about objects that are not among ``own``."""
    return [one for one in messages if not own.issuperset(identities(one))]


def name_of(message: TcMessage) -> str:
    """Return the object of a message in words."""
    from pytc.render.text import render
    from pytc.transaction.request_text import place

    if message.type == c.NEWACTION:
        return ", ".join(f"action {one.kind} index {one.number}" for one in identities(message))
    return _SORTS[message.type] + render([place(message, interface_name)])
