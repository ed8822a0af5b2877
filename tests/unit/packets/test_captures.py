"""pcap and pcapng: what is written is read again, what others wrote is understood, what is damaged is refused."""

from __future__ import annotations

import io
import os
import struct
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytc.errors import CaptureError
from pytc.packets import Packet, PcapngWriter, PcapWriter, link_type, open_capture, read_packets, write_pcap
from pytc.packets.link_types import ETHERNET, KNOWN, RAW, link_type_of_device
from pytc.packets.packet import MAX_PACKET
from tests.captures import as_pcap, as_pcapng, captures

_packets = st.builds(
    lambda data, more, interface, time: Packet(data, len(data) + more, ETHERNET, time, interface),
    st.binary(max_size=70),
    st.integers(0, 3000),
    st.integers(0, 2),
    st.integers(0, (1 << 32) * 10**9 - 1),
)
_orders = st.sampled_from("<>")


def read(data: bytes) -> list[Packet]:
    return list(read_packets(io.BytesIO(data)))


@given(st.lists(_packets, max_size=6), _orders)
def test_pcap_there_and_back(made: Sequence[Packet], order: str) -> None:
    assert read(as_pcap(made, order=order)) == [packet._replace(interface=0) for packet in made]


@given(st.lists(_packets, max_size=6), _orders)
def test_pcap_in_microseconds(made: Sequence[Packet], order: str) -> None:
    assert read(as_pcap(made, microseconds=True, order=order)) == [
        packet._replace(interface=0, time=packet.time // 1000 * 1000) for packet in made
    ]


@given(st.lists(_packets, max_size=6), _orders)
def test_pcapng_there_and_back(made: Sequence[Packet], order: str) -> None:
    seen = list(dict.fromkeys(packet.interface for packet in made))
    assert read(as_pcapng(made, order=order)) == [
        packet._replace(interface=seen.index(packet.interface)) for packet in made
    ]


def test_link_types_side_by_side_need_pcapng() -> None:
    both = [Packet(b"a", 1, ETHERNET, 1), Packet(b"b", 1, RAW, 2)]
    assert [packet.link_type for packet in read(as_pcapng(both))] == [ETHERNET, RAW]
    with pytest.raises(CaptureError, match="packets of one link type: 1, not 101"):
        as_pcap(both)


def test_a_capture_without_packets() -> None:
    for make in (PcapngWriter, lambda file: PcapWriter(file, RAW)):
        file = io.BytesIO()
        make(file)
        assert read(file.getvalue()) == []


def test_write_pcap_takes_the_first_packets_link_type() -> None:
    file = io.BytesIO()
    made = [Packet(b"abc", 9, RAW, 5), Packet(b"", 0, RAW, 6)]
    assert write_pcap(file, iter(made)) == 2
    assert read(file.getvalue()) == made
    assert write_pcap(io.BytesIO(), []) == 0


class Blocks:
    """A pcapng file by hand, as other programs write it."""

    def __init__(self, order: str = "<") -> None:
        self.order = order
        self.data = b""

    def block(self, kind: int, body: bytes, *, end: int | None = None) -> Blocks:
        body += bytes(-len(body) % 4)
        length = len(body) + 12
        self.data += struct.pack(f"{self.order}II", kind, length) + body
        self.data += struct.pack(f"{self.order}I", length if end is None else end)
        return self

    def section(self) -> Blocks:
        options = struct.pack(f"{self.order}HH4sHH", 4, 4, b"test", 0, 0)
        return self.block(0x0A0D0D0A, struct.pack(f"{self.order}IHHq", 0x1A2B3C4D, 1, 0, -1) + options)

    def interface(self, kind: int = ETHERNET, snaplen: int = 0, options: bytes = b"") -> Blocks:
        return self.block(1, struct.pack(f"{self.order}HHI", kind, 0, snaplen) + options)

    def option(self, code: int, value: bytes) -> bytes:
        return struct.pack(f"{self.order}HH", code, len(value)) + value + bytes(-len(value) % 4)

    def enhanced(self, data: bytes, ticks: int = 0, number: int = 0, captured: int | None = None) -> Blocks:
        size = len(data) if captured is None else captured
        head = struct.pack(f"{self.order}IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF, size, size)
        return self.block(6, head + data + bytes(-len(data) % 4) + self.option(1, b"a comment"))


@pytest.mark.parametrize("order", "<>")
def test_blocks_of_all_sorts(order: str) -> None:
    made = Blocks(order).section().block(10, b"TLSK" + bytes(8)).interface(snaplen=3)
    made.block(3, struct.pack(f"{order}I", 5) + b"abc\0")  # a simple packet, cut by the snaplen
    made.block(2, struct.pack(f"{order}HHIIII", 0, 0, 0, 7, 2, 2) + b"de\0\0")  # an obsolete one
    made.block(5, bytes(12)).enhanced(b"fgh", 1_000_001).block(0xBAD, b"")
    made.section().interface(RAW).enhanced(b"E")
    assert read(made.data) == [
        Packet(b"abc", 5, ETHERNET, 0),
        Packet(b"de", 2, ETHERNET, 7000),
        Packet(b"fgh", 3, ETHERNET, 1_000_001_000),
        Packet(b"E", 1, RAW, 0),
    ]


@pytest.mark.parametrize(
    ("options", "ticks", "time"),
    [
        ([(9, b"\x09")], 5, 5),
        ([(9, b"\x03")], 2500, 2_500_000_000),
        ([(9, b"\x80")], 3, 3_000_000_000),
        ([(9, b"\x81")], 3, 1_500_000_000),
        ([(9, b"\x0c")], 7_000_000_000_123, 7_000_000_000),
        ([(14, struct.pack("<q", 100))], 1, 100_000_001_000),
        ([(9, b"\x09"), (14, struct.pack("<q", -1))], 0, -(10**9)),
        ([(2, b"em1"), (9, b"\x06")], 1, 1000),
        ([(0, b""), (9, b"\x00")], 1, 1000),
        ([(9, b"\x7f")], 1 << 60, 0),
    ],
)
def test_clocks_of_interfaces(options: list[tuple[int, bytes]], ticks: int, time: int) -> None:
    made = Blocks().section()
    packed = b"".join(made.option(code, value) for code, value in options)
    assert read(made.interface(options=packed).enhanced(b"x", ticks).data)[0].time == time


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither a pcap nor a pcapng file"),
        (b"\xd4\xc3", "neither"),
        (b"\x7fELF" + bytes(60), "neither"),
        (as_pcap([])[:20], "it ends within the header"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 3, 4, 0, 0, 0, 1), "version 3 of the pcap format"),
        (as_pcap([Packet(b"abc", 3, 1)])[:-1], "it ends within packet 1"),
        (as_pcap([Packet(b"abc", 3, 1)]) + b"123", "it ends within packet 2"),
        (as_pcap([]) + struct.pack("<IIII", 0, 0, 0xFFFFFFFF, 1), "packet 1 claims 4294967295 bytes"),
        (b"\x0a\x0d\x0d\x0a", "it ends within a section header"),
        (b"\x0a\x0d\x0d\x0a" + bytes(24), "a section header of neither byte order"),
        (struct.pack("<III", 0x0A0D0D0A, 0x7FFFFFFC, 0x1A2B3C4D), "a section header of 2147483644 bytes"),
        (struct.pack("<IIIHH16x", 0x0A0D0D0A, 28, 0x1A2B3C4D, 2, 0), "version 2 of the pcapng format"),
        (Blocks().section().data + b"\x01", "it ends within a block"),
        (Blocks().section().data + struct.pack("<II", 6, 0xFFFFFFF0), "a block of 4294967280 bytes"),
        (Blocks().section().data + struct.pack("<II", 6, 13) + bytes(20), "a block of 13 bytes"),
        (Blocks().section().data + struct.pack("<II", 6, 0), "a block of 0 bytes"),
        (Blocks().section().block(7, b"", end=16).data, "a block whose two lengths differ"),
        (Blocks().section().enhanced(b"x").data, "a packet of interface 0, which is not described"),
        (Blocks().section().block(1, b"abc").data, "an interface description of 4 bytes"),
        (Blocks().section().interface().block(6, bytes(8)).data, "an enhanced packet block of 8 bytes"),
        (Blocks().section().interface().enhanced(b"x", captured=99).data, "a packet of 99 bytes in a block that has"),
        (Blocks().section().interface().enhanced(b"x", captured=0xFFFFFFFF).data, "a packet of 4294967295 bytes"),
        (Blocks().section().block(3, bytes(4)).data, "interface 0, which is not described"),
    ],
)
def test_damage_is_named(data: bytes, message: str) -> None:
    with pytest.raises(CaptureError, match=message):
        read(data)


