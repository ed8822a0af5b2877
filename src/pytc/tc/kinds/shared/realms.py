"""Realms of routes, by number or by the names of iproute2's file rt_realms (ip-route(8))."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

#: The first that is there counts: iproute2 reads /usr/share since version 6.3.
_FILES = ("/etc/iproute2/rt_realms", "/usr/share/iproute2/rt_realms")
_MOST = 255
_UNKNOWN = "unknown"


def parse_realm(word: str) -> int:
    """Return a realm, 0 to 255; raises ValueError."""
    for number, name in _names().items():
        if name == word:
            return number
    if word == _UNKNOWN:
        return 0
    number = int(word, 0)
    if not 0 <= number <= _MOST:
        raise ValueError(word)
    return number


def realm_name(number: int, *, numeric: bool = False) -> str:
    """Return the name of a realm, its number where it has none; as in tc, 0 is unknown whatever the file says."""
    if numeric or number > _MOST:
        return str(number)
    return _names().get(number, str(number)) if number else _UNKNOWN


def _names() -> Mapping[int, str]:
    for path in _FILES:
        try:
            with open(path, errors="surrogateescape") as file:
                rows = [line.split() for line in file if not line.lstrip().startswith("#")]
        except OSError:
            continue
        names = {}
        for row in rows:
            try:
                names[int(row[0], 0)] = row[1]
            except (IndexError, ValueError):
                continue
        return names
    return {}
