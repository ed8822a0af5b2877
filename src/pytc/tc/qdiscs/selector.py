"""The place of a qdisc, as a command names it."""

from pytc.handles import UNSPEC, Handle
from pytc.value import Value


class QdiscSelector(Value):
    """A device, and the place or handle of a qdisc there; UNSPEC for what is not given."""

    device: str = ""
    parent: Handle = UNSPEC
    handle: Handle = UNSPEC
