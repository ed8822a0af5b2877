"""Keys of ``flower``: what each is sent as, and what it depends on.

tc reads the words from left to right, and those behind depend on those before: ``dst_port`` becomes an attribute of
TCP's where ``ip_proto tcp`` stands before it.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.protocols import ALL, IP, IPV6
from pytc.tc.kinds.shared.flower_forms import (
    AH,
    ESP,
    ICMP4,
    ICMP6,
    IP_PROTOCOLS,
    L2TP,
    SCTP,
    TCP,
    UDP,
    Masked,
    line,
    read_prefix,
)
from pytc.typing import NamedTuple
from pytc.words.engine import illegal_value, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.flower_forms import KeyForm

_ARP, _RARP, _VLAN, _VLAN_AD = 0x0806, 0x8035, 0x8100, 0x88A8
_MPLS, _MPLS_MC, _PPPOE, _CFM = 0x8847, 0x8848, 0x8864, 0x8902
_VLANS, _LABELS = (_VLAN, _VLAN_AD), (_MPLS, _MPLS_MC)
_FAMILIES = {IP: "IPV4", IPV6: "IPV6"}
_PORTS = {TCP: "TCP", UDP: "UDP", SCTP: "SCTP"}
#: The EtherTypes of what PPP carries.
_PPP_TYPES = {0x21: IP, 0x57: IPV6, 0x281: _MPLS, 0x283: _MPLS_MC}


class Headers:
    """The headers that the words up to now tell of.

    ``eth_type`` is the EtherType of the innermost one, 0 where no protocol was given; ``later`` are the words that are
    still to come.
    """

    def __init__(self, protocol: int, words: Iterable[str]) -> None:
        self.protocol = self.eth_type = protocol
        self.vlan_type = self.vlans = 0
        self.ip_proto: int | None = None
        self.stack = ""
        self.later = list(words)

    def missing(self, word: str, needed: str) -> tuple[str, ...]:
        """Return hints at a word that has to stand before another: that it is missing, or stands behind it."""
        names = needed.replace(",", "").split()
        if behind := next((later for later in self.later if later in names), ""):
            return (f'"{behind}" has to stand before "{word}"',)
        return (f'"{word}" needs {needed} before it',)


if TYPE_CHECKING:
    #: Checks what a key depends on, and returns what stands for ``{}`` in its attribute; raises InvalidOptionsError.
    Need = Callable[[str, Headers], str]


def _refuse(message: str, word: str, headers: Headers, needed: str) -> InvalidOptionsError:
    return InvalidOptionsError(message, hints=headers.missing(word, needed))


_AN_IP_PROTOCOL = '"protocol ip" or "protocol ipv6" (for packets with VLAN tags, vlan_ethtype ip or ipv6)'


def need_ip(word: str, headers: Headers) -> str:
    """Require IPv4 or IPv6; return the family, empty where any may be."""
    if headers.eth_type and headers.eth_type not in _FAMILIES:
        raise _refuse(f'Illegal "{word}"', word, headers, _AN_IP_PROTOCOL)
    return _FAMILIES.get(headers.eth_type, "")


def need_ports(word: str, headers: Headers) -> str:
    """Require a protocol with ports; return its name in attributes."""
    if headers.ip_proto not in _PORTS:
        raise _refuse(f'Illegal "{word}"', word, headers, "ip_proto tcp, udp or sctp")
    return _PORTS[headers.ip_proto]


def need_icmp(word: str, headers: Headers) -> str:
    """Require ICMP; return its name in attributes."""
    if (headers.eth_type, headers.ip_proto) == (IP, ICMP4):
        return "ICMPV4"
    if (headers.eth_type, headers.ip_proto) == (IPV6, ICMP6):
        return "ICMPV6"
    raise _refuse(f'Illegal "icmp {word}"', word, headers, 'ip_proto icmp, or icmpv6 with "protocol ipv6",')


def need_arp(word: str, headers: Headers) -> str:
    """Require ARP or RARP; return the family of its addresses."""
    if headers.eth_type not in (_ARP, _RARP):
        raise _refuse(f'Illegal "{word}"', word, headers, '"protocol arp" or "protocol rarp"')
    return "IPV4"


def need_vlan(word: str, headers: Headers) -> str:
    """Require a VLAN tag."""
    if headers.protocol not in _VLANS and not headers.vlans:
        raise _refuse(
            f"Can't set \"{word}\" if ethertype isn't 802.1Q or 802.1AD and num_of_vlans is 0",
            word,
            headers,
            'num_of_vlans, or "protocol 802.1Q",',
        )
    return ""


def need_inner_vlan(word: str, headers: Headers) -> str:
    """Require a second VLAN tag."""
    if headers.vlan_type not in _VLANS and headers.vlans < 2:
        inner, less = ("", "less") if word == "cvlan_ethtype" else ("inner vlan ", "is less")
        raise _refuse(
            f"Can't set \"{word}\" if {inner}ethertype isn't 802.1Q or 802.1AD and num_of_vlans {less} than 2",
            word,
            headers,
            "vlan_ethtype 802.1Q, or num_of_vlans 2,",
        )
    return ""


def need_pppoe(word: str, headers: Headers) -> str:
    """Require a PPPoE session."""
    if headers.eth_type != _PPPOE:
        raise _refuse(f"Can't set \"{word}\" if ethertype isn't PPPoE session", word, headers, '"protocol ppp_ses"')
    return ""


def _need_labels(word: str, headers: Headers) -> None:
    if headers.eth_type not in _LABELS:
        raise _refuse(
            f"Can't set \"{word}\" if ethertype isn't MPLS", word, headers, '"protocol mpls_uc" or "protocol mpls_mc"'
        )


def need_label(word: str, headers: Headers) -> str:
    """Require MPLS, and no ``mpls`` before."""
    _need_labels(word, headers)
    if headers.stack == "mpls":
        raise InvalidOptionsError(f'Can\'t set "{word}" if "mpls" is set')
    headers.stack = word
    return ""


def need_label_stack(word: str, headers: Headers) -> str:
    """Require MPLS, and none of the words for the outermost label alone before."""
    _need_labels(word, headers)
    if headers.stack not in ("", "mpls"):
        raise InvalidOptionsError(
            'Can\'t set "mpls" if "mpls_label", "mpls_tc", "mpls_bos" or "mpls_ttl" is set',
            hints=(f'"{headers.stack}" is about the outermost entry: "mpls lse depth 1" can say that, too',),
        )
    headers.stack = word
    return ""


def need_spi(word: str, headers: Headers) -> str:
    """Require IPsec, which may be inside UDP."""
    if headers.ip_proto not in (ESP, AH, UDP):
        raise _refuse("Can't set \"spi\" if ip_proto isn't ESP/UDP/AH", word, headers, "ip_proto esp, ah or udp")
    return ""


def need_l2tp(word: str, headers: Headers) -> str:
    """Require L2TP."""
    if headers.ip_proto != L2TP:
        raise _refuse("Can't set \"l2tpv3_sid\" if ip_proto isn't l2tp", word, headers, "ip_proto l2tp")
    return ""


def need_cfm(word: str, headers: Headers) -> str:
    """Require connectivity fault management."""
    if headers.eth_type != _CFM:
        raise _refuse("Can't set attribute if ethertype isn't CFM", word, headers, '"protocol cfm"')
    return ""


class Key(NamedTuple):
    """A part of a packet that is compared.

    ``attribute`` is the name without TCA_FLOWER_, in which ``{}`` stands for what ``needs`` returns; the attribute of
    the mask has _MASK behind it. ``wrong`` is tc's name of the word in its message about a wrong value.
    ``send`` makes the attributes where there is more to it; it is given (key, word's value, headers).
    """

    word: str
    attribute: str
    form: KeyForm
    help: str
    needs: Need | None = None
    send: Callable[[Key, Any, Headers], Iterable[tuple[str, Any]]] | None = None
    exact: bool = False
    wrong: str = ""

    def attributes(self, value: Any, headers: Headers) -> Iterable[tuple[str, Any]]:
        """Return the attributes for a value of the word; raises InvalidOptionsError, UsageError."""
        if self.send is not None:
            return self.send(self, value, headers)
        variant = self.needs(self.word, headers) if self.needs is not None else ""
        return self.pairs(self.read(value), variant)

    def read(self, word: str, form: Callable[[str], Any] | None = None) -> Any:
        """Return the value of a word; raises InvalidOptionsError."""
        try:
            return (form or self.form.read)(word)
        except ValueError:
            raise illegal_value(self.wrong or self.word, word) from None

    def pairs(self, value: Any, variant: str = "") -> Iterable[tuple[str, Any]]:
        """Return the attributes of the value, and of its mask."""
        attribute = self.attribute.format(variant)
        if isinstance(value, Masked):
            return ((attribute, value.value), (f"{attribute}_MASK", value.mask))
        return ((attribute, value),)


def send_bytes(key: Key, value: Any, headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attribute of a key that was read before."""
    if key.needs is not None:
        key.needs(key.word, headers)
    return ((key.attribute, value),)


def send_vlans(key: Key, value: str, headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attribute for the number of VLAN tags, of which the words behind may tell."""
    headers.vlans = key.read(value)
    return key.pairs(headers.vlans)


def _protocol(key: Key, word: str, name: str) -> int:
    """Return the number of a protocol; raises UsageError, with tc's name of the word."""
    try:
        return int(key.form.read(word))
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: invalid {name}') from None


def send_ether_type(key: Key, value: str, headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attribute for what is behind a VLAN tag, which the words behind are about."""
    assert key.needs is not None
    key.needs(key.word, headers)
    headers.eth_type = _protocol(key, value, "vlan_ethtype")
    if key.word == "vlan_ethtype":
        headers.vlan_type = headers.eth_type
    return key.pairs(headers.eth_type)


def send_ppp_protocol(key: Key, value: str, headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attribute for what PPP carries, which the words behind are about."""
    need_pppoe(key.word, headers)
    number = _protocol(key, value, key.word)
    headers.eth_type = _PPP_TYPES.get(number, headers.eth_type)
    return key.pairs(number)


def send_ip_protocol(key: Key, value: str, headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attribute for what IP carries, which the words behind are about.

    Some names may be abbreviated, but not those that came last (tc 6.6 and younger).
    """
    wanted = {"icmp": IP, "icmpv6": IPV6}
    name = next(
        (
            name
            for name, number in IP_PROTOCOLS.items()
            if value == name or (value and name.startswith(value) and number not in (L2TP, ESP, AH))
        ),
        "",
    )
    if headers.eth_type not in _FAMILIES:
        raise _refuse('Illegal "eth_type" for ip proto', key.word, headers, _AN_IP_PROTOCOL)
    if wanted.get(name, headers.eth_type) != headers.eth_type:
        other = "icmpv6" if name == "icmp" else "icmp"
        raise InvalidOptionsError(
            'Illegal "eth_type" for ip proto',
            hints=(f'"{name}" is of the other version of IP: this one has {other}',),
        )
    headers.ip_proto = IP_PROTOCOLS[name] if name else key.read(value)
    return key.pairs(headers.ip_proto)


def send_address(key: Key, value: str, headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attributes for an address of the family that the EtherType says."""
    family = key.needs(key.word, headers) if key.needs is not None else ""
    prefix = read_prefix(value, family)
    return key.pairs(prefix, family or ("IPV4" if len(prefix.value) == 4 else "IPV6"))


_port = unsigned(0xFFFF, 10)
_port_mask = unsigned(0xFFFF)


def _read_port(word: str) -> Any:
    value, slash, mask = word.partition("/")
    return Masked(_port(value), _port_mask(mask)) if slash else _port(value)


def _read_range(word: str) -> tuple[int, int]:
    low, _, high = word.partition("-")
    return int(_port(low)), int(_port(high))


def send_ports(key: Key, value: str, headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attributes for a port, or for a range of ports."""
    variant = need_ports(key.word, headers)
    if "-" not in value:
        return key.pairs(key.read(value, _read_port), variant)
    low, high = key.read(value, _read_range)
    if high <= low:
        raise InvalidOptionsError("max value should be greater than min value", hints=(f'the range is "{value}"',))
    end = key.attribute.rpartition("_")[2]
    return ((f"KEY_PORT_{end}_MIN", low), (f"KEY_PORT_{end}_MAX", high))


def send_flags(key: Key, values: Sequence[str], headers: Headers) -> Iterable[tuple[str, Any]]:
    """Return the attributes for flags, which may be given one after another."""
    total = key.read("/".join(values))
    return key.pairs(total) if total.mask else ()


if TYPE_CHECKING:
    #: Shows the attributes of a dump, given the view.
    Shower = Callable[[Mapping[str, Any], Any], Sequence[Part]]


def show_key(key: Key) -> Shower:
    """Return what shows a key whose attribute does not depend on others, or tells the family of its address."""
    names = [key.attribute.format(family) for family in (_FAMILIES.values() if "{}" in key.attribute else ("",))]

    def show(values: Mapping[str, Any], view: Any) -> Sequence[Part]:
        name = next((name for name in names if name in values), "")
        return key.form.show(key.word, values[name], values.get(f"{name}_MASK"), view.display) if name else ()

    return show


def show_variant(key: Key, variant: Callable[[Mapping[str, Any]], str]) -> Shower:
    """Return what shows a key whose attribute depends on others."""

    def show(values: Mapping[str, Any], view: Any) -> Sequence[Part]:
        name = key.attribute.format(variant(values))
        if name not in values:
            return ()
        return key.form.show(key.word, values[name], values.get(f"{name}_MASK"), view.display)

    return show


def ip_variant(values: Mapping[str, Any]) -> str:
    """Return the family of a dump's addresses."""
    return _FAMILIES.get(values.get("KEY_ETH_TYPE", ALL), "")


def port_variant(values: Mapping[str, Any]) -> str:
    """Return the protocol of a dump's ports."""
    return _PORTS.get(values.get("KEY_IP_PROTO", -1), "")


def icmp_variant(values: Mapping[str, Any]) -> str:
    """Return the kind of ICMP of a dump."""
    kinds = {(IP, ICMP4): "ICMPV4", (IPV6, ICMP6): "ICMPV6"}
    return kinds.get((values.get("KEY_ETH_TYPE", ALL), values.get("KEY_IP_PROTO", -1)), "")


def show_port_ranges(values: Mapping[str, Any], view: object) -> Sequence[Part]:
    """Return the ranges of ports."""
    fields: list[Part] = []
    for word, end in (("dst_port", "DST"), ("src_port", "SRC")) if port_variant(values) else ():
        low, high = values.get(f"KEY_PORT_{end}_MIN"), values.get(f"KEY_PORT_{end}_MAX")
        if low is not None and high is not None:
            fields.append(line(word, {"start": low, "end": high}, f"{low}-{high}"))
    return fields
