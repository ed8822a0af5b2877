"""The ``ingress`` qdisc: a hook for filters on ingress (net/sched/sch_ingress.c). It has no options."""

from pytc.documents import Document, Field, Shown
from pytc.handles import CLSACT
from pytc.kinds.interface import Attributes, QdiscKind
from pytc.kinds.qdiscs.clsact import encode_nothing, parse_nothing

_HANDLE = 0xFFFF0000


def _document(attributes: Attributes, shown: Shown) -> Document:
    return (Field("", None, "---------------- "),)


KIND = QdiscKind("ingress", (), lambda cursor: parse_nothing("ingress", cursor), encode_nothing, _document,
                 default_handle=_HANDLE, default_parent=CLSACT.number)
