"""RLIMIT_MEMLOCK is raised after an EPERM, and only then."""

from __future__ import annotations

import errno
import resource
from collections.abc import Iterator

import pytest

from pytc.bpf.sys.memlock import retry_unlimited
from pytc.errors import BpfSyscallError


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
    """Fails with these errors, one for each call, then succeeds with the limit that it finds."""

    def __init__(self, *errors: int) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> int:
        self.calls += 1
        if self.errors:
            raise BpfSyscallError("MAP_CREATE", self.errors.pop(0))
        return soft_limit()


def test_success_leaves_it_alone() -> None:
    assert retry_unlimited(Attempts()) == soft_limit() == 0


def test_an_eperm_raises_it_and_tries_again() -> None:
    attempts = Attempts(errno.EPERM)
    assert retry_unlimited(attempts) != 0
    assert attempts.calls == 2
    assert soft_limit() != 0


def test_a_second_eperm_puts_it_back() -> None:
    attempts = Attempts(errno.EPERM, errno.EPERM)
    with pytest.raises(BpfSyscallError, match="EPERM"):
        retry_unlimited(attempts)
    assert (attempts.calls, soft_limit()) == (2, 0)


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES, errno.E2BIG, errno.ENOMEM])
def test_other_errors_leave_it_alone_and_are_not_tried_again(number: int) -> None:
    attempts = Attempts(number)
    with pytest.raises(BpfSyscallError):
        retry_unlimited(attempts)
    assert (attempts.calls, soft_limit()) == (1, 0)
