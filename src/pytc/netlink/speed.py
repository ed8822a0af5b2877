"""The speed of a device, asked of its driver (include/uapi/linux/ethtool.h).

The same as /sys/class/net/NAME/speed, which shows the devices of the namespace that /sys was mounted in.
"""

import _socket
import struct

_SIOCETHTOOL, _SIOCGIFFLAGS = 0x8946, 0x8913
_GSET = 1
_IFF_UP = 1
_UNKNOWN = (0, 0xFFFF, 0xFFFFFFFF)
#: struct ethtool_cmd: the speed's low half is at 12, its high half at 28.
_COMMAND_SIZE, _LOW, _HIGH = 44, 12, 28
_NAME_SIZE, _REQUEST_SIZE = 16, 40


def device_speed(device: str) -> int | None:
    """Mbit/s; None where the device is down or its driver does not say."""
    import array
    import fcntl

    command = array.array("B", struct.pack("=I", _GSET).ljust(_COMMAND_SIZE, b"\0"))
    name = device.encode("utf-8", "surrogateescape")[: _NAME_SIZE - 1].ljust(_NAME_SIZE, b"\0")
    requests = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)  # any will do
    try:
        flags = fcntl.ioctl(requests.fileno(), _SIOCGIFFLAGS, name.ljust(_REQUEST_SIZE, b"\0"))
        request = (name + struct.pack("P", command.buffer_info()[0])).ljust(_REQUEST_SIZE, b"\0")
        fcntl.ioctl(requests.fileno(), _SIOCETHTOOL, request)
    except OSError:
        return None
    finally:
        requests.close()
    if not struct.unpack_from("=H", flags, _NAME_SIZE)[0] & _IFF_UP:
        return None
    (low,) = struct.unpack_from("=H", command, _LOW)
    (high,) = struct.unpack_from("=H", command, _HIGH)
    speed: int = high << 16 | low
    return speed if speed not in _UNKNOWN else None
