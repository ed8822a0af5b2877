"""Lists in messages are short, and begin with what may be meant."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from pytc.bpf.codec.format import format_codec
from pytc.commands.prog.subject import Subject, find_subject_map
from pytc.errors import BpfError, CodecError, shortlist

NAMES = [f"name_{number}" for number in range(200)]


def test_a_short_list_is_whole() -> None:
    assert shortlist(["b", "a"], "x") == "b, a"
    assert shortlist([]) == ""


def test_a_long_one_begins_with_the_nearest() -> None:
    assert shortlist(NAMES, "name_19x").startswith("name_19, ")
    assert shortlist(NAMES, "name_19x").endswith(" and 192 more")
    assert shortlist(NAMES).startswith("name_0, name_1, ")


def test_a_very_long_one_takes_no_time() -> None:
    before = time.process_time()
    assert shortlist(NAMES * 5000, "x" * 100_000).endswith(" and 999992 more")
    assert time.process_time() - before < 2


def test_members_and_maps_are_listed_so() -> None:
    codec = format_codec("{" + ", ".join(f"u8 {name}" for name in NAMES) + "}", 200)
    with pytest.raises(CodecError, match=r"the members are name_19, .* and 184 more"):
        cast(Any, codec).member("name_19x")
    subject = Subject(cast(Any, None), cast(Any, dict.fromkeys(NAMES)), "main", is_tcx=False)
    with pytest.raises(BpfError, match=r'has no map "name_19x"; it has name_19, .* and 192 more'):
        find_subject_map(subject, "name_19x")
