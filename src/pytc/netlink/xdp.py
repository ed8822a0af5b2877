"""XDP programs of a device, asked with RTM_GETLINK (include/uapi/linux/if_link.h).

The request is ``struct ifinfomsg``: family u8, pad u8, type u16, index s32, flags u32, change u32; 16 bytes. The answer
has IFLA_XDP, which holds what is attached and the ids of programs; bpf(2) itself does not tell.
"""

from __future__ import annotations

import struct
import sys

from pytc.errors import NetlinkProtocolError
from pytc.netlink.messages import NLMSGHDR
from pytc.netlink.schema import split_attributes
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from pytc.netlink.session import Session

_NEWLINK, _GETLINK = 16, 18
_IFINFOMSG = struct.Struct("=BBHiII")
_XDP = 43
_ATTACHED, _PROGRAM = 2, 4
if TYPE_CHECKING:
    Mode = Literal["offload", "native", "generic"]
#: XDP_ATTACHED_*, and IFLA_XDP_*_PROG_ID of each, in the order in which a packet meets them.
_MODES: tuple[tuple[int, int, Mode], ...] = ((3, 7, "offload"), (1, 5, "native"), (2, 6, "generic"))


class XdpProgram(NamedTuple):
    """An XDP program by its id; ``mode`` is offload (in the device), native (in its driver) or generic (in the kernel's
    receive path)."""

    mode: Mode
    program: int


def xdp_programs(session: Session, ifindex: int) -> list[XdpProgram]:
    """Return the XDP programs of a device in the order in which a packet meets them; raises NetlinkError."""
    for kind, data in session.exchange(_GETLINK, _IFINFOMSG.pack(0, 0, 0, ifindex, 0, 0)):
        if kind == _NEWLINK:
            return parse_link(data)
    raise NetlinkProtocolError(f"no answer about the device with index {ifindex}")


def parse_link(data: bytes) -> list[XdpProgram]:
    """Return the XDP programs in a complete RTM_NEWLINK message, header included."""
    attributes = dict(split_attributes(data[NLMSGHDR.size + _IFINFOMSG.size :]))
    members = {
        number: int.from_bytes(payload, sys.byteorder)
        for number, payload in split_attributes(attributes.get(_XDP, b""))
    }
    several = [XdpProgram(mode, members[number]) for _, number, mode in _MODES if members.get(number)]
    if several or not members.get(_PROGRAM):
        return several
    # Before Linux 4.19 there are no ids of their own for the modes.
    return [XdpProgram(mode, members[_PROGRAM]) for attached, _, mode in _MODES if attached == members.get(_ATTACHED)]
