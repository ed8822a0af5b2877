"""Find the mount points of a kind of file system in /proc/mounts (proc(5))."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def find_mounts(kind: str) -> Iterator[str]:
    """Yield the mount points of a kind of file system, like ``cgroup2``; none where /proc cannot be read."""
    try:
        with open("/proc/mounts", "rb") as file:
            mounts = file.read()
    except OSError:
        return
    yield from mount_points(mounts, kind.encode())


def mount_points(mounts: bytes, kind: bytes) -> Iterator[str]:
    """Yield the mount points of a kind in the text of /proc/mounts, where a space is written ``\\040``."""
    for line in mounts.splitlines():
        fields = line.split(b" ")
        if len(fields) > 2 and fields[2] == kind:
            yield os.fsdecode(_unescape(fields[1]))


def _unescape(path: bytes) -> bytes:
    if b"\\" not in path:
        return path
    import re  # only now: few paths have a space in them

    return re.sub(rb"\\([0-3][0-7][0-7])", lambda match: bytes([int(match.group(1), 8)]), path)
