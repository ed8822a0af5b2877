"""The kinds of actions: words to options, options to attributes and back to what is shown, without a kernel."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.commands import ModifyActions
from pytc.documents import Shown
from pytc.errors import HelpRequested, PytcError
from pytc.grammar.command_line import parse_words
from pytc.grammar.words import Cursor
from pytc.handles import Handle, parse_classid
from pytc.kinds import actions as kinds
from pytc.kinds.actions.csum import CsumOptions
from pytc.kinds.actions.mirred import MirredOptions
from pytc.kinds.actions.skbedit import Mark, SkbeditOptions
from pytc.kinds.actions.vlan import VlanOptions
from pytc.kinds.interface import Clock, Given, Seen
from pytc.netlink.messages import decode_options, encode_options
from pytc.render.json import as_object
from pytc.render.text import render
from tests.action_lines import BY_KIND, REFUSED, WRONG, words_of

_DEVICES = {"lo": 1, "em1": 7, "": 0}
_PLAIN = Shown()
_GIVEN = Given(None, _DEVICES.__getitem__, Clock)
CONTROLS = {"continue": -1, "drop": 2, "pass": 0, "reclassify": 1, "pipe": 3, "trap": 8, "jump 7": 1 << 28 | 7,
            "goto chain 9": 2 << 28 | 9}
indexes = st.integers(0, 2**32 - 1)
controls = st.sampled_from(sorted(CONTROLS))


def read(line: str) -> Any:
    """The options of one action; nothing may be left over."""
    words = line.split()
    kind = kinds.find(words[0])
    assert kind is not None
    cursor = Cursor(words[1:])
    options = kind.parse(cursor)
    assert cursor.done, cursor.rest()
    return options


def shown(name: str, options: object, about: Shown = _PLAIN) -> dict[str, Any]:
    """What is shown of an action that the kernel gives back as it came."""
    kind = kinds.find(name)
    assert kind is not None
    attributes = decode_options(kind.schema, encode_options(kind.schema, kind.encode(options, _GIVEN)))
    seen = Seen(about, lambda number: None, {index: device for device, index in _DEVICES.items()}.__getitem__, Clock)
    document = kind.document(attributes, seen)
    assert render([document]).endswith("\n")
    return as_object(document)


@pytest.mark.parametrize(("line", "options"), [
    ("mirred egress redirect dev lo", MirredOptions("egress", "redirect", "lo", control=4)),
    ("mirred e r d lo", MirredOptions("egress", "redirect", "lo", control=4)),
    ("mirred i m d lo drop i 5", MirredOptions("ingress", "mirror", "lo", control=2, number=5)),
    ("mirred ingress index 9 mirror dev lo", MirredOptions("ingress", "mirror", "lo", control=3, number=9)),
    ("mirred egress mirror blockid 0x10 ok", MirredOptions("egress", "mirror", block=16)),
    ("mirred egress redirect block 3", MirredOptions("egress", "redirect", block=3, control=4)),
    ("mirred index 5", MirredOptions(number=5)),
    ("csum iph and tcp + udp", CsumOptions(1 | 8 | 16)),
    ("csum i a t pipe index 3", CsumOptions(1 | 8, 3, 3)),
    ("csum index 7", CsumOptions(number=7)),
    ("skbedit mark 5/0xf priority 1:2 queue_mapping 3 ptype host pipe index 2",
     SkbeditOptions(3, Handle(1, 2), Mark(5, 15), 0, number=2)),
    ("skbedit i ok", SkbeditOptions(inherit_dsfield=True, control=0)),
    ("vlan pop", VlanOptions("pop")),
    ("vlan push id 5 prot 802.1ad pri 3 drop", VlanOptions("push", 5, 0x88A8, 3, control=2)),
    ("vlan push_eth s 0:1:2:3:4:ff d 00:11:22:33:44:55", VlanOptions("push_eth", dst_mac=bytes.fromhex("001122334455"),
                                                                     src_mac=bytes.fromhex("0001020304ff"))),
    ("vlan index 5", VlanOptions(number=5)),
])
def test_words(line: str, options: object) -> None:
    assert read(line) == options


@pytest.mark.parametrize("line", [line for lines in BY_KIND.values() for line in (*lines, *REFUSED)])
def test_lines_that_tc_takes(line: str) -> None:
    command = parse_words(["actions", "add", "action", *words_of(line)])
    assert isinstance(command, ModifyActions)
    assert len(command.actions) == 1 + line.count(" action ")


@pytest.mark.parametrize("line", [line for line, named in WRONG if "device" not in named])
def test_lines_that_tc_refuses(line: str) -> None:
    with pytest.raises(PytcError) as error:
        parse_words(["actions", "add", *words_of(line)])
    assert error.value.exit_status == 255


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_help(kind: str) -> None:
    with pytest.raises(HelpRequested) as error:
        parse_words(["actions", "add", "action", kind, "help"])
    assert error.value.topic == f"action {kind}"


@given(st.sampled_from(["egress", "ingress"]), st.sampled_from(["mirror", "redirect"]),
       st.one_of(st.sampled_from(["lo", "em1"]), st.integers(1, 2**32 - 1)), controls, indexes, st.booleans())
def test_mirred(direction: str, verb: str, target: str | int, control: str, index: int, first: bool) -> None:
    place = f"dev {target}" if isinstance(target, str) else f"blockid {target}"
    before, after = (f"index {index} ", "") if first else ("", f" index {index}")
    word = f" {control}" if verb == "mirror" else ""
    options = read(f"mirred {direction} {before}{verb} {place}{word}{after}")
    found = shown("mirred", options)
    assert (found["direction"], found["mirred_action"], found["index"]) == (direction, verb, index)
    assert found.get("to_dev") == (target if isinstance(target, str) else None)
    assert found.get("to_blockid") == (target if isinstance(target, int) else None)
    assert options.control == (CONTROLS[control] if verb == "mirror" else 4)


@given(st.lists(st.sampled_from(["iph", "icmp", "igmp", "tcp", "udp", "udplite", "sctp"]), min_size=1, unique=True),
       st.sampled_from([" ", " and ", " or ", " + "]), controls, indexes)
def test_csum(names: list[str], between: str, control: str, index: int) -> None:
    options = read(f"csum {between.join(names)} {control} index {index}")
    found = shown("csum", options)
    assert sorted(found["csum"].split(", ")) == sorted(names)
    assert (options.control, options.number, found["index"]) == (CONTROLS[control], index, index)


@given(st.fixed_dictionaries({}, optional={
    "mark": st.tuples(st.integers(0, 2**32 - 1), st.none() | st.integers(0, 2**32 - 1)),
    "priority": st.sampled_from(["root", "none", "1:2", "1:", ":6", "ffff:fffe"]),
    "queue_mapping": st.integers(0, 65535),
    "ptype": st.sampled_from(["host", "broadcast", "multicast", "otherhost"]), "inheritdsfield": st.just(""),
}).filter(bool), controls)
def test_skbedit(fields: dict[str, Any], control: str) -> None:
    words = []
    for name, value in fields.items():
        text = f"{value[0]}" + (f"/{value[1]:#x}" if value[1] is not None else "") if name == "mark" else value
        words.append(f"{name} {text}")
    options = read(f"skbedit {' '.join(words)} {control}")
    assert options.control == CONTROLS[control]
    found = shown("skbedit", options)
    if "mark" in fields:
        value, mask = fields["mark"]
        assert (found["mark"], found.get("mask")) == (value, None if mask is None else f"{mask:x}")
    assert ("inheritdsfield" in found) == ("inheritdsfield" in fields)
    for name in ("queue_mapping", "ptype"):
        assert found.get(name) == fields.get(name)
    assert found.get("priority") == (str(parse_classid(fields["priority"])) if "priority" in fields else None)


@given(st.sampled_from(["push", "modify"]), st.integers(0, 65535), st.sampled_from([None, "802.1Q", "802.1ad"]),
       st.none() | st.integers(0, 7), controls)
def test_vlan_tags(verb: str, number: int, protocol: str | None, priority: int | None, control: str) -> None:
    line = f"vlan {verb} id {number}" + (f" protocol {protocol}" if protocol else "")
    options = read(line + (f" priority {priority}" if priority is not None else "") + f" {control}")
    found = shown("vlan", options)
    assert (found["vlan_action"], found["id"], found.get("protocol"), found.get("priority")) == (
        verb, number, protocol, priority)
    assert options.control == CONTROLS[control]


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6))
def test_vlan_headers(destination: bytes, source: bytes) -> None:
    found = shown("vlan", read(f"vlan push_eth dst_mac {destination.hex(':')} src_mac {source.hex(':')}"))
    assert (found["dst_mac"], found["src_mac"]) == (destination.hex(":"), source.hex(":"))


@given(st.sampled_from(kinds.names()), st.lists(st.one_of(
    st.sampled_from("egress ingress mirror redirect dev lo blockid index 5 csum iph and tcp mark 5/6 priority 1:2 "
                    "queue_mapping ptype host inheritdsfield pop push id protocol 802.1q modify push_eth dst_mac "
                    "1:2:3:4:5:6 src_mac goto chain jump drop pipe ok action cookie help police rate 1mbit burst 10k/8 "
                    "mtu peakrate avrate conform-exceed drop/ok / overhead linklayer atm pkts_rate pkts_burst".split()),
    st.text(max_size=6)), max_size=9))
def test_any_words(kind: str, words: list[str]) -> None:
    try:
        command = parse_words(["actions", "add", "action", kind, *words])
    except PytcError as error:
        assert str(error)
    else:
        assert isinstance(command, ModifyActions)
