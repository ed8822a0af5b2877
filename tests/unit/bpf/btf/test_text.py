"""Types of BTF as C text."""

from __future__ import annotations

import pytest

from pytc.bpf.btf import types as b
from pytc.bpf.btf.text import type_text
from tests.btf_writer import BtfWriter


def prototype(writer: BtfWriter, returns: int, *parameters: tuple[str, int]) -> int:
    """A function prototype."""
    import struct

    extra = b"".join(struct.pack("<II", writer.string(name), of) for name, of in parameters)
    return writer.add(b.FUNC_PROTO, size=returns, extra=extra, count=len(parameters))


def declarations() -> dict[str, str]:
    """{what is expected: what comes out} for a variable x of many types."""
    writer = BtfWriter()
    number, char = writer.integer(), writer.integer("char", 1)
    const_char = writer.add(b.CONST, size=char)
    u16 = writer.add(b.TYPEDEF, "__u16", writer.integer("unsigned short", 2))
    volatile_u16 = writer.add(b.VOLATILE, size=u16)
    pointer = writer.pointer(number)
    named = writer.structure("pair", 8, [("a", number, 0), ("b", number, 32)])
    unnamed = writer.structure(
        "", 8, [("a", number, 0), ("", writer.structure("", 4, [("c", char, 0), ("n", number, 0)], kind=b.UNION), 32)]
    )
    function = prototype(writer, number, ("", writer.pointer(0)), ("of", number))
    several = prototype(writer, 0, ("", pointer), ("", 0))
    types = {
        "int x": number,
        "const char x": const_char,
        "char *x": writer.pointer(char),
        "const char *x": writer.pointer(const_char),
        "int *const x": writer.add(b.CONST, size=pointer),
        "int *const *x": writer.pointer(writer.add(b.CONST, size=pointer)),
        "const volatile __u16 x[4]": writer.array(writer.add(b.CONST, size=volatile_u16), 4),
        "int x[2][3]": writer.array(writer.array(number, 3), 2),
        "int x[]": writer.array(number, 0),
        "int *x[3]": writer.array(pointer, 3),
        "int (*x)[3]": writer.pointer(writer.array(number, 3)),
        "int (*x)(void *, int of)": writer.pointer(function),
        "void (*x)(int *, ...)": writer.pointer(several),
        "int (*x[2])(void)": writer.array(writer.pointer(prototype(writer, number)), 2),
        "struct pair x": named,
        "struct pair *x": writer.pointer(named),
        "struct far *x": writer.pointer(writer.add(b.FWD, "far")),
        "union far *x": writer.pointer(writer.add(b.FWD, "far", flag=True)),
        "struct { int a; union { char c; int n; }; } x": unnamed,
        "enum state x": writer.enum("state", [("UP", 1)]),
        "enum { ... } x": writer.enum("", [("DOWN", 0)]),
        "void *x": writer.pointer(0),
        "double x": writer.add(b.FLOAT, "double", 8),
        "int * x tagged": writer.pointer(writer.add(b.TYPE_TAG, "user", number)),
    }
    types["int *x"] = types.pop("int * x tagged")
    parsed = writer.parsed()
    return {text: type_text(parsed, type_id, "x") for text, type_id in types.items()}


@pytest.mark.parametrize(("expected", "found"), declarations().items())
def test_declarations(expected: str, found: str) -> None:
    assert found == expected


def test_a_type_without_a_name() -> None:
    writer = BtfWriter()
    number = writer.integer()
    array, pointer = writer.array(number, 4), writer.pointer(writer.array(number, 4))
    constant = writer.add(b.CONST, size=writer.pointer(number))
    btf = writer.parsed()
    assert type_text(btf, array) == "int [4]"
    assert type_text(btf, pointer) == "int (*)[4]"
    assert type_text(btf, constant) == "int *const"
    assert type_text(btf, 0) == "void"


def test_bit_fields_show_their_size() -> None:
    writer = BtfWriter()
    number = writer.integer()
    fields = writer.structure("", 4, [("a", number, 3 << 24), ("b", number, 5 << 24 | 3)], flag=True)
    assert type_text(writer.parsed(), fields) == "struct { int a : 3; int b : 5; }"


def test_types_that_lead_nowhere_come_to_an_end() -> None:
    writer = BtfWriter()
    writer.pointer(1)
    assert "..." in type_text(writer.parsed(), 1)


def test_structures_of_structures_come_to_an_end() -> None:
    """Three levels of unnamed structures are shown, each with as many members as a line can bear."""
    writer = BtfWriter()
    inner = writer.integer()
    for _ in range(20):
        inner = writer.structure("", 4, [(f"m{number}", inner, 0) for number in range(8)], kind=b.UNION)
    assert len(type_text(writer.parsed(), inner)) < 20_000


def test_functions_of_functions_come_to_an_end() -> None:
    writer = BtfWriter()
    inner = writer.integer()
    for _ in range(20):
        inner = writer.pointer(prototype(writer, inner, *[("", inner)] * 8))
    assert len(type_text(writer.parsed(), inner)) < 200_000
