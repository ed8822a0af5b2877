"""``monitor``: what the kernel says of each change of qdiscs, classes, filters, chains and actions."""

import struct
import time
from collections.abc import Iterator

from pytc.commands.shared.context import Context
from pytc.commands.values import Monitor
from pytc.errors import NetlinkProtocolError, RecordError
from pytc.netlink import constants as c
from pytc.netlink.listener import Listener
from pytc.netlink.messages import TcMessage, decode, split_messages
from pytc.render.documents import Document, Field, Json, Stream
from pytc.render.json import as_object
from pytc.render.text import render

_QDISCS, _CLASSES = (c.NEWQDISC, c.DELQDISC), (c.NEWTCLASS, c.DELTCLASS)
_ACTIONS = (c.NEWACTION, c.DELACTION)
_NEWS = (*_QDISCS, *_CLASSES, *_ACTIONS, c.NEWTFILTER, c.DELTFILTER, c.NEWCHAIN, c.DELCHAIN)
#: The type of a message, behind its length.
_KIND = struct.Struct("=H")
_MAX_FILE = 1 << 28


def monitor(context: Context, command: Monitor) -> Stream:
    """Ends with the file that rtmon(8) has written, else not by itself. Raises NetlinkError, RecordError."""
    source = _recorded(command.path) if command.path else _happening(context)

    def documents() -> Iterator[Document]:
        for data in source:
            if data is None:
                context.say("Warning: the kernel had more news than could be read, and dropped some")
                continue
            document = news(context, decode(data)) if _KIND.unpack_from(data, 4)[0] in _NEWS else None
            if document is not None:
                yield [*_timestamp(context), *document]

    return Stream(
        text=lambda: (render([document]) for document in documents()),
        json=lambda: (_line(document) for document in documents()),
        values=lambda: iter(()),
        is_live=True,
    )


def news(context: Context, message: TcMessage) -> Document | None:
    """What a message says has changed; None for one that is about something else."""
    if message.type in _QDISCS:
        from pytc.commands.qdisc.qdiscs import qdisc_news

        return qdisc_news(context, message)
    if message.type in _CLASSES:
        from pytc.commands.class_.classes import class_news

        return class_news(context, message)
    if message.type in _ACTIONS:
        from pytc.commands.action.actions import action_news

        return action_news(context, message)
    from pytc.tc.filters.documents import document
    from pytc.tc.filters.messages import decoded

    record = decoded(message)
    return document(context, record) if record is not None else None


def _line(document: Document) -> str:
    import json

    value: Json = as_object(document)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _timestamp(context: Context) -> Document:
    """``-timestamp`` as tc writes it, ``-tshort`` as ISO 8601; both in local time."""
    if not context.shown.timestamp:
        return ()
    now = time.time()
    micros = int(now % 1 * 1_000_000)
    local = time.localtime(now)
    short = time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{micros:06d}"
    if context.shown.timestamp == "short":
        return (Field("timestamp", short, f"[{short}] "),)
    return (Field("timestamp", short, f"Timestamp: {time.strftime('%a %b %e %H:%M:%S %Y', local)} {micros} usec\n"),)


def _happening(context: Context) -> Iterator[bytes | None]:
    return context.own(Listener()).messages()


def _recorded(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE)
    except OSError as error:
        raise RecordError(f'Cannot open "{path}": {error.strerror}', errno=error.errno) from error
    try:
        yield from split_messages(data)
    except NetlinkProtocolError as error:
        raise RecordError(f'"{path}" does not hold what rtmon writes: {error}') from error
