"""The kinds of actions: words to options, options to attributes and back to what is shown, without a kernel."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pytc.cli.exit_status import exit_status
from pytc.commands.action.add import ActionCommands, ModifyActions
from pytc.commands.action.delete import DeleteActions
from pytc.commands.action.get import GetActions
from pytc.commands.dispatch import parse_words
from pytc.errors import HelpRequested, PytcError, UsageError
from pytc.handles import Handle, parse_classid
from pytc.render.documents import Display
from pytc.render.json import as_object
from pytc.render.text import render
from pytc.tc.clock import Clock
from pytc.tc.kinds import actions as kinds
from pytc.tc.kinds.action import DeclaredActionOptions
from pytc.tc.kinds.actions.police import KIND
from pytc.tc.kinds.interface import EncodeEnv, RenderEnv
from pytc.tc.kinds.shared.ratespec import rate_table, ratespec
from pytc.words.engine import Cursor
from tests.action_lines import BY_KIND, REFUSED, WRONG
from tests.compat.lines import words_of

_DEVICES = {"lo": 1, "em1": 7, "": 0}
_PLAIN = Display()
_GIVEN = EncodeEnv(None, _DEVICES.__getitem__, Clock)
CONTROLS = {
    "continue": -1,
    "drop": 2,
    "pass": 0,
    "reclassify": 1,
    "pipe": 3,
    "trap": 8,
    "jump 7": 1 << 28 | 7,
    "goto chain 9": 2 << 28 | 9,
}
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


def described(name: str, options: object, about: Display = _PLAIN) -> dict[str, Any]:
    """Return the JSON of an action that the kernel gives back as it came."""
    kind = kinds.find(name)
    assert kind is not None
    attributes = kind.schema.decode(kind.schema.encode(kind.encode(options, _GIVEN)))
    seen = RenderEnv(
        about, lambda number: None, {index: device for device, index in _DEVICES.items()}.__getitem__, Clock
    )
    document = kind.document(attributes, seen)
    assert render([document]).endswith("\n")
    return as_object(document)


def mirred(direction: str, verb: str, control: int, number: int = 0, **target: str | int) -> DeclaredActionOptions:
    return DeclaredActionOptions({"direction": direction, "verb": verb, **target}, control, number)


@pytest.mark.parametrize(
    ("line", "options"),
    [
        ("mirred egress redirect dev lo", mirred("egress", "redirect", ifindex="lo", control=4)),
        ("mirred e r d lo", mirred("egress", "redirect", ifindex="lo", control=4)),
        ("mirred i m d lo drop i 5", mirred("ingress", "mirror", ifindex="lo", control=2, number=5)),
        ("mirred ingress index 9 mirror dev lo", mirred("ingress", "mirror", ifindex="lo", control=3, number=9)),
        ("mirred egress mirror blockid 0x10 ok", mirred("egress", "mirror", BLOCKID=16, control=0)),
        ("mirred egress redirect block 3", mirred("egress", "redirect", BLOCKID=3, control=4)),
        ("mirred index 5", DeclaredActionOptions({}, control=0, number=5)),
        ("csum iph and tcp + udp", DeclaredActionOptions({"update_flags": 1 | 8 | 16}, control=0)),
        ("csum i a t pipe index 3", DeclaredActionOptions({"update_flags": 1 | 8}, 3, 3)),
        ("csum index 7", DeclaredActionOptions({}, control=0, number=7)),
        (
            "skbedit mark 5/0xf priority 1:2 queue_mapping 3 ptype host pipe index 2",
            DeclaredActionOptions(
                {"QUEUE_MAPPING": 3, "PRIORITY": Handle(1, 2), "MARK": 5, "MASK": 15, "PTYPE": 0}, number=2
            ),
        ),
        ("skbedit i ok", DeclaredActionOptions({"FLAGS": 0x20}, control=0)),
        ("vlan pop", DeclaredActionOptions({"v_action": 1})),
        (
            "vlan push id 5 prot 802.1ad pri 3 drop",
            DeclaredActionOptions(
                {"v_action": 2, "PUSH_VLAN_ID": 5, "PUSH_VLAN_PROTOCOL": 0x88A8, "PUSH_VLAN_PRIORITY": 3}, control=2
            ),
        ),
        (
            "vlan push_eth s 0:1:2:3:4:ff d 00:11:22:33:44:55",
            DeclaredActionOptions(
                {
                    "v_action": 5,
                    "PUSH_ETH_SRC": bytes.fromhex("0001020304ff"),
                    "PUSH_ETH_DST": bytes.fromhex("001122334455"),
                }
            ),
        ),
        ("vlan index 5", DeclaredActionOptions({}, number=5)),
    ],
)
def test_words(line: str, options: object) -> None:
    assert read(line) == options


@pytest.mark.parametrize("line", [line for lines in BY_KIND.values() for line in (*lines, *REFUSED)])
def test_lines_that_tc_takes(line: str) -> None:
    command = parse_words(["actions", "add", "action", *words_of(line)])
    assert isinstance(command, ModifyActions)
    alone = len({"jump", "trap"} & set(line.split())) if line.startswith("police") and "/" not in line else 0
    assert len(command.actions) == 1 + line.count(" action ") + alone  # where a control is an action of its own


#: Of devices and bursts, what is wrong is known when they are sent.
_LATER = ("device", "out of range")


@pytest.mark.parametrize("line", [line for line, named in WRONG if not any(text in named for text in _LATER)])
def test_lines_that_tc_refuses(line: str) -> None:
    with pytest.raises(PytcError) as error:
        parse_words(["actions", "add", *words_of(line)])
    assert exit_status(error.value) == 255


@pytest.mark.parametrize("words", ["src port 5-6", "dst 10.0.0.1", "src help addr"])
def test_a_translation_of_ct_needs_an_address(words: str) -> None:
    if "help" in words:
        with pytest.raises(HelpRequested):
            parse_words(["actions", "add", "action", "ct", "nat", *words.split()])
        return
    with pytest.raises(UsageError, match='"addr" is expected behind "nat ') as error:
        parse_words(["actions", "add", "action", "ct", "nat", *words.split()])
    assert exit_status(error.value) == 255


@pytest.mark.parametrize("kind", sorted(BY_KIND))
def test_help(kind: str) -> None:
    with pytest.raises(HelpRequested) as error:
        parse_words(["actions", "add", "action", kind, "help"])
    assert error.value.topic == f"action {kind}"


@given(
    st.sampled_from(["egress", "ingress"]),
    st.sampled_from(["mirror", "redirect"]),
    st.one_of(st.sampled_from(["lo", "em1"]), st.integers(1, 2**32 - 1)),
    controls,
    indexes,
    st.booleans(),
)
def test_mirred(direction: str, verb: str, target: str | int, control: str, index: int, first: bool) -> None:
    place = f"dev {target}" if isinstance(target, str) else f"blockid {target}"
    before, after = (f"index {index} ", "") if first else ("", f" index {index}")
    word = f" {control}" if verb == "mirror" else ""
    options = read(f"mirred {direction} {before}{verb} {place}{word}{after}")
    found = described("mirred", options)
    assert (found["direction"], found["mirred_action"], found["index"]) == (direction, verb, index)
    assert found.get("to_dev") == (target if isinstance(target, str) else None)
    assert found.get("to_blockid") == (target if isinstance(target, int) else None)
    assert options.control == (CONTROLS[control] if verb == "mirror" else 4)


@given(
    st.lists(st.sampled_from(["iph", "icmp", "igmp", "tcp", "udp", "udplite", "sctp"]), min_size=1, unique=True),
    st.sampled_from([" ", " and ", " or ", " + "]),
    controls,
    indexes,
)
def test_csum(names: list[str], between: str, control: str, index: int) -> None:
    options = read(f"csum {between.join(names)} {control} index {index}")
    found = described("csum", options)
    assert sorted(found["csum"].split(", ")) == sorted(names)
    assert (options.control, options.number, found["index"]) == (CONTROLS[control], index, index)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "mark": st.tuples(st.integers(0, 2**32 - 1), st.none() | st.integers(0, 2**32 - 1)),
            "priority": st.sampled_from(["root", "none", "1:2", "1:", ":6", "ffff:fffe"]),
            "queue_mapping": st.integers(0, 65535),
            "ptype": st.sampled_from(["host", "broadcast", "multicast", "otherhost"]),
            "inheritdsfield": st.just(""),
        },
    ).filter(bool),
    controls,
)
def test_skbedit(fields: dict[str, Any], control: str) -> None:
    words = []
    for name, value in fields.items():
        text = f"{value[0]}" + (f"/{value[1]:#x}" if value[1] is not None else "") if name == "mark" else value
        words.append(f"{name} {text}")
    options = read(f"skbedit {' '.join(words)} {control}")
    assert options.control == CONTROLS[control]
    found = described("skbedit", options)
    if "mark" in fields:
        value, mask = fields["mark"]
        assert (found["mark"], found.get("mask")) == (value, None if mask is None else f"{mask:x}")
    assert ("inheritdsfield" in found) == ("inheritdsfield" in fields)
    for name in ("queue_mapping", "ptype"):
        assert found.get(name) == fields.get(name)
    assert found.get("priority") == (str(parse_classid(fields["priority"])) if "priority" in fields else None)


@given(
    st.sampled_from(["push", "modify"]),
    st.integers(0, 65535),
    st.sampled_from([None, "802.1Q", "802.1ad"]),
    st.none() | st.integers(0, 7),
    controls,
)
def test_vlan_tags(verb: str, number: int, protocol: str | None, priority: int | None, control: str) -> None:
    line = f"vlan {verb} id {number}" + (f" protocol {protocol}" if protocol else "")
    options = read(line + (f" priority {priority}" if priority is not None else "") + f" {control}")
    found = described("vlan", options)
    assert (found["vlan_action"], found["id"], found.get("protocol"), found.get("priority")) == (
        verb,
        number,
        protocol,
        priority,
    )
    assert options.control == CONTROLS[control]


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6))
def test_vlan_headers(destination: bytes, source: bytes) -> None:
    found = described("vlan", read(f"vlan push_eth dst_mac {destination.hex(':')} src_mac {source.hex(':')}"))
    assert (found["dst_mac"], found["src_mac"]) == (destination.hex(":"), source.hex(":"))


@given(
    st.integers(1, 2**40),
    st.integers(1, 2**31),
    st.none() | st.integers(1, 2**40),
    st.integers(1, 2**31),
    st.integers(0, 65535),
    st.integers(0, 65535),
    st.sampled_from(["ethernet", "atm", "adsl"]),
    indexes,
)
def test_police_rates(
    rate: int, burst: int, peak: int | None, mtu: int, mpu: int, overhead: int, linklayer: str, index: int
) -> None:
    line = (
        f"police rate {rate}bps burst {burst} mtu {mtu} mpu {mpu} overhead {overhead} linklayer {linklayer} "
        f"index {index}"
    )
    options = read(line + (f" peakrate {peak}bps" if peak else ""))
    values = options.values
    assert (values["rate"], values["burst"].size, values["mtu"].size, values.get("peakrate")) == (
        rate,
        burst,
        mtu,
        peak,
    )
    assume(burst / rate < 274)  # seconds
    found = described("police", options, Display(details=True))
    layer = "atm" if linklayer == "adsl" else linklayer
    assert (found["index"], found["overhead"], found["linklayer"]) == (index, overhead, layer)
    attributes = dict(KIND.encode(options, _GIVEN))
    assert len(attributes["TCA_POLICE_TBF"]) == 56
    assert len(attributes["TCA_POLICE_RATE"]) == 1024
    assert attributes.get("TCA_POLICE_RATE64") == (rate if rate >= 2**32 else None)
    assert ("TCA_POLICE_PEAKRATE" in attributes) == (peak is not None)
    assert attributes.get("TCA_POLICE_PEAKRATE64") == (peak if peak and peak >= 2**32 else None)


@pytest.mark.parametrize(
    ("words", "control", "conform"),
    [
        ("drop", 2, 0),
        ("ok", 0, 0),
        ("pipe continue", -1, 0),
        ("goto chain 5", 2 << 28 | 5, 0),
        ("conform-exceed drop", 2, 0),
        ("conform-exceed drop/pipe", 2, 3),
        ("conform-exceed d/pi", 2, 3),
        ("conform-exceed 4/-1", 4, -1),
        ("conform-exceed drop / pipe", 2, 3),
        ("conform-exceed goto chain 5 / jump 2", 2 << 28 | 5, 1 << 28 | 2),
        ("conform-exceed drop/pipe ok", 0, 3),
        ("conform-exceed +2", 2, 0),
        ("", 1, 0),
    ],
)
def test_police_controls(words: str, control: int, conform: int) -> None:
    options = read(f"police rate 1mbit burst 10k {words}")
    assert (options.control, options.values.get("RESULT", 0)) == (control, conform)
    found = described("police", options)
    assert ("conform_action" in found) == (conform != 0)


def test_a_table_of_times() -> None:
    """Of 100 bytes/s, in ticks of 64 ns: 8 bytes take 80 ms, 1.25 million ticks."""
    spec = ratespec(100, 3, 0, linklayer=1, overhead=0, mpu=20)
    times = struct.unpack("=256I", rate_table(100, spec, Clock()))
    assert times[:4] == (3_125_000, 3_125_000, 3_750_000, 5_000_000)
    assert times[255] == 256 * 1_250_000
    atm = struct.unpack("=256I", rate_table(100, ratespec(100, 3, 0, linklayer=2, overhead=0, mpu=0), Clock()))
    assert atm[:7] == (53 * 156_250,) * 6 + (106 * 156_250,)
    slow = struct.unpack("=256I", rate_table(1, ratespec(1, 3, 0, linklayer=1, overhead=0, mpu=0), Clock()))
    assert slow[33] == 34 * 125_000_000
    assert set(slow[34:]) == {2**32 - 1}


def test_police_as_text() -> None:
    """The text is that of tc 6.1."""
    kind = kinds.find("police")
    assert kind is not None
    options = read("police rate 1mbit burst 10k mtu 1500 peakrate 2mbit conform-exceed drop/pipe index 4")
    attributes = kind.schema.decode(kind.schema.encode(kind.encode(options, _GIVEN)))
    seen = RenderEnv(Display(raw=True, iec=True), lambda number: None, str, Clock)
    assert render([kind.document(attributes, seen)]) == (
        " police 0x4 rate 1000000bit burst 10Kb mtu 1500b [00138800] peakrate 1953Kibit action drop/pipe overhead 0b \n"
        "\tref 0 bind 0 \n"
    )


@pytest.mark.parametrize(
    ("line", "verbs"),
    [
        ("add action drop index 1 get action gact index 1", ["add", "get"]),
        ("add action drop replace action ok a action pipe", ["add", "replace", "add"]),
        ("ch action drop del action gact index 1 action gact index 2", ["replace", "delete"]),
        ("add get action gact index 1", ["add", "get"]),
        ("add action get action gact index 1", ["add", "get"]),
    ],
)
def test_several_commands_in_a_line(line: str, verbs: list[str]) -> None:
    command = parse_words(["actions", *line.split()])
    assert isinstance(command, ActionCommands)
    names = {GetActions: "get", DeleteActions: "delete"}
    assert [part.verb if isinstance(part, ModifyActions) else names[type(part)] for part in command.commands] == verbs


@pytest.mark.parametrize(
    "line",
    [
        "add action drop foo",
        "add action drop ls action gact",
        "add action drop flowid 1:1",
        "add action drop add",
        "add action drop action get action gact index 1",
        "get action gact index 1 get action gact index 2",
    ],
)
def test_what_cannot_follow(line: str) -> None:
    with pytest.raises(UsageError):
        parse_words(["actions", *line.split()])


@given(
    st.sampled_from(kinds.names()),
    st.lists(
        st.one_of(
            st.sampled_from(
                "egress ingress mirror redirect dev lo blockid index 5 csum iph and tcp mark 5/6 priority 1:2 "
                "queue_mapping ptype host inheritdsfield pop push id protocol 802.1q modify push_eth dst_mac "
                "1:2:3:4:5:6 src_mac goto chain jump drop pipe ok action cookie help police rate 1mbit burst 10k/8 "
                "mtu peakrate avrate conform-exceed drop/ok / overhead linklayer atm pkts_rate pkts_burst".split()
            ),
            st.text(max_size=6),
        ),
        max_size=9,
    ),
)
def test_any_words(kind: str, words: list[str]) -> None:
    try:
        command = parse_words(["actions", "add", "action", kind, *words])
    except PytcError as error:
        assert str(error)
    else:
        assert isinstance(command, ModifyActions | ActionCommands)


def test_an_address_of_another_size_is_left_out() -> None:
    kind = kinds.find("vlan")
    assert kind is not None
    attributes = {
        **dict(kind.encode(read("vlan push_eth dst_mac 1:2:3:4:5:6 src_mac 1:2:3:4:5:7"), _GIVEN)),
        "TCA_VLAN_PUSH_ETH_DST": bytes(4),
    }
    found = as_object(kind.document(attributes, RenderEnv(_PLAIN, lambda number: None, str, Clock)))
    assert (found.get("dst_mac"), found["src_mac"]) == (None, "01:02:03:04:05:07")
