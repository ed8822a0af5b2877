"""Columns of numbers, and cells of CSV."""

from __future__ import annotations

from typing import Any

import pytest

from pytc.bpf.codec.columns import is_packable, pack
from pytc.bpf.codec.format import format_codec
from pytc.bpf.codec.scalars import Style, format_value
from pytc.errors import CodecError


def test_columns_are_packed_as_values_are() -> None:
    codec = format_codec("{u32 a, be16 b, ip4 c, str[4] d, u16 e[2], f32 f}", 0)
    rows = [
        {"a": 1, "b": 2, "c": "1.2.3.4", "d": "x", "e": [1, 2], "f": 0.5},
        {"a": 0xFFFFFFFF, "b": 5, "c": "4.3.2.1", "d": "abcd", "e": [3], "f": -1},
    ]
    columns = {f".{name}": [row[name] for row in rows] for name in rows[0]}
    assert is_packable(codec)
    assert pack(codec, codec.size, columns, 2) == b"".join(map(codec.encode, rows))


@pytest.mark.parametrize("values", [[1, 2, "x"], [1, 1 << 32], [1, None], ["1", "-1"], ["1_0"], [1.5], [b"1"]])
def test_a_wrong_value_in_a_column_is_named_by_its_index(values: list[Any]) -> None:
    codec = format_codec("u32", 4)
    with pytest.raises(CodecError) as error:
        pack(codec, 4, {"": values}, len(values))
    assert error.value.entry == len(values) - 1


def test_numbers_in_a_column_may_have_frills() -> None:
    codec = format_codec("u32", 4)
    assert pack(codec, 4, {"": ["0x10", "10.0.0.1", "7"]}, 3) == b"\x10\0\0\0\x0a\0\0\1\7\0\0\0"
    assert pack(format_codec("packed {u8 a, u32 b}", 0), 5, {".b": [1, 2]}, 2) == b"\0\1\0\0\0\0\2\0\0\0"


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("a,b", '"a,b"'),
        ('a"b', '"a""b"'),
        ("", '""'),
        (" a", '" a"'),
        ([1, 2], '"[1,2]"'),
        (True, "true"),
        (7, "7"),
        ("a\nb", '"a\nb"'),
    ],
)
def test_cells_of_csv(value: Any, said: str) -> None:
    assert format_value(Style.CSV, value) == said
