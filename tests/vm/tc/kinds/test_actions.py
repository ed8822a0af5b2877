"""The kinds of actions: what they do with packets."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.compat.lines import words_of
from tests.conftest import PATIENCE
from tests.processes import pytc_here
from tests.vm.twins import masked_text, new_network, tc

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.needs(
        "filter:bpf", *(f"action:{kind}" for kind in ("bpf", "csum", "gact", "police", "skbedit", "vlan"))
    ),
]

_ALL = 3  # ETH_P_ALL
_SOL_PACKET, _PACKET_AUXDATA, _PACKET_QDISC_BYPASS = 263, 8, 20
#: Of an EtherType for experiments on a local network.
_MARK = b"\xff" * 6 + b"\x02" + bytes(5) + b"\x88\xb5" + bytes(46)
#: struct tpacket_auxdata: status, len, snaplen u32, mac, net, vlan_tci, vlan_tpid u16.
_AUXILIARY = struct.Struct("=IIIHHHH")
_ANY = "filter add dev em1 egress bpf bytecode 1,6_0_0_4294967295 "
#: Drops what has mark 7: ld mark; jeq #7; ret TC_ACT_SHOT; ret TC_ACT_OK.
_DROP_MARK_7 = "action bpf bytecode 4,32_0_0_4294963220,21_0_1_7,6_0_0_2,6_0_0_0"


class TestPackets:
    """Frames go out of em1, through its filters, to em2."""

    def test_skbedit_marks_for_the_next_action(self) -> None:
        for mark, dropped in (("7", 5), ("8", 0), ("0x57/0xf", 5)):
            new_network()
            assert pytc_here(*words_of(f"{_ANY} action skbedit mark {mark} {_DROP_MARK_7}")).status == 0
            assert len(_through([_frame()] * 5)) == 5 - dropped
            assert [action["stats"]["packets"] for action in _actions()] == [5, 5]
            assert _actions()[1]["stats"]["drops"] == dropped

    def test_vlan_pushes_and_pops(self) -> None:
        new_network()
        assert pytc_here(*words_of(f"{_ANY} action vlan push id 5 priority 3")).status == 0
        [(frame, tag)] = _through([_frame()])
        assert (frame, tag) == (_frame(), (0x8100, 3 << 13 | 5))
        new_network()
        assert pytc_here(*words_of(f"{_ANY} action vlan push id 5 action vlan modify id 9 action vlan pop")).status == 0
        assert _through([_frame()]) == [(_frame(), None)]

    def test_vlan_renews_the_ethernet_header(self) -> None:
        new_network()
        words = f"{_ANY} action vlan pop_eth action vlan push_eth dst_mac 00:11:22:33:44:55 src_mac 00:11:22:33:44:66"
        assert pytc_here(*words_of(words)).status == 0
        assert _through([_frame()]) == [(bytes.fromhex("001122334455001122334466") + _frame()[12:], None)]

    @pytest.mark.parametrize("words", ["action police", "police"])
    def test_police_drops_what_is_above_the_rate(self, words: str) -> None:
        new_network()
        assert pytc_here(*words_of(f"{_ANY} {words} rate 8kbit burst 2k drop index 7")).status == 0
        received = len(_through([_frame(payload=bytes(486))] * 20))
        assert 4 <= received <= 8
        [_, found] = json.loads(pytc_here("-j", "-s", "actions", "get", "action", "police", "index", "7").out)
        [action] = found["actions"]
        stats = action["stats"]
        assert (stats["packets"], stats["bytes"], stats["drops"]) == (20, 20 * 500, 20 - received)
        shown = pytc_here("-s", "filter", "show", "dev", "em1", "egress").out
        if words == "police":
            dropped = 20 - received
            assert f"\n Sent 10000 bytes 20 pkts (dropped {dropped}, overlimits {dropped}) \n" in shown
        assert masked_text(shown) == masked_text(tc("-s", "filter", "show", "dev", "em1", "egress").out)

    @pytest.mark.needs("police_packets")
    def test_police_counts_packets(self) -> None:
        """The kernel fills the bucket from the beginning on."""
        new_network()
        assert (
            pytc_here(*words_of(f"{_ANY} action police pkts_rate 20 pkts_burst 3 conform-exceed drop/ok")).status == 0
        )
        time.sleep(0.3)
        assert 3 <= len(_through([_frame()] * 20)) <= 12

    def test_what_conforms_goes_on_to_the_next_action(self) -> None:
        new_network()
        words = "action police rate 8kbit burst 2k conform-exceed ok/pipe action drop"
        assert pytc_here(*words_of(f"{_ANY} {words}")).status == 0
        received = len(_through([_frame(payload=bytes(486))] * 20))
        assert 12 <= received <= 16
        assert [action["stats"]["packets"] for action in _actions()] == [20, 20 - received]

    def test_csum_repairs_a_checksum(self) -> None:
        new_network()
        wrong, right = _ipv4(0xDEAD), _ipv4(None)
        assert _through([wrong]) == [(wrong, None)]
        assert pytc_here(*words_of(f"{_ANY} action csum iph")).status == 0
        assert _through([wrong]) == [(right, None)]


def _frame(kind: int = 0x88B5, payload: bytes = bytes(50)) -> bytes:
    return b"\xff" * 6 + bytes(5) + b"\x01" + struct.pack("!H", kind) + payload


def _ipv4(checksum: int | None) -> bytes:
    """A datagram to nobody, with that header checksum or the right one."""
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 50, 1, 0, 64, 253, checksum or 0, bytes((10, 9, 0, 1)), bytes((10, 9, 0, 2))
    )
    if checksum is None:
        total = sum(struct.unpack("!10H", header))
        total = (total & 0xFFFF) + (total >> 16)
        return _ipv4(~total & 0xFFFF)
    return _frame(0x0800, header + bytes(30))


def _through(frames: list[bytes]) -> list[tuple[bytes, tuple[int, int] | None]]:
    """Return what em2 receives: (frame, (protocol, tag) of a VLAN tag that the kernel keeps beside it).

    ksoftirqd may deliver a frame after send(2) has returned: behind all comes a mark, past the filters of egress.
    """
    with _packets("em2") as receiver, _packets("em1", 0) as sender, _packets("em1", 0) as marking:
        marking.setsockopt(_SOL_PACKET, _PACKET_QDISC_BYPASS, 1)
        for frame in frames:
            with suppress(OSError):  # one that is dropped at egress
                sender.send(frame)
        marking.send(_MARK)
        found: list[tuple[bytes, tuple[int, int] | None]] = []
        while select.select([receiver], [], [], PATIENCE)[0]:
            data, ancillary, _, address = receiver.recvmsg(2048, 256)
            if data == _MARK and address[2] != socket.PACKET_OUTGOING:
                return found
            if address[2] != socket.PACKET_OUTGOING:
                found.append((data, _tag(ancillary)))
        raise AssertionError("the mark does not arrive")


@contextmanager
def _packets(device: str, protocol: int = _ALL) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(protocol)) as opened:
        opened.bind((device, protocol))
        opened.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        opened.setblocking(False)
        yield opened


def _tag(ancillary: list[tuple[int, int, bytes]]) -> tuple[int, int] | None:
    for level, kind, data in ancillary:
        if (level, kind) == (_SOL_PACKET, _PACKET_AUXDATA):
            *_, tag, protocol = _AUXILIARY.unpack(data[: _AUXILIARY.size])
            return (protocol, tag) if tag else None
    return None


def _actions() -> list[dict[str, Any]]:
    """Return the actions of the last filter."""
    [*_, shown] = json.loads(pytc_here("-j", "-s", "filter", "show", "dev", "em1", "egress").out)
    actions = shown["options"]["actions"]
    assert isinstance(actions, list)
    return actions
