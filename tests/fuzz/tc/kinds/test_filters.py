"""Filters with wrong attributes are described or refused, never a reason to crash."""

from __future__ import annotations

import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import NetlinkProtocolError
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage
from pytc.netlink.schema import join_attributes
from pytc.render.documents import Display
from pytc.render.json import render as as_json
from pytc.render.text import render as as_text
from pytc.tc.filters.documents import document
from pytc.tc.filters.records import decode_filter
from pytc.tc.kinds import filters as kinds

#: Sizes that the structures of some kind have, and others.
SIZES = st.sampled_from([0, 1, 2, 4, 7, 8, 12, 15, 16, 17, 24, 32, 48, 64, 1024])
WORDS = st.sampled_from([0, 1, 2, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFF0000, 0xFFFFFFFF])
PAYLOADS = st.one_of(
    st.binary(max_size=64),
    SIZES.map(bytes),
    SIZES.map(lambda size: b"\xff" * size),
    st.lists(WORDS, max_size=16).map(lambda words: struct.pack(f"={len(words)}I", *words)),
)
SHOWN = st.builds(Display, st.booleans(), st.booleans(), st.booleans(), st.booleans(), pretty=st.booleans())
NUMBERS = st.sampled_from([0, 1, 0x80000801, 0xFFFFFFFF, 0xFFFFFFF2])


@given(
    st.sampled_from([*kinds.names(), "flower", "", "nosuch", "../u32", "caf\udce9"]),
    st.lists(st.tuples(st.integers(0, 20), PAYLOADS), max_size=8),
    st.binary(max_size=12),
    SHOWN,
    NUMBERS,
    NUMBERS,
    NUMBERS,
    st.sampled_from([44, 45, 46, 100, 101, 102]),
    st.sampled_from([-1, 0, 1]),
    st.booleans(),
    PAYLOADS,
)
def test_messages(
    name: str,
    attributes: list[tuple[int, bytes]],
    behind: bytes,
    shown: Display,
    handle: int,
    parent: int,
    info: int,
    message_type: int,
    ifindex: int,
    shortened: bool,
    statistics: bytes,
) -> None:
    message = TcMessage(
        message_type,
        0x400,
        ifindex,
        handle,
        parent,
        info,
        {
            "TCA_KIND": name,
            "TCA_OPTIONS": join_attributes(attributes) + behind,
            "TCA_CHAIN": handle,
            "TCA_STATS2" if shortened else "TCA_STATS": statistics,
        },
    )
    try:
        record = decode_filter(message, shortened=shortened)
    except NetlinkProtocolError:
        return
    assert record is not None
    assert record.is_chain == (message_type >= c.NEWCHAIN)
    found = document(record, shown)
    assert isinstance(json.loads(as_json([found])), list)
    assert as_text([found])
