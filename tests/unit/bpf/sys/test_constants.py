"""Names of types in sentences."""

from __future__ import annotations

import pytest

from pytc.bpf.sys.constants import a_map_type


@pytest.mark.parametrize(
    ("number", "text"), [(1, "a hash"), (2, "an array"), (5, "a percpu_hash"), (9, "an lru_hash"), (11, "an lpm_trie")]
)
def test_a_map_type_with_its_article(number: int, text: str) -> None:
    assert a_map_type(number) == text
