"""Kinds of filters of which pytc has no module: what can be said of them all the same."""

from typing import NamedTuple

from pytc.errors import InvalidOptionsError
from pytc.words.engine import unsigned

_U32 = 0xFFFFFFFF


class OtherKind(NamedTuple):
    """The numbers of a kind's attributes for actions and police (include/uapi/linux/pkt_cls.h), 0 for none."""

    actions: int
    police: int = 0


#: Those of the kernel. tc knows them too, and takes their handles in any base; of others, it takes hex.
OTHERS = {
    "basic": OtherKind(3, 4),
    "cgroup": OtherKind(1, 2),
    "flow": OtherKind(10, 9),
    "flower": OtherKind(3),
    "route": OtherKind(6, 5),
    "rsvp": OtherKind(6, 5),
    "rsvp6": OtherKind(6, 5),
    "tcindex": OtherKind(7, 6),
}


def other_handle(kind: str, word: str) -> int:
    """Return the handle of a filter of such a kind; raises InvalidOptionsError."""
    is_known = kind in OTHERS
    try:
        return int(unsigned(_U32, 0 if is_known else 16)(word))
    except ValueError:
        wrong = 'Illegal "handle"' if is_known else f'Unparsable filter ID "{word}"'
        raise InvalidOptionsError(wrong, hints=(f'the value is "{word}"',)) from None
