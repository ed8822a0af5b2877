"""Forms of the values that ``flower`` compares with parts of a packet: as words, and as they are shown."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.protocols import format_protocol, parse_protocol
from pytc.render.documents import Field
from pytc.tc.kinds.shared.addresses import parse_ipv4_prefix, parse_ipv6_prefix
from pytc.typing import NamedTuple
from pytc.words.engine import is_one_of, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pytc.render.documents import Display, Json, Part
    from pytc.words.engine import Converter

U8, U16, U32 = 0xFF, 0xFFFF, 0xFFFFFFFF
if TYPE_CHECKING:
    #: What the kernel says of a key: its value, and its mask or None.
    Show = Callable[[str, Any, Any, Display], Sequence[Part]]


class Masked(NamedTuple):
    """A value of which only the bits of a mask count."""

    value: Any
    mask: Any


class KeyForm(NamedTuple):
    """The way in which the value of a key is written.

    ``name`` stands for it in help. ``read`` makes the value that is sent, or a :class:`Masked`, from a word; it raises
    ValueError, or an error with tc's message. ``show`` returns the fields for (word, value, mask or None, display
    options); some are shown by other functions.
    """

    name: str
    read: Callable[[str], Any] = str
    show: Show = lambda key, value, mask, display: ()


def line(key: str, value: Json, text: object, before: str = "") -> Field:
    """Return a field on a line of its own; ``before`` stands before the text that tells it."""
    return Field(key, value, f"\n  {key} {before}{text}")


def _show_number(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    return (line(key, value, value),)


def _show_text(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    return (line(key, str(value), value),)


def _split(word: str, read: Converter, read_mask: Converter, full: int) -> Masked:
    value, slash, mask = word.partition("/")
    return Masked(read(value), read_mask(mask) if slash else full)


def _masked(limit: int, base: int = 0) -> KeyForm:
    """Return a form for a number with a mask, which is shown unless all bits count."""
    number = unsigned(limit, base)

    def show(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
        fields = [line(key, value, value)]
        return [*fields, Field(f"{key}_mask", f"{mask:x}", f"/{mask:#x}")] if mask not in (None, limit) else fields

    return KeyForm("NUMBER[/MASK]", lambda word: _split(word, number, number, limit), show)


def decimal(limit: int, name: str = "NUMBER", *, as_text: bool = False) -> KeyForm:
    """Return a form for a decimal number without a mask; some are text in tc's JSON."""
    return KeyForm(name, unsigned(limit, 10), _show_text if as_text else _show_number)


def _any_base_byte(word: str) -> int:
    """Return a byte of decimal digits, or of hexadecimal ones where it is none, as tc reads the DS field."""
    try:
        return int(unsigned(U8, 10)(word))
    except ValueError:
        return int(unsigned(U8, 16)(word))


MASKED_BYTE = KeyForm("NUMBER[/MASK]", lambda word: _split(word, _any_base_byte, _any_base_byte, U8), _masked(U8).show)
MASKED_SHORT, MASKED_WORD = _masked(U16), _masked(U32)


def _read_flags(word: str) -> Masked:
    return _split(word, unsigned(0xFFF, 16), unsigned(0xFFF, 16), 0xFFF)


