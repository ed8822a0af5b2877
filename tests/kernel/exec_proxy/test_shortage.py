"""Agents and imports when memory, descriptors or patience run out: nothing that is stored is lost."""

from __future__ import annotations

import errno
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from pytc.errors import MessageError, TransferError
from pytc.exec_proxy import agent as agent_module
from pytc.exec_proxy import agent_wire as control
from pytc.exec_proxy import map_transfer, sockets
from pytc.exec_proxy.agent_client import drop, list_objects
from pytc.exec_proxy.map_transfer import Importer, identify, send_maps
from pytc.exec_proxy.remarks import FewRemarks
from pytc.exec_proxy.sockets import DATAGRAM, BoundSocket
from pytc.exec_proxy.wire import ObjectIdentity
from tests.faults import Call, Fault, trace
from tests.kernel.exec_proxy.support import Serving, array_maps, send_raw
from tests.processes import PYTC, SOURCE, run
from tests.waiting import until

pytestmark = pytest.mark.kernel

OBJECT = identify("/bin/sh")


@contextmanager
def _agent_process(path: Path, *before: str) -> Iterator[subprocess.Popen[str]]:
    words = [*before, *PYTC, "exec", "bpf", "agent", str(path)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env={**os.environ, **SOURCE}) as process:
        try:
            until(lambda: Path(f"{path}.control").exists(), "the agent")
            yield process
        finally:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            for pid in [*map(int, children), process.pid]:  # strace passes no signal on
                with suppress(ProcessLookupError):
                    os.kill(pid, 15)
            process.wait(30)


@pytest.mark.parametrize(
    "fault",
    [
        "recvmsg:error=ENOMEM:when=1",
        "recvmsg:error=ENOBUFS:when=2",
        "recvmsg:error=EPERM:when=1..3",
        "poll:error=ENOMEM:when=1",
        "poll:error=EPERM:when=2..3",
        "accept4:error=ENOMEM:when=1",
        "accept4:error=EMFILE:when=1",
        "accept4:error=EPERM:when=1..2",
        "getsockopt:error=ENOMEM:when=1",
    ],
)
def test_no_error_ends_an_agent(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "a"
    with _agent_process(path, "strace", "-f", "-o", "/dev/null", "-e", f"inject={fault}") as process:
        with array_maps(2) as maps:
            for name in ("one.o", "two.o"):
                send_maps(str(path), ObjectIdentity(name), maps[: len(name) - 4])
                time.sleep(0.05)
            send_maps(str(path), ObjectIdentity("three.o"), maps[1:])
            names: list[str] = []

            def both() -> bool:
                with suppress(TransferError):  # a client that the fault meets is refused, and asks again
                    names[:] = [listed.name for listed in list_objects(str(path))]
                return "three.o" in names

            until(both, "what was exported")
        assert process.poll() is None


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    with Serving(tmp_path / "a") as made:
        yield made


def test_a_list_takes_no_descriptors(serving: Serving) -> None:
    with array_maps(100) as maps:
        for name in ("some.o", "other.o"):
            send_maps(serving.path, ObjectIdentity(name), maps[: 70 if name == "some.o" else 100])
        until(lambda: len(serving.agent._store) == 2, "the exports")
        numbers = [map.description.id for map in maps]
        listed = list_objects(serving.path)
        assert [(one.name, [map.number for map in one.maps]) for one in listed] == [
            ("other.o", numbers),
            ("some.o", numbers[:70]),
        ]
        assert listed[0].maps[3][1:] == (2, 4, 8, 1, numbers[3], "m3")
        shown = run("prlimit", "--nofile=8:8", *PYTC, "exec", "bpf", "agent", serving.path, "list", env=SOURCE)
        assert (shown.status, shown.err) == (0, "")
        assert shown.out.count("array key 4B value 8B") == 170


def test_an_older_agent_is_listed_by_its_maps(serving: Serving, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = agent_module.answer

    def of_old(store: agent_module.Store, request: control.ControlPacket) -> agent_module.Outgoing:
        if request.kind == control.LIST:
            raise MessageError(f"packet of kind {request.kind} with {len(request.payload)} bytes is not a request")
        return answer(store, request)

    with array_maps(3) as maps:
        send_maps(serving.path, OBJECT, maps)
        until(lambda: len(serving.agent._store) == 1, "the export")
        new = list_objects(serving.path)
        monkeypatch.setattr(agent_module, "answer", of_old)
        assert list_objects(serving.path) == new


def test_an_import_raises_its_limit_and_hands_the_old_one_on(tmp_path: Path) -> None:
    path = tmp_path / "s"
    words = ("exec", "bpf", "import", str(path), "run", "sh", "-c", "echo $BPF_NUM_MAPS; ulimit -Sn")
    command = ["prlimit", "--nofile=64:", *PYTC, *words]
    with (
        array_maps(200) as maps,
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **SOURCE}) as process,
    ):
        until(path.exists, "the importer")
        send_maps(str(path), OBJECT, maps)
        assert process.communicate(timeout=30)[0] == "200\n64\n"


