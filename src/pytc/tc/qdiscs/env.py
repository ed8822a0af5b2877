"""The surroundings of qdiscs and classes to which options refer: clock, speed of the device, tables of delays."""

from __future__ import annotations

import os

from pytc.errors import InvalidOptionsError
from pytc.netlink.devices import device_speed
from pytc.tc.clock import read_clock
from pytc.tc.kinds.interface import QdiscEnv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_LONGEST_TABLE = 16 * 1024
_LARGEST_FILE = 1 << 20
#: Where distributions have iproute2's tables, when TC_LIB_DIR does not say.
_ROOTS = ("/usr/lib", "/usr/lib64", "/usr/share")


def qdisc_env(device: str, device_index: Callable[[str], int], tables: str = "") -> QdiscEnv:
    """Return the surroundings of a qdisc of a device; only the clock is read before it is needed.

    ``device_index`` raises DeviceNotFoundError; ``tables`` is the directory of tables of delays, empty for those of
    distributions.
    """

    def speed() -> int:
        if not device:
            raise InvalidOptionsError("No device specified; specify device to rate limit by percentage")
        device_index(device)
        megabits = device_speed(device)
        if not megabits:
            raise InvalidOptionsError(
                f'property "speed" in file /sys/class/net/{device}/speed is currently unknown',
                hints=("a percentage needs a device that is up and says its speed",),
            )
        return megabits

    return QdiscEnv(read_clock(), speed, lambda name: read_distribution(name, tables))


def read_distribution(name: str, library: str = "") -> Sequence[int]:
    """Return the numbers of a table of delays (``normal``), in thousandths of the jitter times 8.192.

    Raises InvalidOptionsError.
    """
    path = _table_path(name, library)
    try:
        with open(path, encoding="ascii") as file:
            text = file.read(_LARGEST_FILE)
        values = [int(word, 0) for line in text.splitlines() if not line.startswith("#") for word in line.split()]
    except OSError as error:
        raise InvalidOptionsError(
            f"No distribution data for {name} ({path}: {error.strerror})",
            hints=("TC_LIB_DIR names the directory of such tables",),
        ) from error
    except ValueError as error:
        raise InvalidOptionsError(f"{path}: not a table of numbers: {error}") from error
    if not 0 < len(values) <= _LONGEST_TABLE:
        raise InvalidOptionsError(f"{path}: too much data" if values else f"{path}: no data")
    if not all(-0x8000 <= value < 0x8000 for value in values):
        raise InvalidOptionsError(f"{path}: a number of more than 16 bits")
    return values


def _table_path(name: str, library: str) -> str:
    if library or "/" in name:
        return os.path.join(library or _ROOTS[0] + "/tc", f"{os.path.basename(name)}.dist")
    directories = [f"{root}/tc" for root in _ROOTS] + _multiarch()
    paths = [f"{directory}/{name}.dist" for directory in directories]
    return next((path for path in paths if os.path.exists(path)), paths[-1])


def _multiarch() -> list[str]:
    """Return Debian's /usr/lib/x86_64-linux-gnu/tc and the like."""
    try:
        return [f"/usr/lib/{name}/tc" for name in os.listdir("/usr/lib") if os.path.isdir(f"/usr/lib/{name}/tc")]
    except OSError:
        return []
