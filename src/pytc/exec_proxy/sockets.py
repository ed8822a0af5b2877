"""Use Unix sockets with a path, and messages with descriptors on them.

Sockets are created, found and removed so that nobody else can slip something in between. The rules follow those of the
kernel's fs.protected_regular:

- A socket file gets its mode before it exists; a path that exists is never taken over, whatever it is, but for a socket
  of this user that no process has open: one that was killed has left it behind.
- Only the file that was created here is removed again.
- Every directory on the path, once symbolic links are resolved, belongs to root or to this user, and is writable by
  others only if it is sticky: whoever could rename one could put another socket in place (sshd(8) has the same rule).
- In a sticky directory that others may write to, a socket is used only when it belongs to root or to this user.
- A symbolic link in place of a socket is not followed.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
import struct

from pytc.bpf.sys.descriptor import OwnedFd
from pytc.closing import Closing
from pytc.contexts import suppress
from pytc.errors import TransferError, strerror
from pytc.signals import block_signals
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

#: SD_LISTEN_FDS_START, and more digits than a number of descriptors has.
_FIRST_GIVEN, _FEW_DIGITS = 3, 5
_FLAGS = socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
DATAGRAM = socket.SOCK_DGRAM
SEQPACKET = socket.SOCK_SEQPACKET
_LONGEST_PATH = 107
_CREDENTIALS = struct.Struct("=iII")
_TIMEVAL = struct.Struct("@ll")
_SCM_MAX_FD = 253  # include/net/scm.h: the most descriptors that a message can carry
_ANCILLARY = socket.CMSG_SPACE(4 * _SCM_MAX_FD) + socket.CMSG_SPACE(_CREDENTIALS.size)


class Credentials(NamedTuple):
    """The process at the other end, from the kernel (``struct ucred``)."""

    pid: int
    uid: int
    gid: int

    def __str__(self) -> str:
        return f"process {self.pid} of user {self.uid}"


def parse_credentials(data: bytes) -> Credentials | None:
    """Return the credentials of a ``struct ucred``; None for other lengths."""
    return Credentials(*_CREDENTIALS.unpack(data)) if len(data) == _CREDENTIALS.size else None


def is_trusted(uid: int, others: Collection[int] = ()) -> bool:
    """Return whether a user may take part: root, this user, and ``others``."""
    return uid in (0, os.geteuid()) or uid in others


def open_socket(kind: int) -> socket.socket:
    """Open a Unix socket, which no child inherits."""
    return socket.socket(socket.AF_UNIX, kind | socket.SOCK_CLOEXEC)


class BoundSocket(Closing):
    """A socket bound at a path; owns both, and removes the file with :meth:`close` if it is still the one it created.

    A datagram socket receives the credentials of senders (SO_PASSCRED). ``mode`` are the permissions of the file,
    ``owner`` the user who gets it (-1: nobody else). Where one of the ``given`` descriptors is bound there, it is that
    socket, and its file stays as it is. Raises TransferError.
    """

    def __init__(self, path: str, kind: int, *, mode: int = 0o600, owner: int = -1, given: Iterable[int] = ()) -> None:
        self._file_id: tuple[int, int] | None = None
        self.path = path
        if (adopted := _adopt(path, kind, given)) is not None:
            self.socket = adopted
            return
        try:
            self.socket = open_socket(kind)
        except OSError as error:
            raise _transfer_error("make a socket at", path, error) from error
        try:
            self.path = path = _safe_path(path)
            if kind == DATAGRAM:  # before anybody can send: what is sent earlier comes without credentials
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            os.fchmod(self.socket.fileno(), mode)  # bind(2) gives the file the mode of the socket, less the umask
            with block_signals():
                _bind(self.socket, path)
                try:
                    status = os.lstat(path)
                except OSError:
                    os.unlink(path)  # which bind(2) has just made
                    raise
                self._file_id = status.st_dev, status.st_ino
            self._set_owner(mode, owner)
        except BaseException as error:
            with suppress(TransferError):
                self.close()
            if isinstance(error, OSError):
                raise _transfer_error("make a socket at", path, error) from error
            raise

    def _set_owner(self, mode: int, owner: int) -> None:
        """Set owner and mode, of which the umask took bits, on the file that was made, not on one that replaced it."""
        with _open_path(self.path) as file:
            status = os.fstat(file.fd)
            if (status.st_dev, status.st_ino) != self._file_id or not stat.S_ISSOCK(status.st_mode):
                raise TransferError(f'"{self.path}" is not the socket created there')
            name = _by_descriptor(file.fd)
            if owner >= 0:
                os.chown(name, owner, -1)
            if stat.S_IMODE(status.st_mode) != mode:
                os.chmod(name, mode)

    def close(self) -> None:
        """Close the socket and remove its file; a second call does nothing.

        Raises TransferError where the file stays.
        """
        self.socket.close()
        with block_signals():
            file, self._file_id = self._file_id, None
            if file is None:
                return
            try:
                status = os.lstat(self.path)
                if (status.st_dev, status.st_ino) == file:
                    os.unlink(self.path)
            except FileNotFoundError:
                return  # somebody removed it already
            except OSError as error:
                raise _transfer_error("remove the socket", self.path, error) from error

    def __del__(self) -> None:
        if hasattr(self, "socket"):  # for what a signal interrupts before anybody else has it
            with suppress(TransferError):
                self.close()


def given_descriptors(environment: Mapping[str, str]) -> range:
    """Return the descriptors that a service manager has passed to this process (sd_listen_fds(3))."""
    pid, count = environment.get("LISTEN_PID", ""), environment.get("LISTEN_FDS", "")
    is_ours = pid == str(os.getpid()) and count.isascii() and count.isdigit() and len(count) < _FEW_DIGITS
    return range(_FIRST_GIVEN, _FIRST_GIVEN + int(count) if is_ours else _FIRST_GIVEN)


def _adopt(path: str, kind: int, given: Iterable[int]) -> socket.socket | None:
    """Return the socket among descriptors that is bound at a path, None without one."""
    for fd in given:
        try:
            sock = socket.socket(fileno=fd)
        except OSError:
            continue  # no socket
        if (sock.family, sock.type & ~_FLAGS, sock.getsockname()) == (socket.AF_UNIX, kind, path):
            sock.set_inheritable(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, int(kind == DATAGRAM))
            return sock
        sock.detach()
    return None


def _bind(sock: socket.socket, path: str) -> None:
    try:
        sock.bind(path)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            if _bind_in_place(sock, path):
                return
            what = _describe_path(path)
            hint = (f'a killed process left it behind; remove it with "rm {path}"',)
            raise TransferError(
                f'cannot make a socket at "{path}": {what}',
                errno=errno.EEXIST,
                hints=hint if what.startswith(_STALE) else (),
            ) from error
        raise


def _bind_in_place(sock: socket.socket, path: str) -> bool:
    """Bind in place of a socket that a killed process of this user left behind; return whether there was one.

    Of several commands that find it, one has the lock of the directory: no other may remove what that one then makes.
    """
    try:
        directory = os.open(os.path.dirname(path) or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False  # without the right to list it, there is no lock
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)  # in a shared directory, anybody may hold it for ever
        if _describe_path(path) != _STALE:
            return False
        os.unlink(path)
        sock.bind(path)
    except OSError:
        return False
    finally:
        os.close(directory)
    return True


_STALE = "a socket exists there that nobody listens on"


def _describe_path(path: str) -> str:
    try:
        status = os.lstat(path)
    except OSError:
        return "something existed there"
    if not stat.S_ISSOCK(status.st_mode):
        return "a file exists there that is not a socket"
    whose = "" if status.st_uid == os.geteuid() else f" of user {status.st_uid}"
    probe = open_socket(DATAGRAM)
    result = probe.connect_ex(path)  # has no effect on who listens, unlike that of a stream
    probe.close()
    if result == errno.ECONNREFUSED:
        return f"{_STALE}{whose}"
    return f"somebody{whose} listens there" if result in (0, errno.EPROTOTYPE) else f"a socket{whose} exists there"


def _safe_path(path: str) -> str:
    """Return a path without symbolic links in place of its directories; raises TransferError where others than root and
    this user could exchange one of them."""
    if not path or "\0" in path:
        raise TransferError("a socket needs a path")
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise TransferError(f'"{path}" is too long for a socket: the limit is {_LONGEST_PATH} bytes')
    parent = os.path.realpath(os.path.dirname(path) or ".", strict=True)
    directory = "/"
    for name in parent.split("/"):
        directory = os.path.join(directory, name)
        _check_directory(directory, path)
    if parent == os.path.abspath(os.path.dirname(path)):
        return path
    resolved = os.path.join(parent, os.path.basename(path))
    # A socket's address has no more room; what the user has given leads to the same file.
    return resolved if len(os.fsencode(resolved)) <= _LONGEST_PATH else path


def _check_directory(directory: str, path: str) -> None:
    status = os.lstat(directory)
    if not is_trusted(status.st_uid):
        raise TransferError(
            f'"{directory}" belongs to user {status.st_uid}, who could put another socket at "{path}"',
            errno=errno.EPERM,
        )
    if _shared(status) and not status.st_mode & stat.S_ISVTX:
        raise TransferError(
            f'other users can replace what is in "{directory}", which they can write to and is not sticky: '
            f'one could put another socket at "{path}"',
            errno=errno.EPERM,
        )


def _shared(directory: os.stat_result) -> bool:
    """Return whether others than its owner and root may write to a directory."""
    if directory.st_mode & stat.S_IWOTH:
        return True
    return bool(directory.st_mode & stat.S_IWGRP) and directory.st_gid not in (0, os.getegid())


def _open_path(path: str) -> OwnedFd:
    """Open a file of any type, without following a link: for fstat(2) and :func:`_by_descriptor`."""
    return OwnedFd(os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC))


def _by_descriptor(fd: int) -> str:
    """Return a path that leads to just this open file."""
    return f"/proc/self/fd/{fd}"


def connect(path: str, kind: int, *, timeout: float) -> socket.socket:
    """Connect to the socket at a path; ``timeout`` in whole seconds is for this and each later call on it.

    Raises TransferError, also where somebody else's socket stands in a shared directory.
    """
    try:
        sock = open_socket(kind)
    except OSError as error:
        raise _transfer_error("connect to", path, error) from error
    try:
        with _open_path(_safe_path(path)) as file:
            _check_socket(path, os.fstat(file.fd))
            # A time limit of Python's would make a listener with a full queue look like a failure.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEVAL.pack(int(timeout), 0))
            sock.connect(_by_descriptor(file.fd))
            sock.settimeout(timeout)
            _check_peer(path, kind, sock, os.fstat(file.fd).st_uid)
    except BaseException as error:
        sock.close()
        if isinstance(error, OSError):
            raise _transfer_error("connect to", path, error) from error
        raise
    return sock


def _check_socket(path: str, file: os.stat_result) -> None:
    if stat.S_ISLNK(file.st_mode):
        raise TransferError(f'"{path}" is a symbolic link; pytc does not follow one to a socket', errno=errno.ELOOP)
    if not stat.S_ISSOCK(file.st_mode):
        raise TransferError(f'"{path}" is not a socket', errno=errno.ENOTSOCK)
    if _shared(os.stat(os.path.dirname(path) or ".")) and not is_trusted(file.st_uid):
        raise TransferError(
            f'the socket "{path}" belongs to user {file.st_uid}, who could have put it there: its directory is shared',
            errno=errno.EPERM,
        )


def peer(sock: socket.socket) -> Credentials | None:
    """Return the credentials of the other end of a connection (SO_PEERCRED); None where the kernel has none."""
    return parse_credentials(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))


def _check_peer(path: str, kind: int, sock: socket.socket, owner: int) -> None:
    """Raise TransferError where another user listens than the owner of the file; datagram sockets cannot tell."""
    if kind == DATAGRAM:
        return
    other = peer(sock)
    if other is None or not is_trusted(other.uid, (owner,)):
        raise TransferError(
            f'the listener on "{path}" is {other or "unknown"}, not its owner, user {owner}', errno=errno.EPERM
        )


_LIKELY = {
    errno.ECONNREFUSED: "nobody listens there any more",
    errno.EPROTOTYPE: "the listener is not an importer",
    errno.EACCES: "its permissions do not allow this user",
    errno.EAGAIN: "the listener is busy with others",
}


def _transfer_error(do: str, path: str, error: OSError) -> TransferError:
    likely = _LIKELY.get(error.errno or 0) if do == "connect to" else None
    return TransferError(
        f'cannot {do} "{path}": {strerror(error.errno or 0)}', errno=error.errno, hints=(likely,) if likely else ()
    )


class Message(NamedTuple):
    """A message with its descriptors, which are open and belong to whoever has the message.

    ``truncated`` says that bytes or descriptors are missing; ``sender`` is None where the socket does not ask for
    credentials. ``address`` is the sender's, if any.
    """

    data: bytes
    descriptors: tuple[OwnedFd, ...]
    sender: Credentials | None
    truncated: bool
    address: bytes

    def close(self) -> None:
        """Close the descriptors."""
        for descriptor in self.descriptors:
            descriptor.close()


def receive(sock: socket.socket, largest: int) -> Message:
    """Receive the next message, of at most ``largest`` bytes; raises OSError."""
    data, ancillary, flags, address = sock.recvmsg(largest, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
    descriptors: list[OwnedFd] = []
    sender = None
    for level, kind, content in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors += [
                OwnedFd(fd) for fd in struct.unpack(f"={len(content) // 4}i", content[: len(content) // 4 * 4])
            ]
        elif level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            sender = parse_credentials(content)
    truncated = bool(flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC))
    encoded = address if isinstance(address, bytes) else str(address or "").encode("utf-8", "surrogateescape")
    return Message(data, tuple(descriptors), sender, truncated, encoded)


def send(sock: socket.socket, data: bytes, fds: Sequence[int] = ()) -> None:
    """Send one message with descriptors; raises OSError."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack(f"={len(fds)}i", *fds))] if fds else []
    sock.sendmsg([data], rights)
