"""Text for a terminal: nothing in somebody else's name controls it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.render.documents import DEVICE, ArrayField, Field, Group, LazyField
from pytc.render.terminal import printable_json
from pytc.render.text import render

if TYPE_CHECKING:
    from pytc.render.documents import Document

HOSTILE = "x\x1b[31m\n\x9b7m\u202eNote: y"
DOCUMENT: Document = [
    Field("name", HOSTILE, f"name {HOSTILE} "),
    Group("", [Field("dev", HOSTILE, HOSTILE, DEVICE)]),
    ArrayField("", [[LazyField("", lambda: None, lambda: "\tz\x1b\n")]]),
]
SAFE = "x?[31m??7m?Note: y"


def test_names_have_no_control_characters_and_the_layout_stays() -> None:
    assert render([DOCUMENT], is_terminal=True) == f"name {SAFE} {SAFE}\tz?\n"
    assert render([DOCUMENT], is_terminal=True, colors={DEVICE: "36"}) == f"name {SAFE} \x1b[36m{SAFE}\x1b[0m\tz?\n"


def test_elsewhere_names_are_as_the_kernel_has_them() -> None:
    assert render([DOCUMENT]) == f"name {HOSTILE} {HOSTILE}\tz\x1b\n"


@given(st.text())
@pytest.mark.parametrize("ascii", [True, False])
def test_json_says_the_same(ascii: bool, text: str) -> None:
    safe = printable_json(json.dumps(text, ensure_ascii=ascii))
    assert safe.isprintable()
    assert json.loads(safe) == text
