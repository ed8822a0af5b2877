"""Socket files: their rights from the first moment, whose they are, and what is never touched."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pytc.errors import TransferError
from pytc.exec_proxy.sockets import DATAGRAM, SEQPACKET, BoundSocket, connect
from tests.kernel.exec_proxy.support import NOBODY, as_user
from tests.processes import SOURCE, run

pytestmark = pytest.mark.kernel


@pytest.fixture(params=[0o000, 0o022, 0o077])
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    former = os.umask(request.param)
    yield request.param
    os.umask(former)


@pytest.mark.parametrize("mode", [0o600, 0o660, 0o666])
def test_the_mode_is_what_was_asked_for(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "bpf"
    with BoundSocket(str(path), DATAGRAM, mode=mode):
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.is_socket()
    assert not path.exists()


def test_the_file_never_has_more_rights_than_it_should(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file that bind(2) creates has its rights before anything else happens to it."""
    from pytc.exec_proxy import sockets

    seen: list[int] = []
    former = os.umask(0)
    real = sockets._bind

    def bind(made: socket.socket, path: str) -> None:
        real(made, path)
        seen.append(stat.S_IMODE(os.lstat(path).st_mode))

    try:
        monkeypatch.setattr(sockets, "_bind", bind)
        BoundSocket(str(tmp_path / "bpf"), DATAGRAM).close()
    finally:
        os.umask(former)
    assert seen == [0o600]


def put_file(path: Path) -> None:
    path.write_text("kept")


def put_link(path: Path) -> None:
    path.symlink_to(path.parent / "elsewhere")


def put_socket(path: Path, kind: int = DATAGRAM) -> None:
    with socket.socket(socket.AF_UNIX, kind) as made:
        made.bind(str(path))


def put_foreign_socket(path: Path) -> None:
    put_socket(path)
    os.chown(path, NOBODY, -1)


@pytest.mark.parametrize(
    ("put", "said"),
    [
        (put_file, "is not a socket"),
        (put_link, "is not a socket"),
        (Path.mkdir, "is not a socket"),
        (put_foreign_socket, f"nobody listens on of user {NOBODY}"),
    ],
)
def test_what_is_there_is_left_alone(tmp_path: Path, put: Callable[[Path], object], said: str) -> None:
    path = tmp_path / "bpf"
    put(path)
    before = path.lstat()
    with pytest.raises(TransferError, match=said) as raised:
        BoundSocket(str(path), DATAGRAM)
    assert path.lstat() == before
    assert not (tmp_path / "elsewhere").exists()
    assert bool(raised.value.hints) == (put is put_foreign_socket)


@pytest.mark.parametrize("left", [DATAGRAM, SEQPACKET])
@pytest.mark.parametrize("kind", [DATAGRAM, SEQPACKET])
def test_what_a_killed_process_left_behind_is_replaced(tmp_path: Path, left: int, kind: int) -> None:
    path = tmp_path / "bpf"
    put_socket(path, left)
    with BoundSocket(str(path), kind), pytest.raises(TransferError, match="somebody listens there"):
        BoundSocket(str(path), kind)
    assert not path.exists()


def test_what_is_left_behind_is_replaced_by_one_command(tmp_path: Path) -> None:
    """Whoever holds the lock of the directory is about to replace it, or keeps others from it."""
    path = tmp_path / "bpf"
    put_socket(path)
    directory = os.open(tmp_path, os.O_RDONLY)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX)
        with pytest.raises(TransferError, match="nobody listens on") as raised:
            BoundSocket(str(path), DATAGRAM)
    finally:
        os.close(directory)
    assert raised.value.hints == (f'a killed process left it behind; remove it with "rm {path}"',)


def test_a_socket_in_use(tmp_path: Path) -> None:
    path = str(tmp_path / "bpf")
    for kind in (DATAGRAM, SEQPACKET):
        with BoundSocket(path, kind), pytest.raises(TransferError, match="somebody listens there") as raised:
            BoundSocket(path, DATAGRAM)
        assert not raised.value.hints


def test_only_its_own_file_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "bpf"
    with BoundSocket(str(path), DATAGRAM):
        path.unlink()
        put_file(path)
    assert path.read_text() == "kept"
    path.unlink()
    with BoundSocket(str(path), DATAGRAM) as one:
        path.unlink()
        with BoundSocket(str(path), DATAGRAM):
            one.close()
            assert path.is_socket(), "another's socket under the same name"


