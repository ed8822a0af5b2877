"""Addresses as tc reads them, with and without prefix lengths."""

from __future__ import annotations

from pytc.errors import AddressError
from pytc.words.engine import unsigned

_ANY = ("default", "any", "all")
#: The names of families in tc's messages, by the size of an address.
_FAMILIES = {0: "any valid", 4: "inet", 16: "inet6"}
_MAC_SIZE = 6
_HEX_BYTE = unsigned(0xFF, 16)


def parse_ipv4_prefix(word: str) -> tuple[int, int]:
    """Return an address and the length of its prefix; raises ValueError.

    ``10.1.2.3``, ``10.1/16`` (what is missing is 0), ``10.0.0.0/255.0.0.0``, ``any``. The parts may be octal or hex.
    """
    if word in _ANY:
        return 0, 0
    address, slash, length = word.partition("/")
    return _address(address), _length(length, 32) if slash else 32


def parse_ipv6_prefix(word: str) -> tuple[int, int]:
    """Return an IPv6 address and the length of its prefix (``2001:db8::/32``, ``any``); raises ValueError."""
    if word in _ANY:
        return 0, 0
    from pytc.cpython import AF_INET6, inet_pton

    address, slash, length = word.partition("/")
    try:
        number = int.from_bytes(inet_pton(AF_INET6, address), "big")
    except OSError:
        raise ValueError(word) from None
    return number, _length(length, 128) if slash else 128


def parse_address(word: str, size: int = 0) -> bytes:
    """Return an IPv4 or IPv6 address, of ``size`` bytes (4 or 16) where that is given; raises AddressError."""
    try:
        if ":" in word:
            address = parse_ipv6_prefix(word)[0].to_bytes(16, "big") if "/" not in word else b""
        else:
            address = _address(word).to_bytes(4, "big")
    except ValueError:
        address = b""
    if not address or size not in (0, len(address)):
        raise AddressError(f'Error: {_FAMILIES[size]} address is expected rather than "{word}".')
    return address


def format_address(raw: bytes) -> str:
    """Return the text of an address of 4 or 16 bytes."""
    from pytc.cpython import AF_INET, AF_INET6, inet_ntop

    return inet_ntop(AF_INET if len(raw) == 4 else AF_INET6, raw)


def parse_mac(word: str) -> bytes:
    """Return an Ethernet address, six bytes in hexadecimal with colons between; raises ValueError."""
    parts = word.split(":")
    if len(parts) != _MAC_SIZE:
        raise ValueError(word)
    return bytes(_HEX_BYTE(part) for part in parts)


def _address(word: str) -> int:
    parts = [_part(part) for part in word.split(".")]
    if len(parts) > 4:
        raise ValueError(word)
    return int.from_bytes(bytes([*parts, *[0] * (4 - len(parts))]), "big")


def _part(word: str) -> int:
    if not word.isascii() or not word.isalnum():
        raise ValueError(word)
    octal = len(word) > 1 and word[0] == "0" and word[1].isdigit()
    if word[:2].lower() in ("0b", "0o"):  # which int() accepts, and inet_aton(3) does not
        raise ValueError(word)
    try:
        number = int(word, 8 if octal else 0)
    except ValueError:
        raise ValueError(word) from None  # the message is the word, not Python's
    if number > 255:
        raise ValueError(word)
    return number


def _length(word: str, limit: int) -> int:
    """Return the length of a prefix, given as a number or an IPv4 mask."""
    if "." in word:
        mask = _address(word)
        length = mask.bit_count()
        if mask != 0xFFFFFFFF << 32 - length & 0xFFFFFFFF:
            raise ValueError(word)
        return length
    length = _part(word) if word.isdigit() or word[:2].lower() == "0x" else -1
    if not 0 <= length <= limit:
        raise ValueError(word)
    return length
