"""Objects with wrong bytes are refused or described, never a reason to crash."""

from __future__ import annotations

import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from pytc.bpf import convert_maps, inspect_object, lint_object, read_bytes
from pytc.commands.object.documents import findings_document, inspection_document
from pytc.errors import BpfError
from pytc.render.json import render as as_json
from pytc.render.text import render as as_text
from tests.conftest import EXAMPLES, Compiler

IMAGES = [(EXAMPLES / f"{name}.o").read_bytes() for name in ("traffic", "mark_stats", "shaper")]
CHANGES = st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), max_size=8)


@given(st.sampled_from(IMAGES), CHANGES)
def test_objects_with_wrong_bytes(image: bytes, changes: list[tuple[int, int]]) -> None:
    data = bytearray(image)
    for at, byte in changes:
        data[at % len(data)] = byte
    with suppress(BpfError):
        spec = read_bytes(bytes(data), "bad.o")
        documents = [
            inspection_document(inspect_object(spec)),
            findings_document("bad.o", lint_object(spec, version="4.4")),
        ]
        assert len(json.loads(as_json(documents))) == 2
        assert as_text(documents)
        convert_maps(spec)


@given(CHANGES)
def test_questions_to_the_kernel_with_wrong_bytes(build: Compiler, changes: list[tuple[int, int]]) -> None:
    """What follows them looks at instructions, CO-RE records and externs alike."""
    with open(build("guarded"), "rb") as file:
        data = bytearray(file.read())
    for at, byte in changes:
        data[at % len(data)] = byte
    with suppress(BpfError):
        spec = read_bytes(bytes(data), "bad.o")
        for version in ("4.4", "5.4", "5.7"):
            assert findings_document("bad.o", lint_object(spec, version=version))
