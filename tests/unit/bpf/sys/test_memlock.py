"""RLIMIT_MEMLOCK is raised, and put back where that did not help."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator

import pytest

from pytc.bpf.sys.memlock import call_unlimited


@pytest.fixture(autouse=True)
def nothing_may_be_locked() -> Iterator[None]:
    """A soft limit of 0, as far as this test goes."""
    before = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, before)


def soft_limit() -> int:
    return resource.getrlimit(resource.RLIMIT_MEMLOCK)[0]


class Attempts:
    """Fails with an errno, or succeeds with the limit that it finds."""

    def __init__(self, number: int = 0) -> None:
        self.number = number
        self.limits: list[int] = []

    def __call__(self) -> int:
        self.limits.append(soft_limit())
        return -self.number or 1


def test_the_limit_is_raised() -> None:
    attempts = Attempts()
    assert call_unlimited(attempts) == 1
    assert attempts.limits == [soft_limit()] != [0]


@pytest.mark.parametrize("number", [errno.EPERM, errno.EINVAL, errno.ENOMEM])
def test_it_is_put_back_after_a_failure(number: int) -> None:
    attempts = Attempts(number)
    assert call_unlimited(attempts) == -number
    assert attempts.limits != [0]
    assert soft_limit() == 0
