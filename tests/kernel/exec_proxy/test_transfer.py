"""Exports and imports within one process: what arrives, what is refused, and that no descriptor is lost."""

from __future__ import annotations

import os
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from pytc.bpf import Map
from pytc.errors import TransferError
from pytc.exec_proxy import map_transfer
from pytc.exec_proxy import received as assembly
from pytc.exec_proxy.map_transfer import Exporter, Importer, identify, send_maps
from pytc.exec_proxy.wire import MapEntry, ObjectIdentity, encode
from tests.kernel.exec_proxy.support import NOBODY, array_maps, as_user, open_descriptors, send_raw
from tests.tiers import examples

pytestmark = pytest.mark.kernel

OBJECT = identify("/bin/sh")


class Listening:
    """An importer at a path, and what it refused."""

    def __init__(self, path: Path, **options: object) -> None:
        self.path = str(path)
        self.refused: list[str] = []
        self.importer = Importer(self.path, refused=self.refused.append, **options)  # type: ignore[arg-type]


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    made = Listening(tmp_path / "bpf")
    with made.importer:
        yield made


def test_maps_arrive_as_they_are(listening: Listening) -> None:
    with array_maps(3, 0, 1, 2) as maps:
        maps[1].update(bytes(4), b"12345678")
        assert send_maps(listening.path, OBJECT, maps) == 3
        with listening.importer.receive(5) as received:
            assert received.identity == OBJECT
            assert (received.sender.pid, received.sender.uid) == (os.getpid(), 0)
            assert [entry.id for entry in received.entries] == [0, 1, 2]
            assert received.entries[0] == MapEntry(2, 4, 8, 1, id=0, inner_idx=0xFFFFFFFF)
            assert received.map_ids() == {one.description.id for one in maps}
            assert received.maps[1][bytes(4)] == b"12345678"
            assert [one.name for one in received.named()] == ["m0", "m1", "m2"]
            assert not any(os.get_inheritable(found.fd) for found in received.maps)


def test_the_identity_of_the_object() -> None:
    status = os.stat("/bin/sh")
    assert ObjectIdentity("/bin/sh", status.st_dev, status.st_ino) == OBJECT
    assert identify("/nowhere") == ObjectIdentity("/nowhere")


@pytest.mark.parametrize("ids", [(), (0, 0, 0), (2, None, 2), (7, 1, None)])
def test_no_two_maps_have_one_id(listening: Listening, ids: tuple[int | None, ...]) -> None:
    with array_maps(4, *ids) as maps:
        send_maps(listening.path, OBJECT, maps)
        with listening.importer.receive(5) as received:
            found = [entry.id for entry in received.entries]
    assert len({*found}) == 4
    for number in {*ids} - {None}:
        assert found[ids.index(number)] == number


@pytest.mark.parametrize("count", [1, 64, 65, 128, 300])
def test_many_maps_come_in_several_datagrams(listening: Listening, count: int) -> None:
    with array_maps(count) as maps:
        assert send_maps(listening.path, OBJECT, maps) == count
        with listening.importer.receive(5) as received:
            assert [found.description.name for found in received.maps] == [f"m{n}" for n in range(count)]
            assert [entry.id for entry in received.entries] == [*range(count)]