def test_what_was_truncated_names_the_limit(tmp_path: Path) -> None:
    path = tmp_path / "s"
    words = ("exec", "bpf", "import", str(path), "timeout", "1", "run", "true")
    command = ["prlimit", "--nofile=16:16", *PYTC, *words]
    with (
        array_maps(40) as maps,
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, **SOURCE}) as process,
    ):
        until(path.exists, "the importer")
        send_maps(str(path), OBJECT, maps)
        assert "it may have 16 of them (ulimit -n)" in process.communicate(timeout=30)[1]


def test_refusals_do_not_fill_a_log(serving: Serving) -> None:
    for _ in range(300):
        send_raw(serving.path, b"junk", [])
    for _ in range(30):
        with suppress(TransferError):
            drop(serving.path, "x" * 300)
    with array_maps(1) as maps:
        send_maps(serving.path, OBJECT, maps)
        until(lambda: len(serving.agent._store) == 1, "the export")
    assert len(serving.said) == 22
    assert serving.said[20] == "more of the kind is counted, and not reported for 60 seconds"
    assert serving.said[21].startswith("1: 1 maps of /bin/sh")


def test_remarks_are_made_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    said: list[str] = []
    remarks = FewRemarks(said.append, 2)
    for number in range(5):
        remarks(str(number))
    now += 61
    remarks("later")
    assert said == [
        "0",
        "1",
        "more of the kind is counted, and not reported for 60 seconds",
        "3 more of the kind were not reported",
        "later",
    ]


def test_an_import_waits_out_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [OSError(errno.ENOMEM, "x"), OSError(errno.ENOBUFS, "y")]
    receive = sockets.receive

    def short_of_memory(*words: object) -> sockets.Message:
        if failing:
            raise failing.pop()
        return receive(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(map_transfer, "receive", short_of_memory)
    said: list[str] = []
    with Importer(str(tmp_path / "s"), refused=said.append) as importer, array_maps(2) as maps:
        send_maps(str(tmp_path / "s"), OBJECT, maps)
        with importer.receive(10) as received:
            assert len(received.maps) == 2
    assert len(said) == 2 and said[0].startswith("cannot receive for the moment: ")


def _sender(path: Path, stop: threading.Event) -> None:
    with array_maps(2) as maps:
        while not stop.is_set():
            if path.exists():
                with suppress(TransferError):
                    send_maps(str(path), OBJECT, maps)
                    return
            time.sleep(0.01)


def test_an_import_leaves_no_socket_behind(tmp_path: Path) -> None:
    path = tmp_path / "s"
    words = ["exec", "bpf", "import", str(path), "timeout", "2", "run", "true"]

    def attempt(fault: Fault | None = None) -> tuple[int, str, list[Call]]:
        stop = threading.Event()
        sending = threading.Thread(target=_sender, args=(path, stop))
        sending.start()
        try:
            outcome, calls, _ = trace(words, {}, fault)
        finally:
            stop.set()
            sending.join()
        return outcome.status, outcome.err, calls

    status, _, calls = attempt()
    assert status == 0
    relevant = (
        "socket",
        "setsockopt",
        "fchmod",
        "bind",
        "newfstatat",
        "openat",
        "recvmsg",
        "poll",
        "unlink",
        "readlink",
    )
    for call in calls:
        if call.name not in relevant or (call.name in ("newfstatat", "openat") and str(path) not in call.arguments):
            continue
        for what in ("error=ENOMEM", "error=EPERM", "signal=SIGTERM"):
            status, err, _ = attempt(Fault(call, what))
            assert "Traceback" not in err and "Exception ignored" not in err, (call, what, err)
            assert not path.exists() or (status and "cannot remove the socket" in err), (call, what, status, err)
            path.unlink(missing_ok=True)


def test_a_socket_that_cannot_be_made_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: int) -> None:
        raise OSError(errno.ENFILE, "x")

    monkeypatch.setattr(sockets, "open_socket", fails)
    with pytest.raises(TransferError, match=r"cannot make a socket at .*ENFILE"):
        BoundSocket(str(tmp_path / "s"), DATAGRAM)
    with pytest.raises(TransferError, match=r"cannot connect to .*ENFILE"):
        sockets.connect(str(tmp_path / "s"), DATAGRAM, timeout=1)
