"""The place of filters and chains, as a command names it."""

from __future__ import annotations

from pytc.handles import UNSPEC
from pytc.netlink import constants as c
from pytc.value import Value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from pytc.handles import Handle


class FilterSelector(Value):
    """Filters of a device, or of a block, whose filters several devices share.

    ``protocol`` 0, ``pref`` 0, ``block`` 0 and ``chain`` None mean not given.
    """

    device: str = ""
    parent: Handle = UNSPEC
    pref: int = 0
    protocol: int = 0
    chain: int | None = None
    handle: str = ""
    block: int = 0

    def ifindex(self, device_index: Callable[[str], int]) -> int:
        """Return ``tcm_ifindex``; ``device_index`` finds that of a device, and may raise DeviceNotFoundError."""
        return c.BLOCK if self.block else device_index(self.device)
