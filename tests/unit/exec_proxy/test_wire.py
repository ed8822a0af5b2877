"""The layout of an export, byte for byte, and what is no export."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import MessageError
from pytc.exec_proxy.wire import (
    ENTRY,
    ENTRY_2015,
    HEADER,
    LARGEST,
    MAX_MAPS,
    MapEntry,
    ObjectIdentity,
    decode,
    encode,
)

U32 = st.integers(0, 0xFFFFFFFF)
ENTRIES = st.lists(st.builds(MapEntry, *[U32] * 9), min_size=1, max_size=200)
IDENTITY = ObjectIdentity("bpf.o", 0x1122334455667788, 0x99AABBCCDDEEFF00)


def test_sizes_are_those_of_the_c_structures() -> None:
    assert (HEADER.size, ENTRY.size, ENTRY_2015.size, LARGEST) == (88, 36, 20, 2392)


def test_the_bytes_of_a_message() -> None:
    entry = MapEntry(1, 4, 8, 256, 5, 2, 6, 7, 8)
    (data,) = encode(IDENTITY, [entry])
    assert data[0:2] == struct.pack("=H", 1)
    assert data[2:4] == struct.pack("=H", 1)
    assert data[4:68] == b"bpf.o".ljust(64, b"\0")
    assert data[68:72] == bytes(4)
    assert data[72:80] == struct.pack("=Q", 0x1122334455667788)
    assert data[80:88] == struct.pack("=Q", 0x99AABBCCDDEEFF00)
    assert data[88:] == struct.pack("=9I", 1, 4, 8, 256, 5, 2, 6, 7, 8)


@given(ENTRIES)
def test_what_is_encoded_is_decoded(entries: list[MapEntry]) -> None:
    datagrams = encode(IDENTITY, entries)
    assert len(datagrams) == -(-len(entries) // 64)
    found: list[MapEntry] = []
    for number, data in enumerate(datagrams):
        part = decode(data, min(64, len(entries) - 64 * number))
        assert (part.identity, part.total) == (IDENTITY, len(entries))
        found += part.entries
    assert found == entries


@given(ENTRIES)
def test_entries_of_20_bytes_keep_the_ids(entries: list[MapEntry]) -> None:
    datagrams = encode(IDENTITY, entries, entry_size=20)
    assert len(datagrams[0]) == 88 + 20 * min(64, len(entries))
    found = [e for n, data in enumerate(datagrams) for e in decode(data, min(64, len(entries) - 64 * n)).entries]
    assert found == [MapEntry(*entry[:4], id=entry.id) for entry in entries]


def test_entries_of_2015_have_an_id_and_no_flags() -> None:
    data = HEADER.pack(1, 2, b"bpf.o", 0, 0) + struct.pack("=10I", 1, 4, 8, 16, 7, 2, 4, 8, 16, 9)
    assert decode(data, 2).entries == (MapEntry(1, 4, 8, 16, id=7), MapEntry(2, 4, 8, 16, id=9))


GOOD = encode(IDENTITY, [MapEntry(2, 4, 8, 1)] * 3)[0]


@pytest.mark.parametrize(
    ("data", "descriptors", "said"),
    [
        (b"", 0, "0 bytes"),
        (GOOD[:87], 3, "87 bytes"),
        (GOOD[:88], 3, "0 bytes of entries"),
        (struct.pack("=H", 2) + GOOD[2:], 3, "version 2"),
        (GOOD, 0, "0 descriptors"),
        (GOOD, 65, "65 descriptors"),
        (GOOD, 253, "253 descriptors"),
        (GOOD, 2, "54 bytes"),
        (GOOD, 4, "3 maps announced, 4"),
        (GOOD + b"x", 3, "109 bytes"),
        (GOOD[:2] + struct.pack("=H", 2) + GOOD[4:], 3, "2 maps announced"),
        (GOOD[:2] + struct.pack("=H", 10000) + GOOD[4:], 3, "10000 maps"),
        (GOOD[:2] + struct.pack("=H", 0) + GOOD[4:], 3, "0 maps"),
    ],
)
def test_what_is_no_export_is_refused(data: bytes, descriptors: int, said: str) -> None:
    if said == "54 bytes":
        said = "108 bytes of entries for 2"
    with pytest.raises(MessageError, match=said):
        decode(data, descriptors)


def changed(data: bytes, changes: list[tuple[int, int]]) -> bytes:
    """Return data with some of its bytes replaced."""
    result = bytearray(data)
    for at, byte in changes:
        result[at % len(data)] = byte
    return bytes(result)


_changes = st.lists(st.tuples(st.integers(0, 1 << 12), st.integers(0, 255)), max_size=4)


@given(st.binary(max_size=2600) | st.builds(changed, st.just(GOOD), _changes), st.just(3) | st.integers(0, 253))
def test_any_bytes_are_an_export_or_refused(data: bytes, descriptors: int) -> None:
    try:
        part = decode(data, descriptors)
    except MessageError:
        return
    assert len(part.entries) == descriptors <= part.total <= MAX_MAPS
    assert part.identity.name.isprintable()


def test_no_maps_and_too_many_are_not_sent() -> None:
    for count in (0, MAX_MAPS + 1):
        with pytest.raises(MessageError, match=f"{count} maps"):
            encode(IDENTITY, [MapEntry(2, 4, 8, 1)] * count)


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a" * 63, "a" * 63),
        ("/very" * 20 + "/bpf.o", "bpf.o"),
        ("b" * 80, "b" * 63),
        ("/x/" + "c" * 70, "c" * 63),
    ],
)
def test_of_a_long_path_the_last_part_is_sent(name: str, sent: str) -> None:
    assert decode(encode(ObjectIdentity(name), [MapEntry(2, 4, 8, 1)])[0], 1).identity.name == sent


def test_a_name_that_would_move_the_cursor_is_made_harmless() -> None:
    data = HEADER.pack(1, 1, b"\x1b[2Jevil\xff\n", 0, 0) + GOOD[88:124]
    assert decode(data, 1).identity.name == "?[2Jevil\N{REPLACEMENT CHARACTER}?"
