"""``pytc monitor``: each change of a qdisc, class, filter, chain or action as it happens."""

from __future__ import annotations

from pytc.commands.shared.command import Query
from pytc.commands.shared.timestamps import timestamp
from pytc.errors import HelpRequested, NetlinkProtocolError, RecordError, UsageError
from pytc.netlink import constants as c
from pytc.netlink.listener import Listener
from pytc.netlink.messages import decode, read_type, split_messages
from pytc.render.documents import Stream
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.words.engine import matches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.commands.shared.context import Context
    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Display, Document, Json
    from pytc.words.engine import Cursor

_QDISCS, _CLASSES = (c.NEWQDISC, c.DELQDISC), (c.NEWTCLASS, c.DELTCLASS)
_ACTIONS = (c.NEWACTION, c.DELACTION)
_EVENTS = (*_QDISCS, *_CLASSES, *_ACTIONS, c.NEWTFILTER, c.DELTFILTER, c.NEWCHAIN, c.DELCHAIN)
_MAX_FILE = 1 << 28


class Monitor(Query):
    """A request for changes as they happen; ``path`` is a file that rtmon(8) has written to read instead, empty for
    none."""

    path: str = ""


def parse(cursor: Cursor) -> Monitor:
    """Return the command; raises UsageError, HelpRequested."""
    path = ""
    while not cursor.done:
        word = cursor.take()
        if matches(word, "file"):
            path = cursor.take()
        elif matches(word, "help"):
            raise HelpRequested("monitor")
        else:
            raise UsageError(f'Argument "{word}" is unknown, try "pytc monitor help".')
    return Monitor(path)


def run(context: Context, command: Monitor) -> Stream:
    """Return a stream that ends with the file, else not by itself; raises NetlinkError, RecordError."""
    source = _read_file(command.path) if command.path else _listen(context)

    def documents() -> Iterator[Document]:
        for data in source:
            if data is None:
                context.say("Warning: the kernel had more news than could be read, and dropped some")
                continue
            document = event(decode(data), context.display) if read_type(data) in _EVENTS else None
            if document is not None:
                yield [*timestamp(context.display), *document]

    return Stream(
        text=lambda: (render([document], is_terminal=context.display.is_terminal) for document in documents()),
        json=lambda: (_line(document) for document in documents()),
        values=lambda: iter(()),
        is_live=True,
    )


def event(message: TcMessage, display: Display) -> Document | None:
    """Return the document of a change; None for a message about something else."""
    if message.type in _QDISCS:
        from pytc.tc.qdiscs.documents import qdisc_event

        return qdisc_event(message, display)
    if message.type in _CLASSES:
        from pytc.tc.classes.documents import class_event

        return class_event(message, display)
    if message.type in _ACTIONS:
        from pytc.tc.actions.documents import action_event

        return action_event(message, display)
    from pytc.tc.filters.documents import document
    from pytc.tc.filters.records import decode_filter

    record = decode_filter(message)
    return document(record, display) if record is not None else None


def _line(document: Document) -> str:
    import json

    value: Json = as_object(document)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _listen(context: Context) -> Iterator[bytes | None]:
    return context.own(Listener()).messages()


def _read_file(path: str) -> Iterator[bytes]:
    try:
        with open(path, "rb") as file:
            data = file.read(_MAX_FILE)
    except OSError as error:
        raise RecordError(f'Cannot open "{path}": {error.strerror}', errno=error.errno) from error
    try:
        yield from split_messages(data)
    except NetlinkProtocolError as error:
        raise RecordError(f'"{path}" does not hold what rtmon writes: {error}') from error