def test_what_comes_before_the_damage_is_read() -> None:
    stream = read_packets(io.BytesIO(as_pcap([Packet(b"abc", 3, 1), Packet(b"def", 3, 1)])[:-1]))
    assert next(stream).data == b"abc"
    with pytest.raises(CaptureError, match="within packet 2"):
        next(stream)


IMAGES = [data for _, data in captures().values()]


@given(
    st.sampled_from(IMAGES),
    st.lists(st.tuples(st.integers(0, 300), st.integers(0, 255)), max_size=6),
    st.integers(0, 5000),
)
def test_files_with_wrong_bytes(image: bytes, changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(image[:length])
    for at, byte in changes:
        if at < len(data):
            data[at] = byte
    try:
        assert all(len(packet.data) <= MAX_PACKET for packet in read(bytes(data)))
    except CaptureError:
        return


@given(st.binary(max_size=200).map(lambda rest: IMAGES[1][:28] + rest))
def test_a_section_and_then_anything(data: bytes) -> None:
    try:
        read(data)
    except CaptureError:
        return


class TestFiles:
    def test_are_named_in_errors(self, tmp_path: Path) -> None:
        path = tmp_path / "bad.pcap"
        path.write_bytes(as_pcap([Packet(b"abc", 3, 1)])[:-1])
        with pytest.raises(CaptureError, match=f'^capture "{path}": it ends'), open_capture(str(path)) as packets:
            list(packets)

    @pytest.mark.parametrize("name", ["none", ".", "a\0b"])
    def test_that_cannot_be_opened(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(CaptureError, match="cannot open capture"), open_capture(f"{tmp_path}/{name}"):
            pass

    def test_may_be_pipes(self, tmp_path: Path) -> None:
        path = tmp_path / "pipe"
        os.mkfifo(path)
        made = [Packet(b"abc", 3, 1, 7), Packet(b"", 0, 1, 8)]
        writer = threading.Thread(target=path.write_bytes, args=(as_pcap(made),))
        writer.start()
        with open_capture(str(path)) as packets:
            assert list(packets) == made
        writer.join()

    def test_are_read_as_a_stream(self) -> None:
        """A capture larger than what may be in memory at a time."""

        class Endless(io.RawIOBase):
            record = struct.pack("<IIII", 0, 0, 100000, 100000) + bytes(100000)
            left = as_pcap([])

            def readable(self) -> bool:
                return True

            def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
                if not self.left:
                    self.left = self.record
                count = min(len(buffer), len(self.left))
                buffer[:count], self.left = self.left[:count], self.left[count:]
                return count

        stream = read_packets(io.BufferedReader(Endless()))
        assert sum(len(next(stream).data) for _ in range(3000)) == 300_000_000


def test_link_types() -> None:
    assert link_type(1).name == "EN10MB"
    assert link_type(101).name == "RAW"
    assert link_type(147).name == "147"
    assert len({known.name for known in KNOWN}) == len({known.number for known in KNOWN}) == len(KNOWN)


@pytest.mark.parametrize(("arphrd", "name"), [(1, "EN10MB"), (772, "EN10MB"), (0xFFFE, "RAW"), (768, "RAW")])
def test_link_types_of_devices(arphrd: int, name: str) -> None:
    found = link_type_of_device(arphrd)
    assert found is not None
    assert found.name == name
    assert link_type_of_device(4711) is None
