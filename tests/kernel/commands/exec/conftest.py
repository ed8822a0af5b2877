"""Fixtures of the tests of ``exec``: those of tests/kernel/exec_proxy."""

from __future__ import annotations

from tests.kernel.exec_proxy.conftest import agent, no_descriptors_left, open_directory

__all__ = ["agent", "no_descriptors_left", "open_directory"]
