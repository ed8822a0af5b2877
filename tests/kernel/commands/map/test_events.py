"""``map events``: ring and perf buffers."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import pytc
from pytc.bpf import MapType
from pytc.bpf.btf.types import STRUCT
from pytc.bpf.maps import event_types
from pytc.bpf.maps.ring_buffer import Event
from pytc.bpf.sys.cpus import possible_cpus
from pytc.bpf.sys.info import ids
from pytc.commands.dispatch import parse_words
from pytc.commands.map.events import ReadEvents, read_events
from tests.conftest import EXAMPLES, Compiler
from tests.kernel.bpf.support import loaded, verdict
from tests.kernel.commands.map.support import MapFactory, fd_of
from tests.processes import printed, refused

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("root")]
#: An IPv4 packet from 10.0.0.1, TCP.
PACKET = bytes(12) + b"\x08\0" + b"\x45" + bytes(8) + b"\x06" + bytes(2) + b"\x0a\0\0\1" + b"\x0a\0\0\2" + bytes(30)
CPUS = possible_cpus()


class TestEvents:
    def test_of_a_ring_buffer(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            for _ in range(200):  # more than the buffer holds, in turns
                assert verdict(done.program, PACKET) == 0
                said = printed("map", "events", *fd_of(done.maps["notices"]), "type", "struct", "event", "count", "1")
                assert said == f"{{ address 10.0.0.1 length {len(PACKET)} action COUNT_ONLY note hello }}\n"
            for _ in range(3):
                verdict(done.program, PACKET)
            lines = printed(
                "-j",
                "map",
                "events",
                *fd_of(done.maps["notices"]),
                "type",
                "{ip4 from, u32 n, hex rest}",
                "timeout",
                "10ms",
            ).splitlines()
            assert len(lines) == 3
            assert json.loads(lines[0])["value"]["from"] == "10.0.0.1"
            assert json.loads(lines[0])["value"]["rest"].startswith("07000000")
            assert printed("map", "events", *fd_of(done.maps["notices"]), "timeout", "1ms") == ""

    def test_programs_that_are_deleted_meanwhile(
        self, build: Compiler, bpffs: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Their ids are listed, and they cannot be opened any more."""
        with loaded(build("typed_values"), bpffs) as done:
            number = done.maps["notices"].description.id
            monkeypatch.setattr(event_types, "ids", lambda command: [(1 << 31) - 1, *ids(command)])
            btf = event_types.find_program_btf(number)
            assert btf is not None and btf.find("event", STRUCT)

    def test_a_type_that_the_compiler_left_out(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            words = ("map", "events", *fd_of(done.maps["notices"]), "type", "struct", "absent")
            said = refused(*words, "object", build("typed_values"))
        assert said.startswith('unknown type "struct absent": ')
        assert "a variable keeps one: struct absent *unused __attribute__((unused));" in said

    def test_types_from_an_object_file(self, build: Compiler, bpffs: Path) -> None:
        path = build("typed_values")
        with loaded(path, bpffs) as done:
            _enable(done.maps)
            verdict(done.program, PACKET)
            said = printed("map", "events", *fd_of(done.maps["notices"]), "type", "event", "object", path, "count", "1")
            assert said.startswith("{ address 10.0.0.1 ")
            assert "neither a format nor" in refused(
                "map", "events", *fd_of(done.maps["notices"]), "type", "nosuch", "object", path
            )
            assert 'unknown type "u33"' in refused("map", "events", *fd_of(done.maps["notices"]), "type", "u33")

    def test_bytes_are_hex_and_short_events_too(self, build: Compiler, bpffs: Path) -> None:
        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            for words in (("type", "hex"), ("type", "u64[99]")):
                verdict(done.program, PACKET)
                said = printed("map", "events", *fd_of(done.maps["notices"]), *words, "count", "1")
                assert said.startswith("0a000001")
                assert len(said) == 2 * 28 + 1

    def test_the_map_names_the_type(self, bpffs: Path) -> None:
        with pytc.load(str(EXAMPLES / "firewall.o"), pin=False) as firewall:
            firewall.maps.settings[0] = {"enabled": True}
            firewall.maps.verdicts["10.0.0.1"] = {"action": "DROP"}
            words = ("map", "events", "id", str(firewall.maps.notices.id))
            for options in ((), ("-ts",)):
                firewall.programs.firewall.run(PACKET)
                said = printed(*options, *words, "count", "1")
                time = r"\[\S+\] " if options else ""
                assert re.fullmatch(time + r"\{ source 10\.0\.0\.1 destination 10\.0\.0\.2 length 64 .*\}\n", said)
            firewall.programs.firewall.run(PACKET)
            assert printed(*words, "type", "hex", "count", "1").startswith("0a000001")

    @pytest.mark.parametrize("others", [(), ("timeout", "1ms"), ("timeout", "9s")])
    def test_it_ends_in_time_whatever_comes(self, new_map: MapFactory, others: tuple[str, ...]) -> None:
        """Events that come all the time do not keep it."""
        found = new_map(MapType.RINGBUF, 0, 0, 4096)
        begun = time.monotonic()
        assert printed("map", "events", *fd_of(found), "for", "20ms", *others) == ""
        assert time.monotonic() - begun < 5

        class Flood:
            """Yields an event whenever it is asked."""

            def fileno(self) -> int:
                return readable

            def events(self, timeout: float | None = None) -> Iterator[Event]:
                while True:
                    yield Event(b"x")

            def close(self) -> None: ...

        readable, writable = os.pipe()
        os.write(writable, b"x")
        command = parse_words(f"map events id 1 for 50ms {' '.join(others)}".split())
        assert isinstance(command, ReadEvents)
        assert len(list(read_events(Flood(), command))) > 1
        os.close(readable)
        os.close(writable)

    @pytest.mark.needs("perf_events")
    def test_of_perf(self, build: Compiler, bpffs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            samples = done.maps["samples"]
            made_by = PerfBuffer.events

            def provoked(self: PerfBuffer, timeout: float | None = None) -> Any:
                """Packets that come while somebody listens."""
                for _ in range(3):
                    verdict(done.program, PACKET)
                return made_by(self, timeout)

            monkeypatch.setattr(PerfBuffer, "events", provoked)
            lines = printed(
                "-j", "map", "events", *fd_of(samples), "type", "struct", "event", "timeout", "20ms"
            ).splitlines()
            assert len(lines) == 3
            event = json.loads(lines[0])
            assert event["value"]["address"] == "10.0.0.1"
            assert 0 <= event["cpu"] < CPUS
            text = printed("map", "events", *fd_of(samples), "type", "event", "count", "1")
            assert text.startswith("cpu ")

    @pytest.mark.needs("perf_events")
    @pytest.mark.usefixtures("one_cpu")
    def test_many_perf_events_wrap_around(self, build: Compiler, bpffs: Path) -> None:
        from pytc.bpf.maps.perf_buffer import PerfBuffer

        with loaded(build("typed_values"), bpffs) as done:
            _enable(done.maps)
            with PerfBuffer(done.maps["samples"], pages=1) as buffer:
                for count in (50, 50, 50, 200):
                    for _ in range(count):
                        verdict(done.program, PACKET)
                    found = list(buffer.events(0))
                    whole = [event for event in found if not event.lost]
                    assert all(event.data[:4] == b"\x0a\0\0\1" for event in whole)
                    assert len(whole) == count or count == 200
                verdict(done.program, PACKET)
                assert sum(event.lost for event in found + list(buffer.events(0))) + len(whole) == 200


@pytest.fixture
def one_cpu() -> Iterator[None]:
    """Keep to one CPU: a buffer counts what it has lost when the next event comes on its CPU."""
    all_cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(all_cpus)})
    yield
    os.sched_setaffinity(0, all_cpus)


def _enable(maps: Any) -> None:
    maps["settings"].typed[0] = {"enabled": True}
    maps["verdicts"].typed["10.0.0.1"] = {"action": "COUNT_ONLY", "note": "hello"}
