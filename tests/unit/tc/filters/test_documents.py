"""Filters of a list are described like each by itself."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from pytc.handles import EGRESS, INGRESS, UNSPEC, Handle
from pytc.netlink import constants as c
from pytc.render.documents import Display
from pytc.render.json import render as as_json
from pytc.render.text import render as as_text
from pytc.tc.actions.records import decode_actions
from pytc.tc.filters.documents import FilterDocuments, document
from pytc.tc.filters.records import FilterRecord
from pytc.tc.filters.selector import FilterSelector
from pytc.tc.kinds.filters.bpf import BpfRecord

OPTIONS = [
    None,
    BpfRecord(Handle(1, 1), "", False, 8, b"\x06" + bytes(7), 0, "", None),
    BpfRecord(None, "a.o:[x]", True, 8, b"", 7, "", None),
    BpfRecord(None, "a.o:[x]", True, 8, b"", 7, "", None),
]
ACTIONS = [(), decode_actions(b"\x10\x00\x01\x00\x09\x00\x01\x00gact\0\0\0\0")]
FIELDS = {
    "ifindex": st.sampled_from([1, 2, c.BLOCK]),
    "parent": st.sampled_from([INGRESS, EGRESS, UNSPEC]),
    "protocol": st.sampled_from([0, 3, 0x0800]),
    "pref": st.sampled_from([0, 1, 2]),
    "kind": st.sampled_from(["bpf", "nosuch", ""]),
    "chain": st.sampled_from([None, 0, 4]),
    "handle": st.sampled_from([0, 1]),
    "options": st.sampled_from(OPTIONS),
    "actions": st.sampled_from(ACTIONS),
    "block": st.sampled_from([0, 5]),
    "is_chain": st.booleans(),
    "event": st.sampled_from(["", "added"]),
}


@st.composite
def lists(draw: st.DrawFn) -> list[FilterRecord]:
    """Records that differ from one another in few fields."""
    common = FilterRecord(**{name: draw(values) for name, values in FIELDS.items()})
    changes = st.sampled_from([*FIELDS]).flatmap(lambda name: st.tuples(st.just(name), FIELDS[name]))
    return [common._replace(**dict(draw(st.lists(changes, max_size=2)))) for _ in range(draw(st.integers(0, 8)))]


SELECTORS = st.builds(
    FilterSelector,
    st.sampled_from(["", "em1"]),
    st.sampled_from([UNSPEC, INGRESS]),
    pref=st.sampled_from([0, 1]),
    protocol=st.sampled_from([0, 3]),
    chain=st.sampled_from([None, 4]),
    block=st.sampled_from([0, 5]),
)


@settings(max_examples=300)
@given(lists(), SELECTORS, st.booleans())
def test_what_is_kept_from_one_to_the_next_changes_nothing(
    records: list[FilterRecord], selector: FilterSelector, numeric: bool
) -> None:
    records = [record._replace(options=None) if record.kind != "bpf" else record for record in records]
    display = Display(numeric=numeric)
    describe = FilterDocuments(display, selector).document
    kept = [describe(record) for record in records]
    alone = [document(record, display, selector) for record in records]
    assert (as_text(kept), as_json(kept)) == (as_text(alone), as_json(alone))
