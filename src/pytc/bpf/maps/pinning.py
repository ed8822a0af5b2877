"""Pin maps in tc's hierarchy in a bpffs.

``<mnt>/tc/globals/MAP`` for PIN_GLOBAL_NS and libbpf's by-name pinning, ``<mnt>/tc/SHA1/MAP`` for PIN_OBJECT_NS,
``<mnt>/PATH/MAP`` for the other numbers, which bpf_pinning translates; ``<mnt>/ip`` and ``<mnt>/xdp`` are symbolic
links to ``<mnt>/tc``.
"""

from __future__ import annotations

import errno
import os
import stat

from pytc.bpf.maps.pin_location import location_remarks
from pytc.bpf.maps.pin_lock import PinLock
from pytc.bpf.object.spec import PIN_GLOBAL_NS, PIN_NONE, PIN_OBJECT_NS
from pytc.bpf.sys.files import is_bpffs
from pytc.bpf.sys.mounts import find_mounts
from pytc.bpf.sys.pins import pin
from pytc.contexts import suppress
from pytc.errors import BpfSyscallError, PinError, PytcError, strerror
from pytc.libc import mount
from pytc.signals import block_signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytc.bpf.object.spec import MapSpec, ObjectSpec

DEFAULT_MOUNT = "/sys/fs/bpf"
PINNING_FILES = ("/etc/iproute2/bpf_pinning", "/usr/share/iproute2/bpf_pinning")
_LINKS = ("ip", "xdp")
#: How often it is tried to remove what was made.
_ATTEMPTS = 3


