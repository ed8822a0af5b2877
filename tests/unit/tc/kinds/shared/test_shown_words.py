"""Words made of what is shown of an action make it again; sizes, rates and times are not rounded in them."""

from __future__ import annotations

import re

import pytest

from pytc.render.documents import Display, Field, Group
from pytc.tc.clock import read_clock
from pytc.tc.kinds import actions
from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
from pytc.tc.kinds.shared.action_words import parse_actions
from pytc.tc.kinds.shared.shown_words import action_words, exact_text
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
