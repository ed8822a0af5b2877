"""Network namespaces of a thread."""

from collections.abc import Iterator

from pytc.api.calls import log
from pytc.contexts import contextmanager


@contextmanager
def netns(name: str) -> Iterator[None]:
    """Work in another network namespace until the block ends: a name of ip-netns(8), or a path.

    It moves this thread alone; others stay where they are, and so do tasks of asyncio that run meanwhile in this one:
    do not wait for anything in the block. Raises NamespaceError.

    >>> with pytc.netns("/proc/self/ns/net"):  # or "blue", where "ip netns add blue" has made it
    ...     len(pytc.hooks("em1"))
    1
    """
    from pytc.netlink.namespaces import namespace

    with namespace(name):
        log.debug("entered network namespace %s", name)
        yield


def namespace_id() -> tuple[int, int]:
    """Return device and inode of this thread's network namespace, which name it."""
    import os

    status = os.stat("/proc/thread-self/ns/net")
    return status.st_dev, status.st_ino
