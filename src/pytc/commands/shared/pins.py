"""Pins, as commands name them."""

from __future__ import annotations

import os
from errno import ENOENT, EPERM

from pytc.errors import BpfError, BpfSyscallError, HelpRequested, PinError, strerror
from pytc.signals import block_signals
from pytc.words.engine import matches, refuse_more

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pytc.bpf.maps.pinning import PinRoot
    from pytc.commands.shared.context import Context
    from pytc.words.engine import Cursor


def take_pin(cursor: Cursor, topic: str) -> str:
    """Return the path of a pin, with or without ``pinned`` before it, which ends the line; raises UsageError,
    HelpRequested."""
    if matches(cursor.peek(), "help"):
        raise HelpRequested(topic)
    if cursor.peek() == "pinned":
        cursor.take()
    path = cursor.take()
    refuse_more(cursor, topic)
    return path


def pin_path(context: Context, path: str) -> str:
    """Return the path of a pin: ``m:NAME`` is tc's short form for NAME in the bpffs's ``tc`` directory.

    Notes where that is, when it is in another bpffs than a user would expect.
    """
    if not path.startswith("m:"):
        return path
    mount, expected = _mounts(context)
    if mount != expected:
        from pytc.bpf.maps.pin_location import location_remarks

        remarks = location_remarks(mount, expected, is_new=False)
        context.notes += [remark for remark in remarks if remark not in context.notes]
    return _in_mount(mount, path)


def existing_pin_path(context: Context, path: str) -> str:
    """Return the path of a pin that is looked for; unlike :func:`pin_path`, without a note where it is."""
    return _in_mount(_mounts(context)[0], path) if path.startswith("m:") else path


def _mounts(context: Context) -> tuple[str, str]:
    """Return the mount point of the bpffs for pins, and where it is expected."""
    from pytc.bpf.maps.pinning import DEFAULT_MOUNT, find_mount

    expected = context.bpf_mount or DEFAULT_MOUNT
    return find_mount(context.bpf_mount) or expected, expected


def _in_mount(mount: str, path: str) -> str:
    return os.path.join(mount, "tc", path[2:])


def similar_pins(path: str) -> tuple[str, list[str]]:
    """Return the name of a pin that cannot be opened and those of the others in its directory, for suggestions."""
    name = os.path.basename(path)
    try:
        return name, [other for other in os.listdir(os.path.dirname(path)) if other != name]
    except OSError:
        return "", []


class PinFiles:
    """The files in a directory of a bpffs and below; :meth:`note` says what of them could not be seen."""

    def __init__(self, root: str, *, is_named: bool = False) -> None:
        """Begin at ``root``, which has to be readable where it ``is_named`` by the user."""
        self._root, self._is_named = root, is_named
        self._refusals: list[OSError] = []
        self._unopened: dict[tuple[str, int], int] = {}

    def __iter__(self) -> Iterator[str]:
        """Yield the paths in the order of their names; raises PinError where the named directory cannot be read."""
        for directory, below, names in os.walk(self._root, onerror=self._refuse):
            below.sort()
            yield from (os.path.join(directory, name) for name in sorted(names))

    def _refuse(self, error: OSError) -> None:
        if self._is_named and error.filename == self._root:
            raise PinError(f'cannot read "{self._root}": {error.strerror}', errno=error.errno) from error
        if error.errno != ENOENT:  # gone meanwhile
            self._refusals.append(error)

    def leave_out(self, path: str, error: OSError | BpfError) -> None:
        """Keep in mind that a pin could not be opened."""
        directory, name = os.path.split(path)
        if error.errno not in (None, ENOENT) and "." not in name:  # a name with a dot is a file of the kernel's own
            place = directory, error.errno
            self._unopened[place] = self._unopened.get(place, 0) + 1

    def note(self, context: Context) -> None:
        """Note directories that could not be read, and how many pins could not be opened."""
        from pytc.bpf.sys.files import is_bpffs

        for error in self._refusals:
            reason = strerror(error.errno or 0)
            context.notes.append(f'Note: cannot read "{error.filename}": {reason}: pins in it are left out')
        for (directory, number), count in self._unopened.items():
            if is_bpffs(directory):
                what = f"{count} pins" if count > 1 else "1 pin"
                context.notes.append(f'Note: cannot open {what} in "{directory}", left out: {strerror(number)}')


def pin_root(context: Context) -> PinRoot:
    """Return where a command pins maps; the caller is in a block of the connection's lock of pins."""
    from pytc.bpf.maps.pinning import PinRoot

    return PinRoot(context.bpf_mount, lock=context.connection.pin_lock)


def check_pinnable(context: Context, what: str, path: str) -> None:
    """Raise PinError where a pin could not be made, as far as that is known before anything is attached."""
    from pytc.bpf.sys.pins import pin_obstacles

    absolute = pin_path(context, path)
    if os.path.lexists(absolute):
        raise PinError(f'"{path}" already exists')
    if absolute == path and (obstacles := pin_obstacles(path)):
        raise PinError(f'{what}: cannot pin it at "{path}"', hints=obstacles)


def make_pin(context: Context, what: str, path: str, pin: Callable[[str], None]) -> Callable[[], None]:
    """Pins with a function that does it for a path; for ``m:NAME`` the directories of tc are made when they are
    missing. Returns what removes these again, once the pin is gone and while the lock of pins is held; raises
    PinError."""
    if not path.startswith("m:"):
        _pin(what, path, pin)
        return lambda: None
    from pytc.bpf.sys.pins import NO_DOTS

    root = pin_root(context)
    absolute = os.path.normpath(os.path.join(root.mount, "tc", path[2:]))
    if not absolute.startswith(os.path.join(root.mount, "tc") + "/"):
        raise PinError(f'"{path}" leads out of the bpffs')
    if "." in os.path.basename(absolute):
        raise PinError(f'{what}: cannot pin it at "{path}"', errno=EPERM, hints=(NO_DOTS,))
    is_pinned = False
    with context.connection.pin_lock:
        try:
            root.lock()
            root.check(absolute)
            root.prepare(absolute)
            with block_signals():
                _pin(what, absolute, pin)
                is_pinned = True
        except BaseException as error:
            if not is_pinned:  # a signal that came while the kernel pinned it finds all done
                root.undo(error)
            raise
    context.notes += [remark for remark in root.remarks if remark not in context.notes]
    return root.undo


def _pin(what: str, path: str, pin: Callable[[str], None]) -> None:
    try:
        pin(path)
    except BpfSyscallError as error:
        raise PinError(
            f'{what}: cannot pin it at "{path}": {os.strerror(error.errno or 0)}', errno=error.errno, hints=error.hints
        ) from error


def remove_pin(context: Context, what: str, path: str, check: Callable[[str], None]) -> None:
    """Removes the pin of an object of the kind that ``check`` finds at a path (it raises BpfError for another); raises
    PinError."""
    import stat

    from pytc.bpf.sys.files import is_bpffs

    path = pin_path(context, path)
    try:
        is_pin = stat.S_ISREG(os.lstat(path).st_mode) and is_bpffs(path)
    except OSError as error:
        refusal = PinError(f'cannot unpin "{path}": {error.strerror}', errno=error.errno)
        raise refusal.with_alternatives(*similar_pins(path)) from error
    if not is_pin:
        raise PinError(f'"{path}" is not a pin in a bpffs')
    try:
        check(path)
    except BpfError as error:
        raise PinError(f'"{path}" is not the pin of a {what}: {error}', errno=error.errno) from error
    try:
        os.unlink(path)
    except OSError as error:
        raise PinError(f'cannot unpin "{path}": {error.strerror}', errno=error.errno) from error
