"""The objects that a request would change or delete, as the kernel describes them."""

from __future__ import annotations

import sys

from pytc.handles import EGRESS, INGRESS
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.netlink.session import interface_name
from pytc.tc.actions.records import action_index, decode_actions
from pytc.tc.actions.requests import action_table
from pytc.tc.filters.u32_tables import own_filters
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Literal

    from pytc.netlink.session import Session

_KIND, _INDEX = 1, 3
_MAJOR = 0xFFFF0000
if TYPE_CHECKING:
    Sort = Literal["qdisc", "class", "filter", "chain", "action"]
#: Kinds of qdiscs whose classes are made by commands.
_MADE_CLASSES = ("htb", "drr", "hfsc", "qfq")
_SORTS: Mapping[int, Sort] = {c.NEWQDISC: "qdisc", c.NEWTCLASS: "class", c.NEWTFILTER: "filter", c.NEWCHAIN: "chain"}
#: The types of requests that remove what those of the keys create.
REMOVAL_TYPES = {
    c.NEWQDISC: c.DELQDISC,
    c.NEWTCLASS: c.DELTCLASS,
    c.NEWTFILTER: c.DELTFILTER,
    c.NEWCHAIN: c.DELCHAIN,
    c.NEWACTION: c.DELACTION,
}


class Identity(NamedTuple):
    """The numbers that tell an object from others of its sort; equal in a request, an answer and a dump."""

    sort: Sort
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
    return [Identity("action", kind=kind, number=number) for kind, number in action_indexes(message)]


def chain_identity(message: TcMessage) -> Identity:
    """Return the chain of a filter."""
    return Identity("chain", message.ifindex, message.parent, chain=message.attributes.get("TCA_CHAIN", 0))


def action_indexes(message: TcMessage) -> list[tuple[str, int]]:
    """Return kinds and indexes of the actions of a message, 0 for an index that the kernel chooses."""
    actions = []
    for order, raw in split_attributes(message.attributes.get("TCA_ROOT_TAB", b"")):
        parts = dict(split_attributes(raw))
        kind = parts.get(_KIND, b"").partition(b"\0")[0].decode("ascii", "replace")
        number = int.from_bytes(parts.get(_INDEX, b"")[:4], sys.byteorder)
        [record] = decode_actions(join_attributes([(order, raw)]))
        actions.append((kind, number or action_index(record)))
    return actions


def action_message(type: int, action: Identity) -> TcMessage:
    """Return a message about one action."""
    return TcMessage(type, attributes={"TCA_ROOT_TAB": action_table([(action.kind, action.number)])})


def removal(message: TcMessage) -> TcMessage:
    """Return the request that removes an object."""
    return message.about(REMOVAL_TYPES[message.type])


