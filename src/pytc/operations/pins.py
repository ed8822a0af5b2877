"""Pins, as commands name them."""

import os

from pytc.operations.context import Context


def pin_path(context: Context, path: str) -> str:
    """``m:NAME`` is tc's short form for NAME below the bpffs's ``tc`` directory."""
    if not path.startswith("m:"):
        return path
    from pytc.bpf.pinning import DEFAULT_MOUNT, find_mount

    mount = find_mount(context.bpf_mount) or context.bpf_mount or DEFAULT_MOUNT
    return os.path.join(mount, "tc", path[2:])
