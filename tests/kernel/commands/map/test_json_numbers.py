"""Entries of plain numbers are read at once: to what they are read one by one, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytc.bpf import MapType
from pytc.bpf.maps.typed import TypedMap
from pytc.commands.map.json_numbers import read_numbers
from pytc.errors import CodecError
from tests.kernel.commands.map.support import MapFactory

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]

#: Formats of keys and values, of 4 and 16 bytes.
KEYS = ["u32", "be32", "{u16 a, s16 b}", "ip4", "u8[4]"]
VALUES = [
    "{u64 packets, u64 bytes}",
    "{u32 a, s32 b, {u16 c, u16 d, u32 e} f}",
    "hex",
    "{u64 a, f64 b}",
    "{u64 a, u64 u}",
]
SUMS = VALUES[0]
NUMBERS = st.integers(0, 300) | st.integers(-(1 << 65), 1 << 65)


@pytest.fixture
def typed_maps(new_map: MapFactory) -> dict[tuple[str, str], TypedMap]:
    found = new_map(MapType.HASH, 4, 16, 8)
    return {(key, value): TypedMap(found, key=key, value=value) for key in KEYS for value in VALUES}


def one_by_one(typed: TypedMap, text: bytes) -> tuple[bytes, bytes, int]:
    entries = json.loads(text)
    assert all(entry.keys() == {"key", "value"} for entry in entries)
    keys = b"".join(typed.types.key.encode(entry["key"]) for entry in entries)
    return keys, b"".join(typed.types.whole.encode(entry["value"]) for entry in entries), len(entries)


def shape(format: str, numbers: Iterator[int]) -> Any:
    """A value that may be one of a format."""
    if format.startswith("{u16 a"):
        return {"a": next(numbers), "b": next(numbers)}
    if "} f}" in format:
        inner = {name: next(numbers) for name in ("c", "d", "e")}
        return {"a": next(numbers), "b": next(numbers), "f": inner}
    if format.startswith("{"):
        return {name.split()[-1]: next(numbers) for name in format.strip("{}").split(",")}
    return next(numbers)


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, str, bytes]:
    """The formats of a map, and the text of entries that may be right, with up to two letters wrong."""
    key, value = draw(st.sampled_from(KEYS)), draw(st.sampled_from(VALUES))
    numbers = iter(draw(st.lists(NUMBERS, min_size=40, max_size=40)))
    entries = [{"key": shape(key, numbers), "value": shape(value, numbers)} for _ in range(draw(st.integers(1, 4)))]
    text = "[" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in entries) + "]\n"
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(text)))
        instead = draw(st.sampled_from(["", *'0123456789-.eE,:{}[]" \nabk', "true", '"a":1,', ",\n"]))
        text = text[:at] + instead + text[at + draw(st.integers(0, 1)) :]
    return key, value, text.encode()


@settings(max_examples=600, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts())
def test_what_is_read_at_once_is_what_is_read_one_by_one(
    typed_maps: dict[tuple[str, str], TypedMap], case: tuple[str, str, bytes]
) -> None:
    key, value, text = case
    typed = typed_maps[key, value]
    found = read_numbers(typed, text, b",\n")
    if found is not None:
        assert tuple(found) == one_by_one(typed, text)


@pytest.mark.parametrize(
    ("key", "value", "text", "is_read"),
    [
        (
            "u32",
            SUMS,
            b'[{"key":1,"value":{"packets":2,"bytes":3}},\n{"key":4,"value":{"packets":5,"bytes":6}}]\n',
            True,
        ),
        ("u32", SUMS, b'[{"value":{"bytes":3,"packets":2},"key":1}]', True),
        (
            "u32",
            SUMS,
            b'[{"key":1,"value":{"packets":2,"bytes":3}},\n{"key":4,"value":{"bytes":5,"packets":6}}]',
            False,
        ),
        ("u32", SUMS, b'[{"key":1,"value":{"packets":2,"bytes":3}}', False),
        ("u32", SUMS, b'[{"key":1,"value":{"packets":2}}]', False),
        ("u32", SUMS, b'[{"key":1,"value":{"packets":2,"bytes":3,"more":4}}]', False),
        ("u32", SUMS, b'[{"key":1,"key":1,"value":{"packets":2,"bytes":3}}]', False),
        ("u32", SUMS, b'[{"key":01,"value":{"packets":2,"bytes":3}}]', False),
        ("u32", "{u64 a, f64 b}", b'[{"key":1,"value":{"a":2,"b":3.5}},\n{"key":1,"value":{"a":2,"b":3.5}}]', False),
        ("u32", "{u64 a, u64 u}", b'[{"key":1,"value":{"a":2,"u":true}}]', False),
        ("u32", "{u64 a1, u64 b}", b'[{"key":1,"value":{"a1":2,"b":3}}]', False),
        ("u32", SUMS, b'[{"key":4294967296,"value":{"packets":2,"bytes":3}}]', False),
    ],
)
def test_what_is_read_at_once(new_map: MapFactory, key: str, value: str, text: bytes, is_read: bool) -> None:
    typed = TypedMap(new_map(MapType.HASH, 4, 16, 8), key=key, value=value)
    found = read_numbers(typed, text, b",\n")
    assert (found is not None) == is_read
    if found is not None:
        assert tuple(found) == one_by_one(typed, text)


def test_values_for_all_cpus_are_read_one_by_one(new_map: MapFactory) -> None:
    typed = TypedMap(new_map(MapType.PERCPU_HASH, 4, 8, 8), key="u32", value="u64")
    assert read_numbers(typed, b'[{"key":1,"value":2}]', b",\n") is None
    with pytest.raises(CodecError):
        typed.types.whole.encode(2)
