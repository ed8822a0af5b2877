"""The filter flower: what it shows are words that make the same request."""

from __future__ import annotations

import re

import pytest

from pytc.commands.dispatch import parse_words
from pytc.errors import InvalidOptionsError
from pytc.render import text
from pytc.render.documents import Display
from pytc.tc.filters.requests import FilterChange, filter_message
from pytc.tc.kinds.filters.flower import KIND
from pytc.tc.kinds.interface import FilterView
from tests.compat.lines import steps

#: What is not shown, or in another way: bits for hardware, what a kernel says of the innermost header, parts that come
#: twice or in another order, masks of 0 bits.
_NOT_SHOWN = re.compile(
    "verb?|skip_|erspan_opts|action|ct_state|vlan_ethtype|ppp_proto|default|::/0|label 4 depth|depth 2 label|op 46 mdl|"
    "mdl 4|pfcp_opts 1:9/ff|ipv6 flower ip_proto 1|cfm classid"
)
LINES = [
    step.on("em1")[-1]
    for step in steps("flower")
    if step.has_device and not step.wrong and not _NOT_SHOWN.search(str(step))
]


def _attributes(words: list[str]) -> dict[str, object]:
    change = parse_words(words)
    assert isinstance(change, FilterChange)
    return KIND.schema.decode(filter_message(change, 1).attributes["TCA_OPTIONS"])


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_what_is_shown_makes_the_same_request(line: list[str]) -> None:
    attributes = _attributes(line)
    shown = text.render([KIND.document(KIND.decode(attributes, lambda number: None), FilterView(0, 0, Display()))])
    words = shown.replace("icmp_", "").split()
    if "eth_type" in words:
        at = words.index("eth_type")
        del words[at : at + 2]
    assert _attributes([*line[: line.index("flower") + 1], *words]) == attributes


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            "protocol ip flower dst_port 80",
            'Illegal "dst_port"',
            '"dst_port" needs ip_proto tcp, udp or sctp before it',
        ),
        (
            "protocol ip flower dst_port 80 ip_proto tcp",
            'Illegal "dst_port"',
            '"ip_proto" has to stand before "dst_port"',
        ),
        ("protocol arp flower arp_op 3", 'Illegal "arp_op"', 'the value is "3"'),
        (
            "protocol 802.1q flower dst_ip 10.0.0.1 vlan_ethtype ip",
            'Illegal "dst_ip"',
            '"vlan_ethtype" has to stand before "dst_ip"',
        ),
    ],
)
def test_hints_name_the_word_that_is_missing(words: str, message: str, hint: str) -> None:
    with pytest.raises(InvalidOptionsError) as refused:
        parse_words(["filter", "add", "dev", "em1", "ingress", *words.split()])
    assert (str(refused.value), refused.value.hints) == (message, (hint,))
