"""The ``ingress`` qdisc: a hook for filters on ingress (net/sched/sch_ingress.c). It has no options."""

from pytc.handles import CLSACT
from pytc.netlink.schema import Attributes, Schema
from pytc.render.documents import Display, Document, Field
from pytc.tc.clock import Clock
from pytc.tc.kinds.interface import QdiscKind
from pytc.tc.kinds.qdiscs.clsact import HANDLE
from pytc.tc.kinds.shared.no_options import encode_nothing
from pytc.words.engine import Cursor, Word, read_options

#: tc takes a handle here, whatever it is, for the sake of old scripts.
_WORDS = (Word("handle", "handle", str, exact=True, repeat=True),)
_USAGE = """\
Usage: ... ingress

A place for filters on ingress. It has no options.
"""


def _parse(cursor: Cursor) -> None:
    read_options(cursor, _WORDS, "qdisc ingress")


def _document(attributes: Attributes, display: Display, clock: Clock) -> Document:
    return (Field("", None, "---------------- "),)


KIND: QdiscKind[None, None] = QdiscKind(
    "ingress", Schema(), _parse, encode_nothing, _document, _USAGE, default_handle=HANDLE, default_parent=CLSACT
)
