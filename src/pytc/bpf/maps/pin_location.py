"""Remarks on pins that go where nobody expects them.

``ip netns exec`` gives its command a mount namespace with a fresh /sys, in which there is no bpffs; one that is mounted
there ends with the command. On other machines /sys/fs/bpf is not mounted, or cannot be examined, and another is taken.
"""

from __future__ import annotations

import os

from pytc.errors import SeveralLines, one_line, strerror

_NAMED_NAMESPACES = "/run/netns"


def location_remarks(mount: str, expected: str, *, is_new: bool) -> tuple[str, ...]:
    """Return what a user should know about the bpffs ``mount`` that takes pins; nothing for an ``expected`` one that
    was there."""
    mount, expected = one_line(mount), one_line(expected)
    advice = _advice() if _has_own_mounts() else None
    if is_new:
        end = "" if advice is None else ", and are gone when this mount namespace ends"
        return (
            SeveralLines(
                f'Warning: no bpffs was mounted; pins are in one that pytc has mounted at "{mount}"{end}{advice or ""}'
            ),
        )
    if mount == expected:
        return ()
    return (
        SeveralLines(
            f'Warning: pins are in "{mount}", because "{expected}" {_state(expected)}'
            + (advice or "\nHint: TC_BPF_MNT names another mount point")
        ),
    )


def _state(path: str) -> str:
    try:
        os.statvfs(path)
    except OSError as error:
        return f"cannot be examined ({strerror(error.errno or 0)})"
    return "is not a bpffs"


def _has_own_mounts() -> bool:
    """Return whether this process is in another mount namespace than the first process; False where that is hidden.

    Mounts have other ids in each namespace. /proc/1/ns/mnt would tell, too, but to those with CAP_SYS_PTRACE alone.
    """
    try:
        return _mount_ids("self").isdisjoint(_mount_ids("1"))
    except OSError:
        return False


def _mount_ids(process: str) -> set[bytes]:
    with open(f"/proc/{process}/mountinfo", "rb") as file:
        return {line.split(b" ", 1)[0] for line in file}


def _advice() -> str:
    name = _network_namespace()
    return (
        f'\nHint: "pytc -n {name} ..." enters the network namespace alone, and pins where others look' if name else ""
    )


def _network_namespace() -> str:
    """Return the name that ip netns knows this process' network namespace by; empty without one."""
    try:
        own = os.stat("/proc/self/ns/net")
        with os.scandir(_NAMED_NAMESPACES) as entries:
            return next((entry.name for entry in entries if os.path.samestat(entry.stat(), own)), "")
    except OSError:
        return ""