@pytest.mark.parametrize(("mode", "allowed"), [(0o755, True), (0o1777, True), (0o777, False), (0o775, True)])
def test_the_directory(open_directory: Path, mode: int, allowed: bool) -> None:
    open_directory.chmod(mode)
    path = str(open_directory / "bpf")
    if allowed:
        BoundSocket(path, DATAGRAM).close()
    else:
        with pytest.raises(TransferError, match="other users can replace"):
            BoundSocket(path, DATAGRAM)
    assert not [*open_directory.iterdir()]


def test_a_directory_that_a_foreign_group_may_write_to(open_directory: Path) -> None:
    os.chown(open_directory, 0, NOBODY)
    open_directory.chmod(0o775)
    with pytest.raises(TransferError, match="other users can replace"):
        BoundSocket(str(open_directory / "bpf"), DATAGRAM)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("", "needs a path"),
        ("/x" * 100, "too long"),
        ("/nowhere/bpf", "No such file"),
        ("/proc/self/bpf", "No such file"),
    ],
)
def test_paths_that_cannot_be(path: str, said: str) -> None:
    with pytest.raises(TransferError, match=said):
        BoundSocket(path, DATAGRAM)


def test_an_owner_can_be_given_by_root_only(open_directory: Path) -> None:
    path = open_directory / "bpf"
    with BoundSocket(str(path), DATAGRAM, owner=NOBODY):
        assert path.stat().st_uid == NOBODY
    open_directory.chmod(0o1777)
    assert "EPERM" in as_user(NOBODY, lambda: BoundSocket(str(path), DATAGRAM, owner=NOBODY - 1))
    assert not path.exists()


class Theirs:
    """A socket that another user made, listening for as long as the block runs."""

    def __init__(self, path: Path, kind: int = DATAGRAM, owner: int = NOBODY) -> None:
        self.socket = socket.socket(socket.AF_UNIX, kind)
        self.socket.bind(str(path))
        os.chown(path, owner, owner)
        if kind != DATAGRAM:
            self.socket.listen(1)

    def __enter__(self) -> Theirs:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()


@pytest.mark.parametrize(
    ("mode", "refusal"), [(0o755, ""), (0o1777, f"belongs to user {NOBODY}"), (0o777, "other users can replace")]
)
def test_anothers_socket_in_a_shared_directory_is_not_used(open_directory: Path, mode: int, refusal: str) -> None:
    open_directory.chmod(mode)
    path = open_directory / "bpf"
    with Theirs(path):
        if not refusal:
            connect(str(path), DATAGRAM, timeout=1).close()
        else:
            with pytest.raises(TransferError, match=refusal):
                connect(str(path), DATAGRAM, timeout=1)


def refused(path: Path, match: str) -> None:
    """Neither an export nor an import takes a path."""
    with pytest.raises(TransferError, match=match):
        connect(str(path), DATAGRAM, timeout=1)
    with pytest.raises(TransferError, match=match):
        BoundSocket(f"{path}2", DATAGRAM)


@pytest.mark.parametrize("mode", [0o755, 0o700, 0o1777])
def test_the_directory_of_another_user(open_directory: Path, mode: int) -> None:
    """Its owner could have put the socket there, whoever owns that."""
    open_directory.chmod(0o1777)
    directory = open_directory / "theirs"
    directory.mkdir()
    directory.chmod(mode)
    os.chown(directory, NOBODY, NOBODY)
    with Theirs(directory / "bpf", owner=0):
        refused(directory / "bpf", f'"{directory}" belongs to user {NOBODY}')


def test_a_link_to_the_directory_of_another_user(open_directory: Path) -> None:
    theirs = open_directory / "theirs"
    theirs.mkdir()
    os.chown(theirs, NOBODY, NOBODY)
    (open_directory / "link").symlink_to("theirs")
    with Theirs(theirs / "bpf"):
        refused(open_directory / "link" / "bpf", f'"{theirs}" belongs to user {NOBODY}')


def test_a_link_to_a_directory_of_ones_own(open_directory: Path) -> None:
    (open_directory / "ours").mkdir()
    (open_directory / "link").symlink_to("ours")
    with BoundSocket(str(open_directory / "link" / "bpf"), DATAGRAM) as bound:
        assert bound.path == str(open_directory / "ours" / "bpf")
        connect(str(open_directory / "link" / "bpf"), DATAGRAM, timeout=1).close()


