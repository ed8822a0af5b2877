"""The plugins of iptables that tests use: those of this machine, or of the package that .ci/clients.py unpacks."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from pytc.tc.kinds.shared.xtables_program import LIBRARY
from tests.processes import cannot

_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
_CLIENTS = Path(os.environ.get("PYTC_CLIENTS") or _CACHE / "pytc-archive" / "clients")
_PLACES = (Path("/usr/lib"), (_CLIENTS / "iptables").resolve())


def plugin_directory() -> str:
    """Return the directory of the plugins, for XTABLES_LIBDIR; skip the test where there is none."""
    found = next((path.parent for place in _PLACES for path in place.glob("**/xtables/libxt_CLASSIFY.so")), None)
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        found = None
    if found is None:
        cannot("libxtables and iptables' plugins are not installed")
    return str(found)
