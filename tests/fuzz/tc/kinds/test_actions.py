"""Actions with wrong attributes are described or refused, never a reason to crash."""

from __future__ import annotations

import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import NetlinkProtocolError
from pytc.netlink.schema import join_attributes
from pytc.render.documents import Display
from pytc.render.json import render as as_json
from pytc.render.text import render as as_text
from pytc.tc.clock import Clock
from pytc.tc.kinds import actions as kinds
from pytc.tc.kinds.interface import RenderEnv

#: Sizes that the parameters of some kind have, and others.
SIZES = st.sampled_from([0, 1, 2, 4, 6, 8, 16, 20, 24, 28, 32, 56, 1024])
NUMBERS = st.sampled_from([0, 1, 2, 3, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x10000003, 0x20000003])
PAYLOADS = st.one_of(
    st.binary(max_size=64),
    SIZES.map(bytes),
    SIZES.map(lambda size: b"\xff" * size),
    st.lists(NUMBERS, max_size=16).map(lambda words: struct.pack(f"={len(words)}I", *words)),
)


@given(
    st.sampled_from(kinds.names()),
    st.lists(st.tuples(st.integers(0, 20), PAYLOADS), max_size=8),
    st.booleans(),
    st.booleans(),
    st.binary(max_size=12),
)
def test_attributes(
    name: str, attributes: list[tuple[int, bytes]], details: bool, statistics: bool, behind: bytes
) -> None:
    kind = kinds.find(name)
    assert kind is not None
    try:
        decoded = kind.schema.decode(join_attributes(attributes) + behind)
    except NetlinkProtocolError:
        return
    seen = RenderEnv(Display(details, statistics), lambda number: None, "if{}".format, Clock)
    document = kind.document(decoded, seen)
    assert isinstance(json.loads(as_json([document])), list)
    assert as_text([document])
