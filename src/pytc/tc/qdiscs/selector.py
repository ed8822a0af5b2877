"""The place of a qdisc, as a command names it."""

from __future__ import annotations

from pytc.handles import UNSPEC
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.handles import Handle


class QdiscSelector(Value):
    """A device, and the place or handle of a qdisc there; UNSPEC for what is not given."""

    device: str = ""
    parent: Handle = UNSPEC
    handle: Handle = UNSPEC