def test_a_directory_that_others_can_rename(open_directory: Path) -> None:
    (open_directory / "ours").mkdir()
    with BoundSocket(str(open_directory / "ours" / "bpf"), DATAGRAM):
        open_directory.chmod(0o777)
        refused(open_directory / "ours" / "bpf", f'other users can replace what is in "{open_directory}"')
        open_directory.chmod(0o1777)
        connect(str(open_directory / "ours" / "bpf"), DATAGRAM, timeout=1).close()


def test_a_link_to_a_socket_is_not_followed(tmp_path: Path) -> None:
    with BoundSocket(str(tmp_path / "bpf"), DATAGRAM):
        (tmp_path / "link").symlink_to(tmp_path / "bpf")
        with pytest.raises(TransferError, match="symbolic link"):
            connect(str(tmp_path / "link"), DATAGRAM, timeout=1)


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/etc/passwd", "is not a socket"),
        ("/", "is not a socket"),
        ("/nowhere", "No such file"),
        ("", "a socket needs a path"),
    ],
)
def test_what_is_no_socket(path: str, said: str) -> None:
    with pytest.raises(TransferError, match=said):
        connect(path, DATAGRAM, timeout=1)


def test_who_listens_is_who_owns_the_file(open_directory: Path) -> None:
    """SO_PEERCRED: here the file belongs to one user and another listens."""
    path = open_directory / "control"
    with Theirs(path, SEQPACKET, owner=NOBODY):
        connect(str(path), SEQPACKET, timeout=1).close()  # root listens, whom everybody trusts
        path.chmod(0o666)
        assert not as_user(NOBODY, lambda: connect(str(path), SEQPACKET, timeout=1).close())
    path.unlink()
    open_directory.chmod(0o777)
    readable, writable = os.pipe()
    pid = os.fork()
    if not pid:
        os.setresuid(NOBODY, NOBODY, NOBODY)
        made = socket.socket(socket.AF_UNIX, SEQPACKET)
        made.bind(str(path))
        made.listen(5)
        os.write(writable, b"x")
        signal.pause()
        os._exit(0)
    try:
        assert os.read(readable, 1) == b"x"
        open_directory.chmod(0o755)
        connect(str(path), SEQPACKET, timeout=1).close()
        os.chown(path, NOBODY - 1, NOBODY - 1)
        with pytest.raises(TransferError, match=f"of user {NOBODY}, not its owner, user {NOBODY - 1}"):
            connect(str(path), SEQPACKET, timeout=1)
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
        os.close(readable)
        os.close(writable)


def test_what_is_sent_at_the_first_moment_says_who_sent_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials are asked for before the path exists."""
    from pytc.exec_proxy import sockets

    real = sockets._bind

    def bind(made: socket.socket, path: str) -> None:
        real(made, path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"x", path)

    monkeypatch.setattr(sockets, "_bind", bind)
    with BoundSocket(str(tmp_path / "bpf"), DATAGRAM) as made:
        packet = sockets.receive(made.socket, 10)
    assert packet.data == b"x"
    assert packet.sender is not None and packet.sender.pid == os.getpid()


def test_a_listener_with_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    path = str(tmp_path / "bpf")
    with BoundSocket(path, SEQPACKET) as listener:
        listener.socket.listen(0)
        waiting = [connect(path, SEQPACKET, timeout=1)]
        with pytest.raises(TransferError, match="EAGAIN") as raised:
            connect(path, SEQPACKET, timeout=1)
        for one in waiting:
            one.close()
    assert "busy" in raised.value.hints[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_at_the_worst_moment_leaves_no_file(tmp_path: Path, number: signal.Signals) -> None:
    """It comes when the file is there and nobody has noted yet that it was made."""
    script = f"""
import os
from pytc.exec_proxy import sockets
from pytc.signal_blocks import unwind_on_signals
real = sockets._bind
def bind(made, path):
    real(made, path)
    os.kill(os.getpid(), {int(number)})
sockets._bind = bind
try:
    with unwind_on_signals(), sockets.BoundSocket({str(tmp_path / "bpf")!r}, sockets.DATAGRAM):
        print("not interrupted")
except KeyboardInterrupt:
    os._exit(130)
"""
    done = run(sys.executable, "-c", script, env=SOURCE)
    assert done == (130 if number == signal.SIGINT else -number, "", "")
    assert not [*tmp_path.iterdir()]