class KernelState:
    """The kernel's objects; those that cannot exist (no such device, no such qdisc) do not.

    Raises NetlinkError for other refusals.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def filter(self, message: TcMessage) -> TcMessage | None:
        """Return the filter with the handle and preference of a message."""
        if not message.handle or not message.info >> 16:
            return None
        return self._session.find(message.about(c.GETTFILTER))

    def filters(self, message: TcMessage) -> list[TcMessage]:
        """Return the filters of the preference of a message (of all for none), in the order in which they run.

        The kernel takes chain 0 where none is named.
        """
        return [filter for filter in self._of_preference(message) if filter.handle]

    def has_preference(self, message: TcMessage) -> bool:
        """Report whether the preference of a message exists in its chain, with filters or without."""
        return any(not filter.handle for filter in self._of_preference(message))

    def _of_preference(self, message: TcMessage) -> list[TcMessage]:
        pref, chain = message.info >> 16, message.attributes.get("TCA_CHAIN", 0)
        filters = self._session.dump_existing(
            TcMessage(c.GETTFILTER, ifindex=message.ifindex, parent=message.parent, attributes={"TCA_CHAIN": chain})
        )
        named = [
            filter
            for filter in filters
            if filter.attributes.get("TCA_CHAIN", 0) == chain and pref in (0, filter.info >> 16)
        ]
        return own_filters(self._session, named)

    def qdiscs(self, message: TcMessage) -> list[TcMessage]:
        """Return the qdiscs in the place, or with the handle, that a message names.

        Without default ones: they come and go by themselves.
        """
        question = message._replace(type=c.GETQDISC, flags=c.ECHO, attributes={})
        questions = [question._replace(handle=0)] * bool(message.parent) + [question._replace(parent=0)] * bool(
            message.handle
        )
        return [qdisc for qdisc in map(self._session.find, questions) if qdisc is not None and qdisc.handle]

    def class_(self, message: TcMessage) -> TcMessage | None:
        """Return the class with the classid of a message."""
        if not message.handle:
            return None
        return self._session.find(message._replace(type=c.GETTCLASS, flags=c.ECHO, attributes={}))

    def qdisc_below(self, message: TcMessage, classid: int) -> TcMessage | None:
        """Return the qdisc of a class, None for a default one."""
        qdisc = self._session.find(TcMessage(c.GETQDISC, c.ECHO, message.ifindex, parent=classid))
        return qdisc if qdisc is not None and qdisc.handle else None

    def chain(self, message: TcMessage) -> TcMessage | None:
        """Return the chain that a message names."""
        chain = message.attributes.get("TCA_CHAIN", 0)
        return next(
            (answer for answer in self._chains(message) if answer.attributes.get("TCA_CHAIN", 0) == chain), None
        )

    def _chains(self, message: TcMessage) -> list[TcMessage]:
        return self._session.dump_existing(TcMessage(c.GETCHAIN, ifindex=message.ifindex, parent=message.parent))

    def actions(self, message: TcMessage) -> list[Identity]:
        """Return the actions that a message names; all of a kind where it flushes."""
        if message.type == c.DELACTION and message.flags & c.ROOT:
            return [
                action for answer in self._session.dump_existing(_question(message)) for action in identities(answer)
            ]
        return [action for action in identities(message) if action.number and self.is_action(action)]

    def is_action(self, identity: Identity) -> bool:
        """Report whether there is an action of that kind and index."""
        return self.action(identity) is not None

    def action(self, identity: Identity) -> TcMessage | None:
        """Return the action of that kind and index."""
        answer = self._session.find(action_message(c.GETACTION, identity))
        return answer._replace(type=c.NEWACTION) if answer is not None else None

    def contents(self, container: TcMessage) -> list[TcMessage]:
        """Return what goes with a qdisc, class or chain: its filters, and the qdiscs and classes below it."""
        if container.type == c.NEWCHAIN:
            return self.filters(container)
        if container.type == c.NEWTCLASS:
            below = self.qdisc_below(container, container.handle)
            return [below] if below is not None else []
        ifindex = container.ifindex
        objects = [
            inner
            for parent in (INGRESS.number, EGRESS.number, container.handle)
            if parent & _MAJOR == container.handle & _MAJOR
            for inner in own_filters(
                self._session, self._session.dump_existing(TcMessage(c.GETTFILTER, ifindex=ifindex, parent=parent))
            )
            if inner.handle
        ]
        objects += [
            inner
            for inner in self._session.dump_existing(TcMessage(c.GETQDISC, ifindex=ifindex))
            if inner.ifindex == ifindex
            and inner.handle
            and inner.parent & _MAJOR == container.handle & _MAJOR
            and inner.handle != container.handle
        ]
        return objects + [
            inner
            for inner in self._session.dump_existing(TcMessage(c.GETTCLASS, ifindex=ifindex))
            if inner.handle & _MAJOR == container.handle & _MAJOR and inner.attributes.get("TCA_KIND") in _MADE_CLASSES
        ]


def _question(message: TcMessage) -> TcMessage:
    return TcMessage(
        c.GETACTION,
        attributes={"TCA_ROOT_TAB": message.attributes["TCA_ROOT_TAB"], "TCA_ROOT_FLAGS": b"\x01\0\0\0\x01\0\0\0"},
    )


def not_created(messages: Iterable[TcMessage], created: set[Identity]) -> list[TcMessage]:
    """Return the messages about objects that are not among ``created``."""
    return [message for message in messages if not created.issuperset(identities(message))]


def object_text(message: TcMessage) -> str:
    """Return the object of a message in words."""
    from pytc.render.text import render
    from pytc.transaction.request_text import address_words

    if message.type == c.NEWACTION:
        return ", ".join(f"action {action.kind} index {action.number}" for action in identities(message))
    return _SORTS[message.type] + render([address_words(message, interface_name)])
