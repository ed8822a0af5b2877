"""The agent and its client within one process: hostile packets, slow clients, many exporters, no descriptor lost."""

from __future__ import annotations

import array
import os
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytc.errors import MessageError, TransferError
from pytc.exec_proxy import agent as module
from pytc.exec_proxy import agent_wire as control
from pytc.exec_proxy.agent import Store, answer
from pytc.exec_proxy.agent_client import drop, fetch
from pytc.exec_proxy.map_transfer import Importer, identify, send_maps
from pytc.exec_proxy.wire import MapEntry, ObjectIdentity, encode
from tests.kernel.exec_proxy import support
from tests.kernel.exec_proxy.support import array_maps, open_descriptors
from tests.tiers import examples
from tests.waiting import until

pytestmark = pytest.mark.kernel

#: The kinds of packets that an agent sends.
KINDS = (control.OBJECT, control.PART, control.MAPS, control.DONE, control.REFUSED)
OBJECT = identify("/bin/sh")


class Serving(support.Serving):
    """An agent, and what it is sent."""

    def export(self, name: str, maps: int, *ids: int) -> list[int]:
        """Exports new maps; their kernel ids."""
        kept = len(self.agent._store)
        with array_maps(maps, *ids) as made:
            send_maps(self.path, ObjectIdentity(name), made)
            until(lambda: len(self.agent._store) > kept, "the export")
            return [one.description.id for one in made]


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path / "agent") as made:
        yield made


def kept(path: str, selector: str = "") -> list[tuple[int, str, int]]:
    """(number, name, maps) of what an agent gives."""
    result = []
    for about, received in fetch(path, selector):
        with received:
            result.append((about.number, received.identity.name, len(received.maps)))
    return result


def test_objects_by_number_and_name(serving: Serving) -> None:
    assert kept(serving.path) == []
    ids = [serving.export(name, count) for name, count in (("/a/x.o", 1), ("y.o", 65), ("/b/x.o", 2))]
    assert kept(serving.path) == [(3, "/b/x.o", 2), (2, "y.o", 65), (1, "/a/x.o", 1)]
    assert kept(serving.path, "x.o") == [(3, "/b/x.o", 2), (1, "/a/x.o", 1)]
    assert kept(serving.path, "/a/x.o") == [(1, "/a/x.o", 1)]
    assert kept(serving.path, "2") == [(2, "y.o", 65)]
    assert kept(serving.path, "z.o") == []
    (fetched,) = fetch(serving.path, "2")
    with fetched.received as received:
        assert [found.description.id for found in received.maps] == ids[1]
        assert [entry.id for entry in received.entries] == [*range(65)]
        assert fetched.about.pid == os.getpid() and fetched.about.uid == 0
    assert drop(serving.path, "x.o") == 2
    assert kept(serving.path) == [(2, "y.o", 65)]
    assert drop(serving.path, "x.o") == 0


