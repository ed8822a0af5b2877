"""Load-time parameters for objects whose claims no memory could hold."""

from __future__ import annotations

import tracemalloc

import pytest

from pytc.bpf.btf import types as b
from pytc.bpf.object.parameters import Parameters, parameterise
from pytc.bpf.object.reader import read_bytes
from pytc.bpf.object.spec import ObjectSpec
from pytc.errors import ObjectError
from tests.btf_writer import BtfWriter
from tests.elf_writer import ALLOC, NOBITS, RETURN_0, WRITE, Section, code, elf, function

_HUGE = 0xFFFFFFF0


def _object(kind: str) -> ObjectSpec:
    """An object with one variable ``v`` in .bss, which claims to have four bytes."""
    w = BtfWriter()
    types = {
        "integer": w.integer(),
        "structure": w.structure("large", _HUGE, []),
        "enum": w.add(b.ENUM, "e", _HUGE),
    }
    types["array"] = w.array(types["structure"], 1 << 22)
    w.data_section(".bss", [(w.variable("v", types[kind]), 0, 4)])
    data = elf(
        code("classifier", RETURN_0),
        Section(".bss", type=NOBITS, flags=ALLOC | WRITE, size=8),
        Section(".BTF", w.data()),
        symbols=[function("cls_main", "classifier")],
    )
    return read_bytes(data, "bpf.o")


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("structure", {}, f"its type has {_HUGE} bytes, and its section .bss ends before that"),
        ("array", [], f"its type has {_HUGE << 22} bytes, and its section .bss ends before that"),
        ("enum", "1", f"an enum of {_HUGE} bytes"),
    ],
)
def test_what_is_larger_than_a_file_can_say_is_refused(kind: str, value: object, reason: str) -> None:
    spec = _object(kind)
    tracemalloc.start()
    try:
        with pytest.raises(ObjectError, match=reason):
            parameterise(spec, Parameters({"v": value}))
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
