"""``map pin`` and ``map unpin``."""

import os
import stat

from pytc.bpf.maps import Map
from pytc.bpf.pinning import PinRoot, is_bpffs
from pytc.errors import BpfError, BpfSyscallError, PinError
from pytc.map_commands import PinMap, UnpinMap
from pytc.operations.context import Context
from pytc.operations.map_targets import open_target
from pytc.operations.pins import pin_path


def pin_map(context: Context, command: PinMap) -> None:
    """Pins a map; for ``m:NAME`` the directories of tc are made when they are missing. Raises PytcError."""
    found = context.own(open_target(context, command.target.kind, command.target.text))
    if not command.path.startswith("m:"):
        _pin(found, command.path)
        return
    root = PinRoot(context.bpf_mount)
    path = os.path.normpath(os.path.join(root.mount, "tc", command.path[2:]))
    if not path.startswith(os.path.join(root.mount, "tc") + "/"):
        raise PinError(f'"{command.path}" leads out of the bpffs')
    try:
        root.prepare(path)
        _pin(found, path)
    except PinError:
        root.undo()
        raise
    root.keep()


def _pin(found: Map, path: str) -> None:
    try:
        found.pin(path)
    except BpfSyscallError as error:
        hints = () if is_bpffs(os.path.dirname(os.path.abspath(path))) else ("a pin has to be in a bpffs",)
        raise PinError(f'map "{found.name}": cannot pin it at "{path}": {os.strerror(error.errno or 0)}',
                       errno=error.errno, hints=hints) from error


def unpin_map(context: Context, command: UnpinMap) -> None:
    """Removes a pin, which must be that of a map; raises PytcError."""
    path = pin_path(context, command.path)
    try:
        is_pin = stat.S_ISREG(os.lstat(path).st_mode) and is_bpffs(path)
    except OSError as error:
        raise PinError(f'cannot unpin "{path}": {error.strerror}', errno=error.errno) from error
    if not is_pin:
        raise PinError(f'"{path}" is no pin in a bpffs')
    try:
        Map.from_pin(path).close()
    except BpfError as error:
        raise PinError(f'"{path}" is not the pin of a map: {error}', errno=error.errno) from error
    try:
        os.unlink(path)
    except OSError as error:
        raise PinError(f'cannot unpin "{path}": {error.strerror}', errno=error.errno) from error