def test_an_agent_takes_so_many_and_no_more(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OBJECTS", 2)
    for name in ("a", "b"):
        serving.export(name, 1)
    with array_maps(1) as maps:
        before = open_descriptors()
        send_maps(serving.path, OBJECT, maps)
        until(lambda: serving.said[-1].startswith("refused"), "the refusal")
        assert open_descriptors() == before
    assert [row[0] for row in kept(serving.path)] == [2, 1]


def test_a_hundred_exporters_and_importers_at_once(serving: Serving) -> None:
    with array_maps(200) as maps:

        def work(number: int) -> None:
            own = maps[2 * number : 2 * number + 2]
            send_maps(serving.path, ObjectIdentity(f"{number}.o"), own)
            until(lambda: kept(serving.path, f"{number}.o"), f"{number}.o", 60)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = {}
        for _, received in fetch(serving.path):
            with received:
                found[received.identity.name] = [m.description.id for m in received.maps]
        ids = [m.description.id for m in maps]
        assert found == {f"{n}.o": ids[2 * n : 2 * n + 2] for n in range(100)}


def converse(path: str, *sent: bytes, fds: tuple[int, ...] = ()) -> list[bytes]:
    """Sends packets to a control socket; what it answers until it ends the conversation."""
    answers: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client:
        client.settimeout(20)
        client.connect(control.control_path(path))
        for data in sent:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
            with suppress(OSError):  # one request is all that a connection is for
                client.sendmsg([data], rights)
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)
        while True:
            try:
                data, ancillary, _, _ = client.recvmsg(control.LARGEST, 4096)
            except ConnectionResetError:
                return answers
            for _, _, content in ancillary:
                for fd in struct.unpack(f"={len(content) // 4}i", content):
                    os.close(fd)
            if not data:
                return answers
            answers.append(data)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (b"x", "1 bytes"),
        (struct.pack("=HHI", 2, 1, 0), "version 2"),
        (struct.pack("=HHI", 1, 9, 0), "kind 9"),
        (struct.pack("=HHI", 1, 1, 7), "not a request"),
        (struct.pack("=HHI", 1, 17, 0), "kind 17"),
        (struct.pack("=HHI", 1, 1, 0) + b"x" * 256, "not a request"),
        (struct.pack("=HHI", 1, 1, 0) + b"x" * 5000, "descriptors"),
    ],
)
def test_wrong_requests_are_refused(serving: Serving, request_: bytes, said: str) -> None:
    (answer,) = converse(serving.path, request_)
    packet = control.decode(answer)
    assert packet.kind == control.REFUSED
    assert said in packet.payload.decode()
    assert kept(serving.path) == []


def test_descriptors_with_a_request_are_refused(serving: Serving) -> None:
    before = len(open_descriptors())
    with array_maps(1) as maps:
        (answer,) = converse(serving.path, control.encode(control.request(control.FETCH, "")), fds=(maps[0].fd,) * 5)
    assert control.decode(answer).kind == control.REFUSED
    until(lambda: len(open_descriptors()) == before, "closed descriptors")


