"""``pytc action get``: shows actions by kind and index."""

from __future__ import annotations

from pytc.commands.action.requests import request_by_index, take_indexes
from pytc.commands.shared.command import Query
from pytc.netlink import constants as c
from pytc.tc.actions.documents import answer_documents, total_document

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.commands.action.requests import Which
    from pytc.commands.shared.context import Context
    from pytc.render.documents import Document
    from pytc.words.engine import Cursor

HELP = """\
Usage: pytc action get [ action KIND index INDEX ] ...
"""


class GetActions(Query):
    """A request for actions by kinds and indexes, ``which``."""

    which: Which


def parse(cursor: Cursor) -> GetActions:
    """Return the command; raises UsageError, InvalidOptionsError."""
    return GetActions(take_indexes(cursor))


def run(context: Context, command: GetActions) -> list[Document]:
    """Return the documents of the actions; raises NetlinkError."""
    answers = request_by_index(context, c.GETACTION, command.which)
    return [part for answer in answers for part in answer_documents(answer, context.display)] or [total_document(0)]