class PinRoot:
    """A bpffs and tc's directories in it; ``mount`` is the value of TC_BPF_MNT, or empty for the bpffs of this machine.

    Keeps a list of what it creates; :meth:`undo` removes just that, in reverse. Each load works on a :meth:`fresh`
    copy, so that a failed one takes nothing from another. The bpffs is looked for, and mounted when there is none, once
    a map needs a pin; ``remarks`` then tell users if it is not where they expect it. From :meth:`lock` on, no other
    command looks at pins until :meth:`release`; a caller that passes a ``lock`` decides itself when it ends.
    """

    def __init__(
        self, mount: str = "", *, pinning_files: tuple[str, ...] = PINNING_FILES, lock: PinLock | None = None
    ) -> None:
        self._preferred = mount
        self._files = pinning_files
        self._mount = ""
        self.remarks: tuple[str, ...] = ()
        self._created: list[str] = []
        self._shared_lock = lock
        self._lock = lock if lock is not None else PinLock()

    @classmethod
    def unmounted(cls, mount: str = "") -> PinRoot:
        """Return a pin root for reading only: it mounts no bpffs if there is none."""
        root = cls(mount)
        root._mount = find_mount(mount) or mount or DEFAULT_MOUNT
        root.remarks = location_remarks(root._mount, mount or DEFAULT_MOUNT, is_new=False)
        return root

    def fresh(self) -> PinRoot:
        """Return a copy that has created nothing so far."""
        other = PinRoot(self._preferred, pinning_files=self._files, lock=self._shared_lock)
        other._mount = self._mount
        return other

    @property
    def mount(self) -> str:
        """The mount point; mounts a bpffs (mode 0700) when there is none. Raises PinError."""
        if not self._mount:
            expected, known = self._preferred or DEFAULT_MOUNT, find_mount(self._preferred)
            self._mount = known or mount_bpffs(expected)
            self.remarks = location_remarks(self._mount, expected, is_new=not known)
        return self._mount

    def path_for(self, spec: MapSpec, owner: ObjectSpec) -> str:
        """Return the path of a map's pin, empty for a map that is not pinned.

        Raises PinError for an unknown pinning number, and for a name that no file can have.
        """
        if spec.pinning == PIN_NONE:
            return ""
        if "/" in spec.name or spec.name in ("", ".", ".."):
            raise PinError(f'map "{spec.name}": "{spec.name}" is not a valid name for a pin')
        return os.path.join(self.mount, self._directory(spec, owner), spec.name)

    def _directory(self, spec: MapSpec, owner: ObjectSpec) -> str:
        if spec.pinning == PIN_GLOBAL_NS:
            return "tc/globals"
        if spec.pinning == PIN_OBJECT_NS:
            return f"tc/{owner.digest}"
        custom = read_pinning_files(self._files)
        if spec.pinning not in custom:
            raise PinError(
                f'map "{spec.name}": pinning {spec.pinning} is not in {" or ".join(self._files)}',
                hints=(f'add a line like "{spec.pinning} tc/my_maps" to {self._files[0]}',),
            )
        return custom[spec.pinning]

    def _directories(self, path: str) -> Iterator[str]:
        current = self.mount
        for part in os.path.relpath(os.path.dirname(path), current).split("/"):
            current = os.path.join(current, part)
            yield current

    def lock(self) -> None:
        """Wait until no other command looks at pins or creates any; raises PinError when one does for 30 seconds.

        Creates tc's directory, which carries the lock.
        """
        directory = os.path.join(self.mount, "tc")
        while not self._lock.is_held:
            self._check_owner(self.mount)
            self._make_directory(directory)
            try:
                is_locked = self._lock.acquire(directory)
            except FileNotFoundError:
                is_locked = False
            except OSError as error:
                raise PinError(f'cannot lock "{directory}": {strerror(error.errno or 0)}', errno=error.errno) from error
            if not is_locked and directory in self._created:  # another command has removed it
                self._created.remove(directory)

    def release(self) -> None:
        """Let other commands go on, unless the lock is the caller's."""
        if self._shared_lock is None:
            self._lock.close()

    def check(self, path: str) -> None:
        """Raise PinError for a pin, or a directory on the way to it, that cannot be trusted.

        A directory must not be anything else, such as a symbolic link, and all must belong to root or this user:
        another user could exchange what is pinned there.
        """
        self._check_owner(self.mount)
        for directory in self._directories(path):
            status = self._check_owner(directory)
            if status is not None and not stat.S_ISDIR(status.st_mode):
                raise PinError(
                    f'"{directory}" is not a directory (a symbolic link is not followed)', errno=errno.ENOTDIR
                )
        self._check_owner(path)

    def _check_owner(self, path: str) -> os.stat_result | None:
        """Return the status of a file, None where there is none; raises PinError where it belongs to another user."""
        try:
            status = os.lstat(path)
        except (FileNotFoundError, PermissionError):
            return None  # a dry run may not see it; whoever creates a pin there is refused by the kernel
        except OSError as error:
            raise PinError(f'cannot look at "{path}": {strerror(error.errno or 0)}', errno=error.errno) from error
        check_owner(path, status)
        return status

    def prepare(self, path: str) -> None:
        """Create the directories that a pin at ``path`` needs; raises PinError."""
        for directory in self._directories(path):
            self._make_directory(directory)
        for name in _LINKS:
            self._make_link(os.path.join(self.mount, name))

    def _make_directory(self, path: str) -> None:
        try:
            with block_signals():
                os.mkdir(path, 0o700)
                self._created.append(path)
        except FileExistsError:
            self.check(os.path.join(path, "pin"))
        except OSError as error:
            read_only = (
                (f'"{self.mount}" is mounted read-only (common in containers); set TC_BPF_MNT to another mount point',)
                if error.errno == errno.EROFS
                else ()
            )
            raise PinError(
                f'cannot make directory "{path}": {strerror(error.errno or 0)}', errno=error.errno, hints=read_only
            ) from error

    def _make_link(self, path: str) -> None:
        if os.path.isdir(os.path.join(self.mount, "tc")) and not os.path.lexists(path):
            try:
                with block_signals():
                    os.symlink("tc", path)
                    self._created.append(path)
            except OSError:
                return  # a convenience for ip(8) and xdp loaders; never a reason to fail

    def pin(self, path: str, fd: int) -> None:
        """Pin a map, for :meth:`undo` to remove; raises PinError, BpfSyscallError."""
        self.prepare(path)
        with block_signals():
            pin(fd, path)
            self._created.append(path)

    def replace(self, path: str, fd: int) -> None:
        """Pin an object in place of what is pinned at ``path``, in one step; raises PinError."""
        with block_signals():
            self.pin_beside(path, fd)
            try:
                self.move(path)
            except PinError as error:
                self.undo(error)
                raise

    def pin_beside(self, path: str, fd: int) -> None:
        """Pin an object for :meth:`move`, which then has no reason to fail but a rename; raises PinError.

        The caller holds the lock: what is there already was left behind by a command that was killed.
        """
        beside = _beside(path)
        try:
            with block_signals():
                try:
                    pin(fd, beside)
                except BpfSyscallError as error:
                    if error.errno != errno.EEXIST or not _remove(beside):
                        raise
                    pin(fd, beside)
                self._created.append(beside)
        except BpfSyscallError as error:
            raise PinError(f'cannot replace the pin "{path}": {error}', errno=error.errno) from error

    def move(self, path: str) -> None:
        """Put what was pinned beside ``path`` in its place, in one step; raises PinError, and it stays where it is."""
        beside = _beside(path)
        try:
            with block_signals():
                os.rename(beside, path)
                self._created.remove(beside)
        except OSError as error:
            raise PinError(
                f'cannot move the pin "{beside}" to "{path}": {strerror(error.errno or 0)}', errno=error.errno
            ) from error

    @property
    def created(self) -> tuple[str, ...]:
        """The pins, directories and links that this root created, in that order."""
        return tuple(self._created)

    def undo(self, error: BaseException | None = None) -> None:
        """Remove what this root created and is still in place, and let other commands go on.

        A signal waits until that is done. What cannot be removed becomes a hint of the ``error`` that is the reason.
        """
        with block_signals():
            while self._created:
                path = self._created.pop()
                problem = _take_back(path)
                if problem and isinstance(error, PytcError):
                    error.with_hints(f'"{path}" could not be removed again: {problem}')
            self.release()