@settings(max_examples=examples(1))
@given(
    st.lists(
        st.binary(max_size=40)
        | st.builds(
            lambda kind, number, rest: struct.pack("=HHI", 1, kind, number) + rest,
            st.integers(0, 20),
            st.integers(0, 1),
            st.binary(max_size=300),
        ),
        max_size=3,
    )
)
def test_no_request_ends_the_agent(packets: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory, Serving(Path(directory) / "agent") as serving:
        serving.export("a", 2)
        for answer in converse(serving.path, *packets):
            assert control.decode(answer).kind in KINDS
        assert serving.agent._control.socket.fileno() >= 0
        serving.export("b", 1)
        assert kept(serving.path)[0][1:] == ("b", 1)


def test_clients_that_say_nothing_do_not_keep_others_waiting(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_PATIENCE", 0.5)
    silent = []
    try:
        for _ in range(module.MAX_CONVERSATIONS + 5):
            client = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            silent.append(client)
            client.connect(control.control_path(serving.path))
        assert kept(serving.path) == []
    finally:
        for client in silent:
            client.close()


@pytest.mark.needs("host")
def test_what_is_dropped_while_it_is_sent_still_arrives_whole(serving: Serving) -> None:
    """A client that does not read: the answer does not fit into its socket, and all is dropped meanwhile."""
    before = open_descriptors()
    for number in range(20):
        serving.export(f"{number}.o", 250)
    answering = fetch(serving.path)
    first = next(answering)
    until(lambda: any(stored.readers for stored in serving.agent._store.select("")), "an object half sent")
    assert drop(serving.path, "") == 20
    rest = [*answering]
    assert 0 < len(rest) < 19, "what was not begun is gone"
    for _, received in [first, *rest]:
        with received:
            assert len(received.maps) == 250
    until(lambda: open_descriptors().keys() <= before.keys(), "closed descriptors")


def test_what_is_dropped_keeps_its_descriptors_while_it_is_sent(tmp_path: Path) -> None:
    before = open_descriptors()
    store = Store()
    with Importer(str(tmp_path / "bpf")) as importer, array_maps(100) as maps:
        send_maps(str(tmp_path / "bpf"), OBJECT, maps)
        received = importer.receive(5)
    store.add(received, 0)
    answering = answer(store, control.request(control.FETCH, ""))
    packets = [next(answering), next(answering)]
    assert store.drop("") == 1
    packets += [next(answering)]
    links = [os.readlink(f"/proc/self/fd/{fd}") for _, fds in packets for fd in fds]
    assert links == ["anon_inode:bpf-map"] * 100
    assert control.decode(next(answering)[0]) == control.ControlPacket(control.DONE, 1)
    assert open_descriptors().keys() == before.keys()


@pytest.mark.needs("host")
def test_a_client_that_goes_away_half_way(serving: Serving) -> None:
    before = open_descriptors()
    for number in range(20):
        serving.export(f"{number}.o", 250)
    answering = fetch(serving.path)
    next(answering).received.close()
    answering.close()  # type: ignore[attr-defined]
    until(lambda: not serving.agent._conversations, "the end of the conversation")
    assert drop(serving.path, "") == 20
    until(lambda: open_descriptors().keys() <= before.keys(), "closed descriptors")


class Lying:
    """A server that answers with these packets."""

    def __init__(self, path: str, answers: list[tuple[bytes, list[int]]]) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(control.control_path(path))
        self._socket.listen(1)
        self._answers = answers
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        with self._socket.accept()[0] as client:
            client.recv(1000)
            for data, fds in self._answers:
                try:
                    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
                    client.sendmsg([data], rights)
                except OSError:
                    return  # the client had enough

    def __enter__(self) -> Lying:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        self._socket.close()


def packet(kind: int, number: int = 0, payload: bytes = b"") -> bytes:
    return control.encode(control.ControlPacket(kind, number, payload))


ABOUT = control.encode(control.object_packet(control.StoredObject(1, 2, 3, 4), 1))
PART = packet(control.PART, 0, encode(OBJECT, [MapEntry(2, 4, 8, 1)])[0])
ANSWERS: list[tuple[bytes, bool]] = [
    (packet(control.DONE), False),
    (ABOUT, False),
    (PART, True),
    (PART, False),
    (b"x", False),
    (b"x", True),
    (packet(control.REFUSED, 13, b"\x1b[2Jno"), False),
    (packet(control.OBJECT, 1), False),
    (packet(99), True),
    (struct.pack("=HHI", 7, 18, 0), False),
    (packet(control.PART, 0, b"junk"), True),
]


@settings(max_examples=examples(1))
@given(st.lists(st.sampled_from(ANSWERS), max_size=4))
def test_no_answer_crashes_the_client_or_leaks(answers: list[tuple[bytes, bool]]) -> None:
    with tempfile.TemporaryDirectory() as directory, array_maps(1) as maps:
        path = f"{directory}/agent"
        before = open_descriptors()
        with Lying(path, [(data, [maps[0].fd] if rights else []) for data, rights in answers]):
            try:
                for _, received in fetch(path):
                    received.close()
            except TransferError as error:
                assert str(error).isprintable()
        assert not open_descriptors().keys() - before.keys()


def test_a_refusal_says_why(tmp_path: Path) -> None:
    path = str(tmp_path / "agent")
    with Lying(path, [(packet(control.REFUSED, 13, b"no"), [])]), pytest.raises(TransferError, match="refuses: no"):
        kept(path)


def test_the_layout_of_control_packets() -> None:
    about = control.object_packet(control.StoredObject(7, 123, 1000, 1 << 40), 3)
    assert control.encode(about) == struct.pack("=HHIIiIIq", 1, 16, 3, 7, 123, 1000, 0, 1 << 40)
    assert control.stored_object(about) == control.StoredObject(7, 123, 1000, 1 << 40)
    with pytest.raises(MessageError, match="255 bytes"):
        control.request(control.FETCH, "x" * 256)
