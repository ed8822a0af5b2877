"""``pytc map`` on Debian's Linux 6.1: types of maps, batches, events. What else there is needs no particular kernel."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.kernel.bpf.test_typed_maps import TestBatches, TestTyped, table
from tests.kernel.test_map_command import TestElements, TestEvents, TestTypes, made, pytc

__all__ = ["TestBatches", "TestElements", "TestEvents", "TestTyped", "TestTypes", "made", "pytc", "table"]

pytestmark = pytest.mark.kernel


@pytest.fixture
def build(objects: Callable[[str], str]) -> Callable[[str], str]:
    """The objects that were compiled before the boot, in place of a compiler."""
    return objects


@pytest.fixture
def root(in_vm: None) -> None:
    """Everything is root in the VM."""