def test_exports_of_several_datagrams_mix(listening: Listening) -> None:
    """Two exporters of the same object in one process, turn by turn: their sockets' addresses tell them apart."""
    with array_maps(200) as maps, Exporter(listening.path) as one, Exporter(listening.path) as two:
        halves = [maps[:100], maps[100:]]
        datagrams = [encode(OBJECT, map_transfer.entries(half)) for half in halves]
        for at in (0, 64):
            for exporter, half, data in zip((one, two), halves, datagrams, strict=True):
                rights = struct.pack(f"={len(half[at : at + 64])}i", *(m.fd for m in half[at : at + 64]))
                exporter._socket.sendmsg([data[at // 64]], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        for half in halves:
            with listening.importer.receive(5) as received:
                assert [found.description.id for found in received.maps] == [m.description.id for m in half]
    assert not listening.refused


GOOD = encode(OBJECT, [MapEntry(2, 4, 8, 1, id=n) for n in range(3)])[0]


def files(count: int) -> list[int]:
    return [os.open("/dev/null", os.O_RDONLY) for _ in range(count)]


@pytest.fixture
def others() -> Iterator[dict[str, int]]:
    """Descriptors of which none is a map."""
    from pytc.bpf import ProgramType, load, read_object, select_program
    from tests.conftest import EXAMPLES

    spec = read_object(str(EXAMPLES / "traffic.o"))
    with (
        load(spec, select_program(spec), type=ProgramType.SCHED_CLS) as loaded,
        socket.socket() as inet,
        tempfile.NamedTemporaryFile() as file,
    ):
        readable, writable = os.pipe()
        memory = os.memfd_create("anon_inode:bpf-map")
        try:
            yield {
                "program": loaded.program.fd,
                "socket": inet.fileno(),
                "file": file.fileno(),
                "pipe": readable,
                "memory": memory,
            }
        finally:
            for fd in (readable, writable, memory):
                os.close(fd)


@pytest.mark.parametrize("kind", ["program", "socket", "file", "pipe", "memory"])
def test_descriptors_that_are_no_maps_are_refused(listening: Listening, others: dict[str, int], kind: str) -> None:
    with array_maps(2) as maps:
        send_raw(listening.path, GOOD, [maps[0].fd, others[kind], maps[1].fd])
        before = open_descriptors()
        assert listening.importer.take() is None
        assert open_descriptors() == before
        assert "is not a BPF map" in listening.refused[0]
        send_maps(listening.path, OBJECT, maps)
        with listening.importer.receive(5) as received:
            assert len(received.maps) == 2, "the wait goes on"


def announcing(total: int, version: int = 1) -> bytes:
    return struct.pack("=HH", version, total) + GOOD[4:]


HOSTILE: dict[str, tuple[bytes, int]] = {
    "nothing": (b"", 0),
    "one byte": (b"x", 0),
    "a map and nothing said": (b"", 1),
    "wrong version": (announcing(3, 2), 3),
    "entries without descriptors": (GOOD, 0),
    "descriptors without entries": (GOOD[:88], 3),
    "more descriptors": (GOOD, 4),
    "fewer descriptors": (GOOD, 2),
    "fewer announced": (announcing(2), 3),
    "none announced": (announcing(0), 3),
    "10,000 announced": (announcing(10000), 3),
    "cut": (GOOD[:-1], 3),
    "too long": (GOOD + bytes(3000), 3),
    "more than 64": (announcing(65) + bytes(62 * 36), 65),
    "as many as there can be": (announcing(253) + bytes(40), 253),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_datagrams_are_refused_and_the_wait_goes_on(listening: Listening, case: str) -> None:
    data, count = HOSTILE[case]
    with array_maps(1) as maps:
        send_raw(listening.path, data, [maps[0].fd] * count)
        before = open_descriptors()
        assert listening.importer.take() is None
        assert open_descriptors() == before
        assert len(listening.refused) == 1
        send_maps(listening.path, OBJECT, maps)
        with listening.importer.receive(5) as received:
            assert len(received.maps) == 1


def test_descriptors_that_do_not_fit_are_refused(listening: Listening) -> None:
    """MSG_CTRUNC: the receiver's limit lets only some of the descriptors in."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with array_maps(3) as maps:
        send_maps(listening.path, OBJECT, maps)
        before = open_descriptors()
        free = [fd for fd in range(max(before) + 4) if fd not in before]
        resource.setrlimit(resource.RLIMIT_NOFILE, (free[2], hard))
        try:
            assert listening.importer.take() is None
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        assert open_descriptors() == before
        assert "no descriptors left" in listening.refused[0]
        send_maps(listening.path, OBJECT, maps)
        listening.importer.receive(5).close()


def test_ten_thousand_hostile_datagrams(listening: Listening) -> None:
    with array_maps(1) as maps:
        stop = threading.Event()

        def flood() -> None:
            for number in range(10_000):
                data, count = list(HOSTILE.values())[number % 12]
                send_raw(listening.path, data, [maps[0].fd] * count)
            stop.set()

        thread = threading.Thread(target=flood)
        thread.start()
        while not stop.is_set() or len(listening.refused) < 10_000:
            assert listening.importer.take() is None
        thread.join()
        send_maps(listening.path, OBJECT, maps)
        listening.importer.receive(5).close()


@pytest.fixture(scope="module")
def fuzzed() -> Iterator[Listening]:
    """One importer for all examples: they must not disturb one another."""
    with tempfile.TemporaryDirectory() as directory:
        made = Listening(Path(directory) / "bpf")
        with made.importer:
            yield made


@settings(max_examples=examples(2), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.binary(max_size=120)
    | st.builds(
        lambda total, entries: announcing(total)[:88] + bytes(entries),
        st.integers(0, 70),
        st.integers(0, 5) | st.sampled_from([20, 36, 40, 72, 108]),
    ),
    wanted=st.lists(st.sampled_from(["map", "program", "socket", "file", "pipe"]), max_size=5),
)
@example(head=GOOD, wanted=["map"] * 3)  # nothing random is ever complete
def test_no_datagram_crashes_or_leaks(
    fuzzed: Listening, others: dict[str, int], head: bytes, wanted: list[str]
) -> None:
    with array_maps(1) as maps:
        fds = [maps[0].fd if kind == "map" else others[kind] for kind in wanted]
        before = open_descriptors()
        send_raw(fuzzed.path, head, fds)
        received = fuzzed.importer.take()
        if received is not None:
            assert len(received.maps) == len(wanted) and set(wanted) == {"map"}
            received.close()
        fuzzed.importer._assembly.close()  # what may still be completed
        assert open_descriptors() == before


def test_an_export_that_is_never_completed_is_forgotten(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    with array_maps(3) as maps:
        before = open_descriptors()
        send_raw(listening.path, announcing(100), [m.fd for m in maps])
        assert listening.importer.take() is None
        assert len(open_descriptors()) == len(before) + 3
        assert not listening.refused
        monkeypatch.setattr(assembly, "PATIENCE", -1.0)
        listening.importer.expire()
        assert open_descriptors() == before
        send_raw(listening.path, announcing(100), [m.fd for m in maps])
        assert listening.importer.take() is None
        send_raw(listening.path, b"x", [])
        assert listening.importer.take() is None
        assert open_descriptors() == before, "whoever only waits for datagrams forgets, too"


def test_only_so_many_exports_may_be_incomplete(listening: Listening) -> None:
    with array_maps(3) as maps:
        before = len(open_descriptors())
        for number in range(100):
            data = encode(ObjectIdentity(f"{number}.o"), [MapEntry(2, 4, 8, 1)] * 3)[0]
            send_raw(listening.path, struct.pack("=HH", 1, 100) + data[4:], [m.fd for m in maps])
            assert listening.importer.take() is None
        assert len(open_descriptors()) == before + 3 * assembly.MAX_INCOMPLETE


def test_parts_that_contradict_each_other_are_refused(listening: Listening) -> None:
    with array_maps(3) as maps, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("=3i", *(m.fd for m in maps)))]
        before = open_descriptors()
        for total in (100, 50):
            sender.sendmsg([announcing(total)], rights, 0, listening.path)
            assert listening.importer.take() is None
        assert open_descriptors() == before
        assert "6 of 100 maps" in listening.refused[0]


def test_another_user_may_not_export(open_directory: Path) -> None:
    listening = Listening(open_directory / "bpf", mode=0o666)
    with listening.importer, array_maps(1) as maps:
        assert not as_user(NOBODY, lambda: send_maps(listening.path, OBJECT, maps))
        before = open_descriptors()
        assert listening.importer.take() is None
        assert open_descriptors() == before
        assert f"of user {NOBODY}: this user may not export" in listening.refused[0]


def test_a_user_who_is_named_may_export(open_directory: Path) -> None:
    listening = Listening(open_directory / "bpf", owner=NOBODY, users=(NOBODY,))
    with listening.importer, array_maps(1) as maps:
        assert (open_directory / "bpf").stat().st_uid == NOBODY
        assert "EACCES" in as_user(NOBODY - 1, lambda: send_maps(listening.path, OBJECT, maps))
        assert not as_user(NOBODY, lambda: send_maps(listening.path, OBJECT, maps))
        with listening.importer.receive(5) as received:
            assert received.sender.uid == NOBODY


def test_nobody_listens(tmp_path: Path) -> None:
    with array_maps(1) as maps:
        with pytest.raises(TransferError, match="No such file") as missing:
            send_maps(str(tmp_path / "bpf"), OBJECT, maps)
        assert "exec bpf import" in missing.value.hints[0]
        with Importer(str(tmp_path / "bpf")):
            os.rename(tmp_path / "bpf", tmp_path / "kept")
        with pytest.raises(TransferError, match="ECONNREFUSED"):
            send_maps(str(tmp_path / "kept"), OBJECT, maps)


def test_an_importer_that_does_not_read(listening: Listening, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_transfer, "SEND_TIMEOUT", 0.2)
    with array_maps(1) as maps, pytest.raises(TransferError, match="has not read"):
        for _ in range(1000):
            send_maps(listening.path, OBJECT, maps)


def test_no_maps(listening: Listening) -> None:
    with pytest.raises(TransferError, match="no maps"):
        send_maps(listening.path, OBJECT, [])


def test_the_wait_has_an_end(listening: Listening) -> None:
    start = time.monotonic()
    with pytest.raises(TransferError, match="in time"):
        listening.importer.receive(0.2)
    assert time.monotonic() - start >= 0.2


def test_a_thousand_rounds(tmp_path: Path) -> None:
    with array_maps(3, 0, 1, 2) as maps:
        before = open_descriptors()
        for _ in range(1000):
            with Importer(str(tmp_path / "bpf")) as importer:
                send_maps(str(tmp_path / "bpf"), OBJECT, maps)
                with importer.receive(5) as received:
                    assert received.map_ids() == {m.description.id for m in maps}
        assert open_descriptors() == before
    assert not [*tmp_path.iterdir()]


def in_threads(count: int, work: Callable[[int], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_a_hundred_exporters_at_once(listening: Listening) -> None:
    with array_maps(200) as maps:

        def export(number: int) -> None:
            own: list[Map] = maps[2 * number : 2 * number + 2] * (40 if number % 4 == 0 else 1)
            send_maps(listening.path, ObjectIdentity(f"{number}.o"), own)

        threads = in_threads(100, export)
        found: dict[str, list[int]] = {}
        for _ in range(100):
            with listening.importer.receive(30) as received:
                found[received.identity.name] = [m.description.id for m in received.maps]
        for thread in threads:
            thread.join()
        ids = [m.description.id for m in maps]
        assert found == {f"{n}.o": ids[2 * n : 2 * n + 2] * (40 if n % 4 == 0 else 1) for n in range(100)}
    assert not listening.refused


def test_a_user_without_privileges_is_given_maps(open_directory: Path) -> None:
    """Root has put the user's socket where only root can replace it; there the user waits, and then reads."""
    path = str(open_directory / "bpf")
    readable, writable = os.pipe()

    def wait(importer: Importer) -> None:
        os.write(writable, b"x")
        with importer.receive(20) as received:
            assert received.sender.uid == 0
            assert received.maps[0][bytes(4)] == b"12345678"

    failures: list[str] = []
    with Importer(path, owner=NOBODY) as importer:
        waiting = threading.Thread(target=lambda: failures.append(as_user(NOBODY, lambda: wait(importer))))
        waiting.start()
        assert os.read(readable, 1) == b"x"
        os.close(readable)
        os.close(writable)
        with array_maps(1) as maps:
            maps[0].update(bytes(4), b"12345678")
            send_maps(path, OBJECT, maps)
            waiting.join()
    assert failures == [""]


def test_the_directory_of_a_user_is_not_trusted(open_directory: Path) -> None:
    os.chown(open_directory, NOBODY, NOBODY)
    with array_maps(1) as maps, pytest.raises(TransferError, match=f"belongs to user {NOBODY}"):
        send_maps(str(open_directory / "bpf"), OBJECT, maps)
