"""Packets from words, and what two packets differ in."""

from __future__ import annotations

import shlex
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import PacketError
from pytc.packets.build import FIELDS, MAX_LENGTH, build, checksum, from_hex
from pytc.packets.hexdump import diff, differences
from tests.captures import MAC_A, MAC_B, address, eth, ip4, vlan
from tests.captures import udp as udp_datagram

_WORDS = st.one_of(
    st.sampled_from(
        [
            *FIELDS,
            "payload",
            "hex",
            "length",
            "src",
            "dst",
            "type",
            "csum",
            "ttl",
            "flags",
            "10.0.0.1",
            "::1",
            "02:00:00:00:00:01",
            "0",
            "7",
            "0x800",
            "99999",
            "-1",
            "syn",
            "00ff",
            "zz",
            "''",
        ]
    ),
    st.text(max_size=8),
)
_DATA = st.binary(max_size=80)


def ipv4(words: str) -> bytes:
    """The IPv4 packet in an Ethernet frame of words."""
    return build(f"eth ip {words}")[14:]


def test_an_ethernet_header_is_added() -> None:
    for text in ("ip udp", "vlan id 5 ip udp", "vlan id 5 vlan id 6", "arp"):
        assert build(text) == build(f"eth {text}")


def test_ethernet_and_vlan() -> None:
    assert build("eth src 02:00:00:00:00:aa dst 02:00:00:00:00:bb type 0x1234 payload hex 0102") == eth(
        b"\x01\x02", 0x1234
    )
    assert build("eth src 02:00:00:00:00:aa dst 02:00:00:00:00:bb vlan id 5 prio 3 type 0x1234 payload x") == eth(
        vlan(5, b"x", 0x1234, priority=3), 0x8100
    )
    assert MAC_A.hex() == "0200000000aa" and MAC_B.hex() == "0200000000bb"


def test_the_same_as_made_by_hand() -> None:
    by_hand = ip4(udp_datagram(1024, 53, b"abc"), 17, source="10.0.0.1", target="10.0.0.2")
    ours = ipv4("id 0 udp csum 0 payload abc")
    assert ours[9] == by_hand[9] == 17
    assert ours[12:28] == by_hand[12:28]


@pytest.mark.parametrize("words", ["tcp", "udp", "icmp", "udp payload x", "tcp flags fin,ack payload hex 00 11 22"])
def test_checksums_add_up_to_nothing(words: str) -> None:
    packet = ipv4(words)
    assert checksum(packet[:20]) == 0
    protocol, rest = packet[9], packet[20:]
    pseudo = b"" if protocol == 1 else packet[12:20] + struct.pack("!HH", protocol, len(rest))
    assert checksum(pseudo + rest) == 0
    assert struct.unpack("!H", packet[2:4]) == (len(packet),)


@pytest.mark.parametrize("words", ["tcp", "udp payload x", "icmp6 payload abc"])
def test_checksums_of_ipv6(words: str) -> None:
    packet = build(f"ip6 {words}")[14:]
    pseudo = packet[8:40] + struct.pack("!II", len(packet) - 40, packet[6])
    assert checksum(pseudo + packet[40:]) == 0


def test_what_is_said_counts() -> None:
    packet = ipv4("src 192.0.2.1 ttl 9 tos 0x10 csum 0xbeef tcp sport 7 dport 8 csum 1 seq 5")
    assert packet[12:16] == address("192.0.2.1")
    assert (packet[8], packet[1], packet[10:12], packet[36:38]) == (9, 16, b"\xbe\xef", b"\0\1")
    assert struct.unpack("!HHI", packet[20:28]) == (7, 8, 5)
    assert len(build("udp length 60")) == 60
    assert build("payload 'two words'") == b"two words"


