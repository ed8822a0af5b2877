"""Kinds of filters of which pytc has no module: what can be said of them all the same."""

from typing import NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.words.engine import unsigned

_U32 = 0xFFFFFFFF


class OtherKind(NamedTuple):
    """The number of a kind's attribute for actions (include/uapi/linux/pkt_cls.h)."""

    actions: int


#: Those of the kernel. tc knows them too, and takes their handles in any base; of others, it takes hex.
OTHERS = {
    "flower": OtherKind(3),
}


def other_handle(kind: str, word: str) -> int:
    """Return the handle of a filter of such a kind; raises InvalidOptionsError."""
    is_known = kind in OTHERS
    try:
        return int(unsigned(_U32, 0 if is_known else 16)(word))
    except ValueError:
        wrong = 'Illegal "handle"' if is_known else f'Unparsable filter ID "{word}"'
        raise InvalidOptionsError(wrong, hints=(f'the value is "{word}"',)) from None
