"""Why bpf(2) answers EPERM, by what a kernel and a process are."""

from __future__ import annotations

import resource

import pytest

from pytc.bpf.kernel import permissions


@pytest.fixture
def old_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel before 5.11, with a process that may lock 64 KB."""
    monkeypatch.setattr(permissions, "is_older", lambda version: version == "5.11")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (65536, 65536))


def test_only_what_is_created_is_charged(old_kernel: None) -> None:
    """An attachment that is refused has another cause, whatever the limit is."""
    for command, is_charged in (
        ("MAP_CREATE", True),
        ("PROG_LOAD", True),
        ("PROG_ATTACH", False),
        ("LINK_CREATE", False),
    ):
        causes = permissions.permission_causes(command)
        assert any("RLIMIT_MEMLOCK is 65536 bytes" in cause for cause in causes) is is_charged, command
