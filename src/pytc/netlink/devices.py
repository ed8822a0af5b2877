"""What the kernel says of network devices, by ioctl(2): ``struct ifreq`` of include/uapi/linux/if.h."""

import struct

from pytc.errors import DeviceNotFoundError

_SIOCGIFHWADDR = 0x8927
_IFREQ = struct.Struct("=16sH22x")  # name, sa_family of the hardware address


def hardware_type(device: str) -> int:
    """ARPHRD_* of a device of the current namespace; raises DeviceNotFoundError."""
    import _socket
    import fcntl
    import os

    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        answer = fcntl.ioctl(sock.fileno(), _SIOCGIFHWADDR, _IFREQ.pack(os.fsencode(device), 0))
    except OSError as error:
        raise DeviceNotFoundError(device) from error
    finally:
        sock.close()
    return int(_IFREQ.unpack(answer)[1])
