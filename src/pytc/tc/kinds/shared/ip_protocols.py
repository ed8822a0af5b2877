"""Names of the protocols in IP packets, which are those of protocols(5)."""

from __future__ import annotations

from pathlib import Path

from pytc.cpython import lru_cache
from pytc.words.engine import unsigned

_FILE = Path("/etc/protocols")
#: Names that every machine has.
_KNOWN = {"icmp": 1, "tcp": 6, "udp": 17}
_MOST = 0xFF


def parse_ip_protocol(word: str) -> int:
    """Return the number of a protocol, given as a decimal number or a name; raises ValueError."""
    try:
        return int(unsigned(_MOST, 10)(word))
    except ValueError:
        number = _numbers().get(word)
        if number is None:
            raise
        return number


def ip_protocol_name(number: int, *, numeric: bool = False) -> str:
    """Return the first name of a protocol; ``ipproto-N`` for one without, or where numbers are wanted."""
    names = (name for name, known in _numbers().items() if known == number)
    unnamed = f"ipproto-{number}"
    return unnamed if numeric else next(names, unnamed)


@lru_cache(maxsize=1)
def _numbers() -> dict[str, int]:
    numbers: dict[str, int] = {}
    try:
        text = _FILE.read_text(errors="replace")
    except OSError:
        return dict(_KNOWN)
    for line in text.splitlines():
        name, number, *aliases = [*line.partition("#")[0].split(), "", ""]
        if number.isdigit():
            for alias in (name, *aliases):
                if alias:
                    numbers.setdefault(alias, int(number))
    return numbers
