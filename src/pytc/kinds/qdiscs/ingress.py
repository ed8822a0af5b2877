"""The ``ingress`` qdisc: a hook for filters on ingress (net/sched/sch_ingress.c). It has no options."""

from pytc.documents import Document, Field, Shown
from pytc.handles import CLSACT
from pytc.kinds.interface import Attributes, QdiscKind
from pytc.kinds.qdiscs.clsact import HANDLE, encode_nothing, parse_nothing


def _document(attributes: Attributes, shown: Shown) -> Document:
    return (Field("", None, "---------------- "),)


KIND = QdiscKind("ingress", (), lambda cursor: parse_nothing("ingress", cursor), encode_nothing, _document,
                 default_handle=HANDLE, default_parent=CLSACT)
