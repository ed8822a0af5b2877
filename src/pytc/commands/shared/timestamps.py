"""The time in front of what is printed as it happens, with the options -timestamp and -tshort."""

from __future__ import annotations

import time

from pytc.render.documents import Field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display, Document


def timestamp(display: Display) -> Document:
    """Return the local time, with -timestamp as tc writes it, with -tshort as ISO 8601; nothing without either."""
    if not display.timestamp:
        return ()
    now = time.time()
    micros = int(now % 1 * 1_000_000)
    local = time.localtime(now)
    short = time.strftime("%Y-%m-%dT%H:%M:%S", local) + f".{micros:06d}"
    if display.timestamp == "short":
        return (Field("timestamp", short, f"[{short}] "),)
    return (Field("timestamp", short, f"Timestamp: {time.strftime('%a %b %e %H:%M:%S %Y', local)} {micros} usec\n"),)
