"""Errors as JSON, for programs: one object on one line."""

from __future__ import annotations

import errno
import json

from pytc.errors import VerifierError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.errors import PytcError


def as_json(error: PytcError, exit_status: int) -> str:
    """Return an error as an object on one line.

    Its members are ``error`` (the first line), ``details`` (the others), ``kind`` (the exception), ``errno`` (its name
    or null), ``exit_status``, ``causes`` (the likeliest first); of a refused program also ``program``, ``source``
    (file:line), ``log``, and a report of the log: ``category``, ``title``, ``reason``, ``at``, ``path`` and
    ``suggestion``.
    """
    first, *details = error.lines
    members: dict[str, object] = {
        "error": first,
        "details": details,
        "kind": type(error).__name__.removesuffix("Error"),
        "errno": errno.errorcode.get(error.errno, str(error.errno)) if error.errno else None,
        "exit_status": exit_status,
        "causes": list(error.hints),
    }
    if isinstance(error, VerifierError):
        members |= {
            "program": error.program,
            "category": error.category,
            "title": error.title,
            "reason": error.reason,
            "at": error.at,
            "path": list(error.path),
            "suggestion": error.suggestion,
            "source": error.source,
            "log": error.log,
        }
    return json.dumps(members) + "\n"  # in ASCII, which standard error can write in every locale
