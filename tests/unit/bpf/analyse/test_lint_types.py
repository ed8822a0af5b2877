"""Findings about the kernel's types, which a file stands for, and about sizes of ring buffers."""

from __future__ import annotations

import pytest

from pytc.bpf import lint_object, read_object
from pytc.bpf.kernel.running import kernel_btf
from pytc.bpf.kernel.types import KernelTypes
from pytc.bpf.sys.constants import MapType
from tests.conftest import Compiler
from tests.processes import printed, refused
from tests.unit.bpf.analyse.test_lint import row, spec_of


def lacks(build: Compiler, name: str, types: str) -> list[str]:
    """Return the texts of findings about an object, for a kernel whose types are those of another one."""
    path = build(types)
    with KernelTypes(lambda: kernel_btf(path), source=path) as kernel:
        findings = lint_object(read_object(build(name)), types=kernel)
    return [finding.text for finding in findings if finding.check == "core"]


def test_a_member_that_is_not_there(build: Compiler) -> None:
    (text,) = lacks(build, "core_missing", "core_field")
    assert "no struct task_struct.never_there, which the program uses without checking that it exists" in text
    assert lacks(build, "core_missing", "core_missing") == []


def test_who_asks_first_may_miss_it(build: Compiler) -> None:
    assert lacks(build, "core_missing_guarded", "core_field") == []


def test_objects_without_questions_have_all(build: Compiler) -> None:
    assert lacks(build, "modern_maps", "core_field") == []


def test_words(build: Compiler) -> None:
    path = build("core_missing")
    message = printed("object", "lint", path, "btf", build("core_field"), status=1)
    assert "core_missing.c:" in message and "never_there" in message
    assert "nothing found" in printed("object", "lint", path, "btf", path)
    assert '"/etc/passwd" holds no BTF' in refused("object", "lint", path, "btf", "/etc/passwd")


@pytest.mark.parametrize(("entries", "becomes"), [(1000, 4096), (4096, 0), (5000, 8192), (1 << 16, 0)])
def test_a_ring_buffer_is_larger_than_it_says(entries: int, becomes: int) -> None:
    findings = lint_object(spec_of(row(MapType.RINGBUF, key=0, value=0, entries=entries)))
    sizes = [finding.text for finding in findings if "ring buffer" in finding.text]
    assert sizes == (
        [f"a ring buffer has a power of two of whole pages: {entries} bytes become {becomes}"] if becomes else []
    )