def check_owner(path: str, status: os.stat_result) -> None:
    """Raise PinError for a pin or directory that another user could exchange."""
    if status.st_uid not in (0, os.geteuid()):
        raise PinError(
            f'"{path}" belongs to {_user(status.st_uid)}, who could exchange what is pinned there',
            errno=errno.EPERM,
            hints=() if stat.S_ISDIR(status.st_mode) else (f"rm {path} removes the pin",),
        )
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise PinError(
            f'"{path}" can be written to by all users, who could exchange what is pinned there',
            errno=errno.EPERM,
            hints=(f"chmod o-w {path}, or chmod +t {path}, ends that",),
        )


def check_pin(path: str) -> None:
    """Raise PinError for a pin, or its directory, that another user could exchange."""
    for place in (os.path.dirname(path) or ".", path):
        with suppress(OSError):  # whoever opens the pin is told
            check_owner(place, os.stat(place))


def _beside(path: str) -> str:
    """Return a path for what is to take the place of a pin: no map's name has a tilde, and bpffs takes no dots in names
    (bpf_lookup in kernel/bpf/inode.c)."""
    return f"{path}~"


def _take_back(path: str) -> str:
    """Remove a pin, link or directory; return why it stays, empty where it is gone, or in use by somebody else."""
    number = 0
    for _ in range(_ATTEMPTS):
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                os.rmdir(path)
            else:
                os.unlink(path)
        except OSError as error:
            number = error.errno or 0
            if number not in (errno.ENOENT, errno.ENOTEMPTY):
                continue  # lack of memory, for one
        return ""
    return strerror(number)


def _remove(path: str) -> bool:
    try:
        os.unlink(path)
    except OSError:
        return False
    return True


def _user(number: int) -> str:
    from pwd import getpwuid

    try:
        return f"{getpwuid(number).pw_name} (user {number})"
    except KeyError:
        return f"user {number}"


def find_mount(preferred: str = "") -> str:
    """Return the bpffs to use: ``preferred``, else /sys/fs/bpf, else the first of /proc/mounts; empty when there is
    none."""
    if preferred:
        return preferred if is_bpffs(preferred) else ""
    if is_bpffs(DEFAULT_MOUNT):
        return DEFAULT_MOUNT
    return next(find_mounts("bpf"), "")


def mount_bpffs(target: str) -> str:
    """Mount a bpffs, mode 0700, and return ``target``; raises PinError."""
    made: list[str] = []
    try:
        _make_path(target, made)
        mount("bpf", target, "mode=0700")
    except OSError as error:
        number = error.errno or errno.EINVAL
        causes: tuple[str, ...] = ()
        if number in (errno.EPERM, errno.EACCES):
            from pytc.bpf.kernel.permissions import administration_causes

            causes = administration_causes("a mount")
        for directory in reversed(made):
            _take_back(directory)
        raise PinError(
            f'no bpffs is mounted, and mounting one at "{target}" failed: {strerror(number)}',
            errno=number,
            hints=(*causes, "set TC_BPF_MNT to another mount point"),
        ) from error
    return target


def _make_path(path: str, made: list[str]) -> None:
    """Make a directory and those above it that are missing, and list them."""
    if not path or os.path.isdir(path):
        return
    _make_path(os.path.dirname(path), made)
    with suppress(FileExistsError):  # another command was faster
        os.mkdir(path, 0o700)
        made.append(path)


def read_pinning_files(paths: tuple[str, ...] = PINNING_FILES) -> dict[int, str]:
    """Return {pinning number: path relative to the mount point} from the first file that exists.

    Lines are ``ID PATH``, ID decimal or ``0x`` hex; ``#`` starts a comment. A line that makes no sense is skipped.
    """
    for path in paths:
        try:
            with open(path, errors="surrogateescape") as file:
                lines = file.read().split("\n")
        except OSError:
            continue
        return dict(entry for line in lines if (entry := _pinning_line(line)) is not None)
    return {}


def _pinning_line(line: str) -> tuple[int, str] | None:
    words = line.partition("#")[0].split()
    if len(words) != 2 or "\0" in words[1]:
        return None
    is_hex = words[0][:2] in ("0x", "0X")
    digits = words[0][2:] if is_hex else words[0]
    if not digits.isascii() or not digits.isalnum() or len(digits) > (8 if is_hex else 10):
        return None
    try:
        number = int(digits, 16 if is_hex else 10)
    except ValueError:
        return None
    directory = os.path.normpath(words[1].lstrip("/") or ".")
    return None if directory.split("/")[0] == ".." else (number, directory)
