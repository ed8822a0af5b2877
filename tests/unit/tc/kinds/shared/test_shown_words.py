"""Words made of what is shown of an action make it again; sizes, rates and times are not rounded in them."""

from __future__ import annotations

import re

import pytest

from pytc.render.documents import Display, Field, Group
from pytc.tc.clock import read_clock
from pytc.tc.kinds import actions
from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
from pytc.tc.kinds.shared.action_words import parse_actions
from pytc.tc.kinds.shared.shown_words import action_words, exact_text, words_of
from pytc.words.engine import Cursor
from tests.action_lines import BY_KIND, OTHERS

_MORE = (
    "tunnel_key set src_ip 1.2.3.4 dst_ip 5.6.7.8 id 11 dst_port 4789 nocsum tos 0x10 ttl 3",
    "tunnel_key unset",
    "mpls push protocol mpls_uc label 123 tc 3 ttl 64",
    "mpls pop protocol ipv4",
    "sample rate 100 group 5 trunc 64",
    "pedit munge ip dport set 80",
    "pedit munge offset 12 u32 set 0x0a000001 pass",
    "connmark zone 4",
    "gact drop",
    "gact goto chain 3 random determ ok 5",
    "ct commit zone 3 mark 4/0xff",
    "ct clear",
)
#: Lines of one action that has options: an index alone stands for an action that exists.
_LINES = [
    line
    for lines in (*BY_KIND.values(), *OTHERS.values(), _MORE)
    for line in lines
    if " action " not in line
    and not re.fullmatch(r"police (\w+ )?index \d+|police r c .*|police .*(trap|jump 2).*", line)
]
_NUMBERS = re.compile(r"\bindex \d+|\bpolice 0x\w+")


def shown(words: list[str]) -> tuple[str, str]:
    """Return the kind of an action, and what is shown of a request for it."""
    [action] = parse_actions(Cursor(words))
    kind = actions.find(action.kind)
    assert kind is not None
    sent = kind.schema.encode(kind.encode(action.options, EncodeEnv(None, lambda name: 1, read_clock)))
    view = RenderEnv(Display(), lambda number: None, lambda index: "lo", read_clock)
    return action.kind, exact_text(kind.document(kind.schema.decode(sent), view))


@pytest.mark.parametrize("line", [line for line in _LINES if '"' not in line])
def test_what_is_shown_of_an_action_makes_it(line: str) -> None:
    kind, text = shown(line.split())
    again = shown(action_words(kind, text))
    assert again[0] == kind
    assert _NUMBERS.sub("", " ".join(again[1].split())) == _NUMBERS.sub("", " ".join(text.split()))


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (Field("burst", 10239, "burst 10Kb "), "burst 10239b "),
        (Field("burst", 10240, "burst 10Kb "), "burst 10Kb "),
        (Field("rate", 1_234_567_890, "rate 9876Mbit "), "rate 9876543120bit "),
        (Field("target", 4999, "target 5ms "), "target 4999us "),
        (Field("delay", 1_234_567, "delay 1.23ms "), "delay 1234567ns "),
        (Field("limit", 100, "limit 100p "), "limit 100p "),
        (Field("flowid", "1:1b", "flowid 1:1b "), "flowid 1:1b "),
        (Group("options", (Field("quantum", 1514, "quantum 1514b "),)), "quantum 1514b "),
    ],
)
def test_numbers_are_written_in_full(field: Field | Group, text: str) -> None:
    assert exact_text([field]) == text


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        ("basic", "flowid 1:1 meta(nf_mark eq 7)", ["flowid", "1:1", "match", "meta(nf_mark eq 7)"]),
        (
            "basic",
            "( meta(nf_mark eq 7) OR NOT u32(03000000/ff000000 at 4) ) AND cmp(u8 at 3 layer 1 eq 4)",
            [
                "match",
                "( meta(nf_mark eq 7) OR NOT u32(u32 0x03000000 0xff000000 at 4) ) AND cmp(u8 at 3 layer 1 eq 4)",
            ],
        ),
        ("u32", "fh 800::800 order 2048 key ht 800 bkt 0 *flowid 1:1 not_in_hw", ["flowid", "1:1"]),
        (
            "u32",
            "fh 1:2:3 key ht 1 bkt 2 match 0a000000/ff000000 at 12",
            "ht 1:2: match u32 0x0a000000 0xff000000 at 12".split(),
        ),
        (
            "u32",
            "link 1: offset 0f00>>6 at 0 eat hash mask 000000ff at 12",
            "link 1: offset mask 0f00 shift 6 at 0 eat hashkey mask 0x000000ff at 12".split(),
        ),
        ("tbf", "rate 1Mbit burst 10Kb [00000001] lat 5ms limit 20Kb", "rate 1Mbit burst 10Kb limit 20Kb".split()),
        ("pfifo_fast", "bands 3 priomap 1 2", []),
    ],
)
def test_what_is_shown_becomes_words(kind: str, text: str, words: list[str]) -> None:
    assert words_of(kind, text) == words
