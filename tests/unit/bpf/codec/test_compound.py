"""Values of elements of per-CPU maps: a list with one for each CPU."""

from __future__ import annotations

from typing import Any

import pytest

from pytc.bpf.codec.compound import PerCpu
from pytc.bpf.codec.scalars import Integer
from pytc.errors import CodecError

EACH = PerCpu(Integer(4), 3, stride=8)
DATA = b"".join(number.to_bytes(8, "little") for number in (1, 2, 3))


@pytest.mark.parametrize("value", [[1, 2, 3], ["1", "2", "3"], "[1, 2, 3]", DATA])
def test_each_cpu_has_its_value(value: Any) -> None:
    assert EACH.encode(value) == DATA
    assert EACH.decode(DATA) == [1, 2, 3]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([1, 2], "2 values for 3 CPUs: each has its own"),
        ("[1]", "1 value for 3 CPUs: each has its own"),
        ([1, 2, 3, 4], "4 values for 3 CPUs: each has its own"),
        (7, "7 is not a list with a value for each of 3 CPUs"),
        ("7", '"7" is not a list with a value for each of 3 CPUs'),
        (None, "null is not a list with a value for each of 3 CPUs"),
    ],
)
def test_no_cpu_is_left_out(value: Any, said: str) -> None:
    """The values of those left out would become zero."""
    with pytest.raises(CodecError) as error:
        EACH.encode(value)
    assert str(error.value) == said
