"""Owners of links and pins: what is pinned below ``owners/NAME`` in tc's directory is NAME's.

The kernel keeps nothing beside a link by which it could be told whose it is, so its pin says it.
"""

from __future__ import annotations

import os

from pytc.commands.shared.pins import existing_pin_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pytc.commands.shared.context import Context

_ROOT = "m:owners"
_MARK = "/tc/owners/"
#: Escapes for what a name in a bpffs may not have, and what would end it; that of the sign itself first.
_ESCAPES = (("%", "%25"), (".", "%2E"), ("/", "%2F"))


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
            return _decode(rest.partition("/")[0])
    return ""


def _encode(name: str) -> str:
    for letter, escape in _ESCAPES:
        name = name.replace(letter, escape)
    return name


def _decode(name: str) -> str:
    for letter, escape in reversed(_ESCAPES):
        name = name.replace(escape, letter)
    return name