def test_a_sum_of_zero_is_sent_as_ones() -> None:
    """RFC 768: 0 says that there is no checksum."""
    found = {build(f"ip udp payload hex {value:04x}")[40:42] for value in range(0x10000)[::13]}
    assert b"\0\0" not in found
    value = next(v for v in range(0x10000) if build(f"ip udp payload hex {v:04x}")[40:42] == b"\xff\xff")
    assert value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "an empty packet"),
        ("eth bogus", '"bogus" is not a word'),
        ("ip src 10.0.0.300", "not an IPv4 address"),
        ("ip6 src x", "not an IPv6 address"),
        ("eth src 1:2", "not a MAC address"),
        ("tcp dport 65536", "dport"),
        ("tcp flags syn,odd", "flags"),
        ("payload hex 0", "not a packet in hex"),
        ("ip ttl", "needs a value"),
        ("ip eth", "eth must be the first header"),
        ("ip vlan", "vlan must follow eth or vlan"),
        ("eth 'x", "quot"),
        ("length 99999", "length"),
        ("ip " * 20, "headers"),
        ("ip payload " + "x" * 70000, "more than"),
        ("udp payload " + "x" * 65530, "more than"),
        ("ip arp", "arp stands behind eth or vlan, not behind ip"),
        ("ip icmp6", "icmp6 stands behind ip6, not behind ip"),
        ("ip6 icmp", "icmp stands behind ip, not behind ip6"),
        ("udp tcp", "tcp stands behind ip or ip6, not behind udp"),
    ],
)
def test_clean_refusals(words: str, said: str) -> None:
    with pytest.raises(PacketError, match=said):
        build(words)


def test_an_ip_header_is_added() -> None:
    assert build("tcp dport 80") == build("eth ip tcp dport 80")
    assert build("eth vlan id 5 udp") == build("eth vlan id 5 ip udp")
    assert build("icmp6") == build("eth ip6 icmp6")


def test_a_header_stands_anywhere_where_its_number_is_given() -> None:
    assert build("eth type 0x88b5 tcp")[12:14] == b"\x88\xb5"
    assert len(build("eth type 0x0800 udp")) == 14 + 8
    assert build("ip proto 58 icmp6")[23] == 58


@given(st.lists(_WORDS, max_size=12))
def test_any_words_make_a_packet_or_a_clean_error(words: list[str]) -> None:
    for text in (" ".join(words), shlex.join(words)):
        try:
            packet = build(text)
        except PacketError:
            continue
        assert 0 < len(packet) <= MAX_LENGTH


@given(_DATA)
def test_hex_and_back(data: bytes) -> None:
    for text in (data.hex(), data.hex(" "), data.hex(":"), "0x" + data.hex(), data.hex("\n")):
        assert from_hex(text) == data
    assert build(f"payload hex {data.hex(' ')}") == data if data else True


@given(st.text())
def test_any_text_is_hex_or_a_clean_error(text: str) -> None:
    try:
        from_hex(text)
    except PacketError:
        return
    assert not set("".join(text.split()).casefold()) - set("0123456789abcdefx:")


@given(_DATA, _DATA)
def test_differences_lead_from_one_to_the_other(before: bytes, after: bytes) -> None:
    found = differences(before, after)
    patched = bytearray(before)
    for one in reversed(found):
        assert before[one.offset : one.offset + len(one.before)] == one.before
        patched[one.offset : one.offset + len(one.before)] = one.after
    assert bytes(patched) == after
    assert bool(found) == (before != after) == bool(diff(before, after))


def test_the_lines_that_differ() -> None:
    before = bytes(range(40))
    after = before[:20] + b"\xff" + before[21:33] + b"!"
    assert diff(before, after, " ") == (
        " - 0010  10 11 12 13 14 15 16 17  18 19 1a 1b 1c 1d 1e 1f  ................\n"
        " + 0010  10 11 12 13 ff 15 16 17  18 19 1a 1b 1c 1d 1e 1f  ................\n"
        "                     ^^\n"
        " - 0020  20 21 22 23 24 25 26 27                            !\"#$%&'\n"
        " + 0020  20 21                                              !\n"
        "               ^^ ^^ ^^ ^^ ^^ ^^\n"
    )
