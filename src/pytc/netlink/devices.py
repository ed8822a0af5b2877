"""Network devices, by ioctl(2) with ``struct ifreq`` (include/uapi/linux/if.h): a name of 16 bytes, 24 bytes of value.

Unlike /sys/class/net, ioctl(2) shows the devices of this thread's namespace, not those of the one in which /sys was
mounted.
"""

from __future__ import annotations

import fcntl
import os
import struct

from pytc.errors import DeviceNotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.cpython import socket

_SIOCGIFNAME, _SIOCGIFFLAGS, _SIOCGIFHWADDR, _SIOCGIFINDEX, _SIOCETHTOOL = 0x8910, 0x8913, 0x8927, 0x8933, 0x8946
_IFREQ = struct.Struct("=16s24s")
_NAME_SIZE = 16
_IFF_UP = 1
_GSET = 1  # ETHTOOL_GSET
_UNKNOWN_SPEEDS = (0, 0xFFFF, 0xFFFFFFFF)
#: struct ethtool_cmd: the speed's low half is at 12, its high half at 28.
_COMMAND_SIZE, _LOW, _HIGH = 44, 12, 28


def device_index(device: str, opened: socket | None = None) -> int:
    """Return the index of a device, in the namespace of a socket that is open already or of this thread.

    Raises DeviceNotFoundError.
    """
    return int(struct.unpack_from("=i", _ifreq(_SIOCGIFINDEX, device, opened=opened))[0])


def hardware_type(device: str) -> int:
    """Return ARPHRD_* of a device; raises DeviceNotFoundError."""
    return int(struct.unpack_from("=H", _ifreq(_SIOCGIFHWADDR, device))[0])


def device_speed(device: str) -> int | None:
    """Return the speed in Mbit/s, as the driver reports it (include/uapi/linux/ethtool.h).

    None where the device is down or its driver does not know.
    """
    import array

    command = array.array("B", struct.pack("=I", _GSET).ljust(_COMMAND_SIZE, b"\0"))
    try:
        flags = _ifreq(_SIOCGIFFLAGS, device)
        _ifreq(_SIOCETHTOOL, device, struct.pack("P", command.buffer_info()[0]))
    except DeviceNotFoundError:
        return None
    if not struct.unpack_from("=H", flags)[0] & _IFF_UP:
        return None
    (low,), (high,) = struct.unpack_from("=H", command, _LOW), struct.unpack_from("=H", command, _HIGH)
    speed: int = high << 16 | low
    return speed if speed not in _UNKNOWN_SPEEDS else None


def _ifreq(request: int, device: str, value: bytes = b"", *, opened: socket | None = None) -> bytes:
    """Return the value of an answer; raises DeviceNotFoundError for any refusal."""
    from pytc.cpython import AF_INET, SOCK_CLOEXEC, SOCK_DGRAM, socket

    name = os.fsencode(device)
    if len(name) >= _NAME_SIZE or b"\0" in name:
        raise DeviceNotFoundError(device)
    used = opened or socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC)
    try:
        try:
            answer = fcntl.ioctl(used.fileno(), request, _IFREQ.pack(name, value))
        except OSError:
            index = _index_in(device)
            if not index:
                raise
            named = fcntl.ioctl(used.fileno(), _SIOCGIFNAME, _IFREQ.pack(b"", struct.pack("=I", index)))
            answer = fcntl.ioctl(used.fileno(), request, _IFREQ.pack(_IFREQ.unpack(named)[0], value))
    except OSError as error:
        raise DeviceNotFoundError(device) from error
    finally:
        if opened is None:
            used.close()
    return bytes(_IFREQ.unpack(answer)[1])


def _index_in(device: str) -> int:
    """Return the index in a name like ``if3``, which tc prints and takes for a device, 0 for other names."""
    digits = device.removeprefix("if")
    return int(digits) if digits != device and digits.isascii() and digits.isdigit() and len(digits) < 10 else 0