def _show_flags(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    text = f"{value:#x}" if mask is None else f"{value:#x}/{mask:x}"
    return (line(key, text, text),)


TCP_FLAGS = KeyForm("FLAGS[/MASK]", _read_flags, _show_flags)


def _show_icmp(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    text = str(value) if mask in (None, U8) else f"{value}/{mask}"
    return (line(f"icmp_{key}", text, text),)


_byte = unsigned(U8, 10)
ICMP = KeyForm("NUMBER[/MASK]", lambda word: _split(word, _byte, _byte, U8), _show_icmp)
_ARP_OPERATIONS = {1: "request", 2: "reply"}


def _arp_operation(word: str) -> int:
    named = [number for number, name in _ARP_OPERATIONS.items() if word == name]
    return named[0] if named else int(unsigned(2, 10)(word))


def _show_arp(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    text = _ARP_OPERATIONS.get(value, str(value)) if mask in (None, U8) else f"{value}/{mask}"
    return (line(key, text, text),)


def _read_arp(word: str) -> Masked:
    if is_one_of(word, _ARP_OPERATIONS.values()):
        return Masked(_arp_operation(word), U8)
    return _split(word, _arp_operation, _byte, U8)


ARP_OPERATION = KeyForm("{ request | reply | 0 | 1 | 2 }[/MASK]", _read_arp, _show_arp)


def _hardware_address(word: str) -> bytes:
    """Return the 6 bytes of an address; raises InvalidOptionsError."""
    digits = "0123456789abcdefABCDEF"
    parts = word.split(":")
    if len(parts) != 6 or not all(0 < len(part) <= 2 and not part.strip(digits) for part in parts):
        raise InvalidOptionsError(
            f'"{word}" is invalid lladdr.', hints=("6 hexadecimal numbers are expected, like 02:00:00:00:00:1f",)
        )
    return bytes(int(part, 16) for part in parts)


def _read_mac(word: str) -> Masked:
    address, slash, mask = word.partition("/")
    if slash and mask.isdigit() and mask.isascii():
        length = int(unsigned(48, 10)(mask))
        return Masked(_hardware_address(address), _prefix_mask(length, 6))
    return Masked(_hardware_address(address), _hardware_address(mask) if slash else b"\xff" * 6)


def _prefix_mask(length: int, size: int) -> bytes:
    return ((1 << 8 * size) - (1 << 8 * size - length)).to_bytes(size, "big")


def _prefix_length(mask: bytes) -> int | None:
    """Return the number of leading ones; None for none, or where others follow a zero."""
    number = int.from_bytes(mask, "big")
    length = number.bit_count()
    return length if length and _prefix_mask(length, len(mask)) == mask else None


def _with_mask(value: str, mask: bytes | None, spell: Callable[[bytes], str]) -> str:
    if mask is None:
        return value
    length = _prefix_length(mask)
    if length == 8 * len(mask):
        return value
    return f"{value}/{length or spell(mask)}"


def _spell_mac(address: bytes) -> str:
    return address.hex(":")


def _show_mac(key: str, value: bytes, mask: bytes | None, display: Display) -> Sequence[Part]:
    text = _with_mask(_spell_mac(value), mask, _spell_mac)
    return (line(key, text, text),)


MAC = KeyForm("LLADDR[/MASK | /BITS]", _read_mac, _show_mac)


def _spell_ip(address: bytes) -> str:
    from pytc.cpython import AF_INET, AF_INET6, inet_ntop

    return inet_ntop(AF_INET if len(address) == 4 else AF_INET6, address)


def read_prefix(word: str, family: str) -> Masked:
    """Return address and mask of a prefix; ``family`` is IPV4, IPV6, or empty for either.

    Raises InvalidOptionsError.
    """
    six = family == "IPV6" or (not family and ":" in word)
    try:
        if not family and not word[:1].isalnum() and ":" not in word:
            raise ValueError(word)
        address, length = parse_ipv6_prefix(word) if six else parse_ipv4_prefix(word)
    except ValueError:
        expected = {"IPV4": "inet", "IPV6": "inet6"}.get(family, "any valid")
        raise InvalidOptionsError(f'Error: {expected} prefix is expected rather than "{word}".') from None
    size = 16 if six else 4
    return Masked(address.to_bytes(size, "big"), _prefix_mask(length, size))


def _show_ip(key: str, value: bytes, mask: bytes | None, display: Display) -> Sequence[Part]:
    if len(value) not in (4, 16):
        return ()
    text = _with_mask(_spell_ip(value), mask, _spell_ip)
    return (line(key, text, text),)


#: The family of the address is that of the key: :func:`read_prefix` reads it.
IP = KeyForm("PREFIX", show=_show_ip)


def _show_protocol(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    name = format_protocol(value, numeric=display.numeric)
    return (line(key, name, name),)


ETHER_TYPE = KeyForm("PROTO", parse_protocol, _show_protocol)
_ETH_TYPES = {0x0800: "ipv4", 0x86DD: "ipv6", 0x0806: "arp", 0x8035: "rarp"}


def show_eth_type(values: Mapping[str, Any], view: object) -> Sequence[Part]:
    """Return the EtherType of the innermost header, which the kernel knows from protocol, vlan_ethtype and so on."""
    number = values.get("KEY_ETH_TYPE")
    if number is None:
        return ()
    name = _ETH_TYPES.get(number, f"{number:04x}")
    return (line("eth_type", name, name),)


#: PPP_* of include/uapi/linux/ppp_defs.h, under tc's names.
_PPP = {
    "ip": 0x21, "at": 0x29, "ipx": 0x2B, "vjc_comp": 0x2D, "vjc_uncomp": 0x2F, "mp": 0x3D, "ipv6": 0x57,
    "compfrag": 0xFB, "comp": 0xFD, "mpls_uc": 0x281, "mpls_mc": 0x283, "ipcp": 0x8021, "atcp": 0x8029,
    "ipxcp": 0x802B, "ipv6cp": 0x8057, "ccpfrag": 0x80FB, "ccp": 0x80FD, "lcp": 0xC021, "pap": 0xC023,
    "lqr": 0xC025, "cbcp": 0xC029, "chap": 0xC223,
}  # fmt: skip
_PPP_NAMES = {number: name for name, number in _PPP.items()}


def _ppp_protocol(word: str) -> int:
    named = [number for name, number in _PPP.items() if word == name or word.lower() == name]
    return named[0] if named else int(unsigned(U16)(word))


def _show_ppp(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    name = f"[{value}]" if display.numeric else _PPP_NAMES.get(value, f"[{value}]")
    return (line(key, name, name),)


PPP_PROTOCOL = KeyForm("{ ip | ipv6 | mpls_uc | mpls_mc | NUMBER }", _ppp_protocol, _show_ppp)
TCP, UDP, SCTP, ICMP4, ICMP6, L2TP, ESP, AH = 6, 17, 132, 1, 58, 115, 50, 51
#: In tc's order, and whether abbreviations of the name are taken.
IP_PROTOCOLS = {
    "tcp": TCP, "udp": UDP, "sctp": SCTP, "icmp": ICMP4, "icmpv6": ICMP6, "l2tp": L2TP, "esp": ESP, "ah": AH,
}  # fmt: skip
_IP_PROTOCOL_NAMES = {number: name for name, number in IP_PROTOCOLS.items()}


def _show_ip_protocol(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    name = _IP_PROTOCOL_NAMES.get(value, f"0x{value:02x}")
    return (line(key, name, name),)


#: Names are read where the EtherType is known: numbers are hexadecimal.
IP_PROTOCOL = KeyForm(
    "{ tcp | udp | sctp | icmp | icmpv6 | l2tp | esp | ah | HEX }", unsigned(U8, 16), _show_ip_protocol
)
SPI = KeyForm(
    "NUMBER",
    lambda word: Masked(unsigned(U32)(word), U32),
    lambda key, value, mask, display: (line(key, f"{value:x}", f"{value:#x}"),),
)


def _bits(names: Mapping[str, int], word: str) -> Masked:
    """Return flags joined by ``/``, those with ``no`` before them cleared."""
    value = mask = 0
    for name in word.split("/"):
        bit = next((bit for known, bit in names.items() if name in (known, f"no{known}")), 0)
        if not bit and name:
            raise ValueError(word)
        mask |= bit
        value = value & ~bit if name.startswith("no") else value | bit
    return Masked(value, mask)


def flags(names: Mapping[str, int]) -> KeyForm:
    """Return a form for flags with names."""

    def show(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
        wanted = {name: bool(value & bit) for name, bit in names.items() if (mask or 0) & bit}
        if not wanted:
            return ()
        text = "/".join(name if on else f"no{name}" for name, on in wanted.items())
        return (line(key, dict(wanted), text),)

    alternatives = " | ".join(f"[no]{name}" for name in names)
    return KeyForm(f"{{ {alternatives} }}[/...]", lambda word: _bits(names, word), show)


IP_FLAGS = flags({"frag": 1, "firstfrag": 2})
ENC_FLAGS = flags({"tuncsum": 4, "tundf": 8, "tunoam": 16, "tuncrit": 32})
#: TCA_FLOWER_KEY_CT_FLAGS_*, in the order in which tc shows them.
_CT_STATES = {"trk": 8, "new": 1, "est": 2, "rel": 4, "inv": 16, "rpl": 32}


def _ct_state(word: str) -> Masked:
    value = mask = 0
    for part in word.replace("+", " +").replace("-", " -").split(" ")[1:] if word else ():
        bit = next((bit for name, bit in _CT_STATES.items() if part[1:] == name), 0)
        if not bit:
            raise ValueError(word)
        mask |= bit
        value |= bit if part[0] == "+" else 0
    if word[:1] not in ("", "+", "-"):
        raise ValueError(word)
    return Masked(value, mask)


def _show_ct_state(key: str, value: int, mask: int | None, display: Display) -> Sequence[Part]:
    counted = U16 if mask is None else mask
    text = "".join(f"{'+' if value & bit else '-'}{name}" for name, bit in _CT_STATES.items() if counted & bit)
    return (line(key, text, text),)


CT_STATE = KeyForm("{ + | - }{ trk | new | est | rel | inv | rpl }...", _ct_state, _show_ct_state)


def _label(word: str) -> bytes:
    if len(word) > 32:
        raise UsageError(f'Error: argument "{word}" is wrong: {len(word)} Max allowed size 32')
    try:
        if len(word) % 2 or not word.isalnum():
            raise ValueError(word)
        return bytes.fromhex(word)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: labels must be a hex string') from None


def _read_label(word: str) -> Masked:
    value, slash, mask = word.partition("/")
    return Masked(_label(value), _label(mask) if slash else b"\xff" * 16)


def _show_label(key: str, value: bytes, mask: bytes | None, display: Display) -> Sequence[Part]:
    text = value.hex() if mask is None or mask == b"\xff" * 16 else f"{value.hex()}/{mask.hex()}"
    return (line(key, text, text),)


CT_LABEL = KeyForm("HEX[/MASK]", _read_label, _show_label)
