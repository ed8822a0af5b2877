"""Owners of links and pins: what is pinned below ``owners/NAME`` in tc's directory is NAME's.

The kernel keeps nothing beside a link by which it could be told whose it is, so its pin says it.
"""

from __future__ import annotations

import os
import re

from pytc.commands.shared.pins import existing_pin_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.commands.shared.context import Context

_ROOT = "m:owners"
_MARK = "/tc/owners/"
#: What a name in a bpffs may not have, or what would end it.
_UNSAFE = re.compile(r"[./%]")
_ENCODED = re.compile(r"%([0-9A-F]{2})")


def owned_path(owner: str, *parts: str) -> str:
    """Return the path, from ``m:`` on, of an owner's pin for what these parts name."""
    return f"{owner_directory(owner)}/{_encode('-'.join(part.strip('/') for part in parts))}"


def owner_directory(owner: str) -> str:
    """Return the directory of an owner's pins, from ``m:`` on."""
    return f"{_ROOT}/{_encode(owner)}"


def owners_directory(context: Context) -> str:
    """Return the directory of all owners."""
    return existing_pin_path(context, _ROOT)


def owner_of(paths: Iterable[str]) -> str:
    """Return the owner of what is pinned at these paths, empty for none."""
    for path in paths:
        _, mark, rest = path.partition(_MARK)
        if mark and os.path.dirname(rest):
            return _ENCODED.sub(lambda found: chr(int(found[1], 16)), rest.partition("/")[0])
    return ""


def _encode(name: str) -> str:
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", name)
