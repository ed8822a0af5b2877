"""Raise RLIMIT_MEMLOCK, only where the kernel needs it.

Kernels before 5.11 charge BPF memory to this limit and answer EPERM when it is too low (commit 5b3ffdba6dc1 and its
series, "bpf: Eliminate rlimit-based memory accounting", v5.11). Newer kernels never look at it, so it is raised only
after an EPERM.
"""

from __future__ import annotations

import errno
import resource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def call_unlimited(attempt: Callable[[], int]) -> int:
    """Return ``attempt()``, made without the limit, which is restored when it fails; an errno is a negative number.

    Returns -EPERM where the limit cannot be raised.
    """
    limits = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if limits[0] == resource.RLIM_INFINITY or not _raise_limit(limits):
        return -errno.EPERM
    result = attempt()
    if result < 0:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, limits)
    return result


def _raise_limit(limits: tuple[int, int]) -> bool:
    for raised in ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), (limits[1], limits[1])):
        try:
            resource.setrlimit(resource.RLIMIT_MEMLOCK, raised)
        except (OSError, ValueError):
            continue
        return True
    return False
