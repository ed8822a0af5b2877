"""The ``clsact`` qdisc: hooks for filters on ingress and egress (net/sched/sch_ingress.c). It has no options."""

from typing import Any

from pytc.documents import Document, Shown
from pytc.errors import HelpRequested, InvalidOptionsError
from pytc.grammar.words import Cursor, matches
from pytc.handles import CLSACT, Handle
from pytc.kinds.interface import Attributes, QdiscKind

#: Of clsact and ingress alike: a device has one of the two.
HANDLE = Handle(0xFFFF, 0)


def parse_nothing(kind: str, cursor: Cursor) -> None:
    """For kinds without options: raises InvalidOptionsError for any word, HelpRequested for ``help``."""
    if cursor.done:
        return
    if matches(cursor.peek(), "help"):
        raise HelpRequested(f"qdisc {kind}")
    raise InvalidOptionsError(f'What is "{cursor.peek()}"? {kind} has no options.')


def encode_nothing(options: Any) -> None:
    """No TCA_OPTIONS at all."""


def no_document(attributes: Attributes, shown: Shown) -> Document:
    """Nothing to say."""
    return ()


KIND = QdiscKind("clsact", (), lambda cursor: parse_nothing("clsact", cursor), encode_nothing, no_document,
                 default_handle=HANDLE, default_parent=CLSACT)
