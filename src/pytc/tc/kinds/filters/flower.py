"""The ``flower`` filter, which compares parts of packets (tc-flower(8); include/uapi/linux/pkt_cls.h,
net/sched/cls_flower.c)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.handles import Handle, parse_classid
from pytc.netlink.schema import mark_inner
from pytc.protocols import ALL
from pytc.render.documents import Field, Group
from pytc.tc.kinds.declaration import Declared, Form, Option, rows
from pytc.tc.kinds.filter import ACTION, DeclaredFilterOptions, filter, show_actions
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.filter_parts import SKIP_HW, SKIP_SW, flag_fields
from pytc.tc.kinds.shared.flower_forms import (
    ARP_OPERATION,
    CT_LABEL,
    CT_STATE,
    ENC_FLAGS,
    ETHER_TYPE,
    ICMP,
    IP,
    IP_FLAGS,
    IP_PROTOCOL,
    MAC,
    MASKED_BYTE,
    MASKED_SHORT,
    MASKED_WORD,
    PPP_PROTOCOL,
    SPI,
    TCP_FLAGS,
    U8,
    U16,
    U32,
    KeyForm,
    decimal,
    show_eth_type,
)
from pytc.tc.kinds.shared.flower_keys import (
    Headers,
    Key,
    icmp_variant,
    ip_variant,
    need_arp,
    need_cfm,
    need_icmp,
    need_inner_vlan,
    need_ip,
    need_l2tp,
    need_label,
    need_label_stack,
    need_ports,
    need_pppoe,
    need_spi,
    need_vlan,
    port_variant,
    send_address,
    send_bytes,
    send_ether_type,
    send_flags,
    send_ip_protocol,
    send_ports,
    send_ppp_protocol,
    send_vlans,
    show_key,
    show_port_ranges,
    show_variant,
)
from pytc.tc.kinds.shared.flower_nested import read_cfm, read_label_stack, show_cfm, show_label_stack
from pytc.tc.kinds.shared.flower_tunnels import READERS, show_tunnel_options
from pytc.words.devices import device
from pytc.words.engine import Cursor, signed, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Part
    from pytc.tc.kinds.interface import FilterPlace, FilterView
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.shared.flower_keys import Shower

#: The first class of hardware, TC_H_MIN_PRIORITY, and how many there are, TC_QOPT_MAX_QUEUE
#: (include/uapi/linux/pkt_sched.h).
_FIRST_HARDWARE_CLASS, _HARDWARE_CLASSES = 0xFFE0, 16
_VERBOSE = 1 << 4  # TCA_CLS_FLAGS_VERBOSE


def _tunnel(word: str) -> KeyForm:
    return KeyForm("OPTIONS[/MASK]", READERS[word])


_PORT = KeyForm("{ PORT[/MASK] | PORT-PORT }", show=MASKED_SHORT.show)
_ENC_PORT = KeyForm("PORT", unsigned(U16, 10), MASKED_SHORT.show)
_LABELS = KeyForm("{ lse depth NUMBER [ label NUMBER ] [ tc NUMBER ] [ bos BIT ] [ ttl NUMBER ] }...")
_CFM = KeyForm("[ mdl LEVEL ] [ op OPCODE ]")
_BIT, _THREE_BITS, _VID = decimal(1, "BIT", as_text=True), decimal(7), decimal(0xFFF, "VID")
#: In tc's order, which decides abbreviations.
_KEYS = (
    Key("ip_flags", "KEY_FLAGS", IP_FLAGS, "whether it is a fragment, and the first one", send=send_flags),
    Key("l2_miss", "L2_MISS", decimal(U8, "BIT"), "whether a bridge did not know its address", exact=True),
    Key("ct_state", "KEY_CT_STATE", CT_STATE, "the state of its connection"),
    Key("ct_zone", "KEY_CT_ZONE", MASKED_SHORT, "the zone of its connection"),
    Key("ct_mark", "KEY_CT_MARK", MASKED_WORD, "the mark of its connection"),
    Key("ct_label", "KEY_CT_LABELS", CT_LABEL, "the label of its connection"),
    Key("num_of_vlans", "KEY_NUM_OF_VLANS", decimal(U8), "how many VLAN tags it has", send=send_vlans, exact=True),
    Key("vlan_id", "KEY_VLAN_ID", _VID, "the VLAN", need_vlan),
    Key("vlan_prio", "KEY_VLAN_PRIO", _THREE_BITS, "the priority in the VLAN tag", need_vlan),
    Key("vlan_ethtype", "KEY_VLAN_ETH_TYPE", ETHER_TYPE, "the protocol behind the tag", need_vlan, send_ether_type),
    Key("cvlan_id", "KEY_CVLAN_ID", _VID, "the VLAN of the second tag", need_inner_vlan),
    Key("cvlan_prio", "KEY_CVLAN_PRIO", _THREE_BITS, "the priority in the second tag", need_inner_vlan),
    Key(
        "cvlan_ethtype",
        "KEY_CVLAN_ETH_TYPE",
        ETHER_TYPE,
        "the protocol behind the second tag",
        need_inner_vlan,
        send_ether_type,
    ),
    Key("mpls", "KEY_MPLS_OPTS", _LABELS, "entries of the MPLS label stack", need_label_stack, send_bytes),
    Key("mpls_label", "KEY_MPLS_LABEL", decimal(0xFFFFF), "the label of the outermost entry", need_label),
    Key("mpls_tc", "KEY_MPLS_TC", decimal(7, as_text=True), "its traffic class", need_label),
    Key("mpls_bos", "KEY_MPLS_BOS", _BIT, "whether it is the bottom of the stack", need_label),
    Key("mpls_ttl", "KEY_MPLS_TTL", decimal(U8, as_text=True), "its time to live", need_label),
    Key("dst_mac", "KEY_ETH_DST", MAC, "the destination's hardware address"),
    Key("src_mac", "KEY_ETH_SRC", MAC, "the source's hardware address"),
    Key("ip_proto", "KEY_IP_PROTO", IP_PROTOCOL, "the protocol in the IP header", send=send_ip_protocol),
    Key("ip_tos", "KEY_IP_TOS", MASKED_BYTE, "the DS field of the IP header"),
    Key("ip_ttl", "KEY_IP_TTL", MASKED_BYTE, "the time to live, or hop limit, of the IP header"),
    Key("dst_ip", "KEY_{}_DST", IP, "the destination's address", need_ip, send_address),
    Key("src_ip", "KEY_{}_SRC", IP, "the source's address", need_ip, send_address),
    Key("dst_port", "KEY_{}_DST", _PORT, "the destination's port, or a range", need_ports, send_ports),
    Key("src_port", "KEY_{}_SRC", _PORT, "the source's port, or a range", need_ports, send_ports),
    Key("tcp_flags", "KEY_TCP_FLAGS", TCP_FLAGS, "the flags in the TCP header, in hex"),
    Key("type", "KEY_{}_TYPE", ICMP, "the type of an ICMP message", need_icmp, wrong="icmp type"),
    Key("code", "KEY_{}_CODE", ICMP, "the code of an ICMP message", need_icmp, wrong="icmp code"),
    Key(
        "l2tpv3_sid",
        "KEY_L2TPV3_SID",
        decimal(U32),
        "the session of L2TPv3",
        need_l2tp,
        exact=True,
        wrong="l2tpv3 session id",
    ),
    Key("spi", "KEY_SPI", SPI, "the security parameter index of IPsec", need_spi, exact=True, wrong="spi index"),
    Key("arp_tip", "KEY_ARP_TIP", IP, "the target's IPv4 address in ARP", need_arp, send_address),
    Key("arp_sip", "KEY_ARP_SIP", IP, "the sender's IPv4 address in ARP", need_arp, send_address),
    Key("arp_op", "KEY_ARP_OP", ARP_OPERATION, "the operation of ARP", need_arp),
    Key("arp_tha", "KEY_ARP_THA", MAC, "the target's hardware address in ARP"),
    Key("arp_sha", "KEY_ARP_SHA", MAC, "the sender's hardware address in ARP"),
    Key("pppoe_sid", "KEY_PPPOE_SID", decimal(U16), "the session of PPPoE", need_pppoe, exact=True),
    Key("ppp_proto", "KEY_PPP_PROTO", PPP_PROTOCOL, "the protocol in PPP", send=send_ppp_protocol, exact=True),
    Key("enc_dst_ip", "KEY_ENC_{}_DST", IP, "the destination's address of the tunnel", send=send_address),
    Key("enc_src_ip", "KEY_ENC_{}_SRC", IP, "the source's address of the tunnel", send=send_address),
    Key("enc_key_id", "KEY_ENC_KEY_ID", decimal(U32), "the number of the tunnel, like a VNI"),
    Key("enc_dst_port", "KEY_ENC_UDP_DST_PORT", _ENC_PORT, "the destination's port of the tunnel"),
    Key("enc_tos", "KEY_ENC_IP_TOS", MASKED_BYTE, "the DS field of the tunnel's IP header"),
    Key("enc_ttl", "KEY_ENC_IP_TTL", MASKED_BYTE, "the time to live of the tunnel's IP header"),
    Key("geneve_opts", "KEY_ENC_OPTS", _tunnel("geneve_opts"), "CLASS:TYPE:DATA in hex, joined by commas"),
    Key("vxlan_opts", "KEY_ENC_OPTS", _tunnel("vxlan_opts"), "the group policy of VXLAN"),
    Key("erspan_opts", "KEY_ENC_OPTS", _tunnel("erspan_opts"), "VERSION:INDEX:DIRECTION:HWID"),
    Key("gtp_opts", "KEY_ENC_OPTS", _tunnel("gtp_opts"), "PDU_TYPE:QFI in hex", exact=True),
    Key("pfcp_opts", "KEY_ENC_OPTS", _tunnel("pfcp_opts"), "TYPE:SEID in hex", exact=True),
    Key("enc_flags", "KEY_ENC_FLAGS", ENC_FLAGS, "flags of the tunnel", send=send_flags, exact=True),
    Key("cfm", "KEY_CFM", _CFM, "maintenance level and opcode of CFM", need_cfm, send_bytes, exact=True),
)
_BY_WORD = {key.word: key for key in _KEYS}
#: Keys that are more words than one.
_NESTED = {"mpls": read_label_stack, "cfm": read_cfm}


def _option(key: Key) -> Option:
    """Return the option for a key, whose value depends on other words, and is read by :func:`_place`."""
    form = Form(key.form.name, read=_NESTED.get(key.word, Cursor.take))
    return Option(key.word, key.word, form, key.help, exact=key.exact, many=key.send is send_flags)


def _indev(cursor: Cursor) -> str:
    word = cursor.take()
    try:
        return device(word)
    except ValueError:
        raise UsageError(f'Error: argument "{word}" is wrong: "indev" not a valid ifname') from None


def _hardware_class(cursor: Cursor) -> int:
    word = cursor.take()
    try:
        number = int(signed(U32)(word))
    except ValueError:
        raise InvalidOptionsError("Illegal TC index", hints=(f'the value is "{word}"',)) from None
    if not 0 <= number < _HARDWARE_CLASSES:
        raise InvalidOptionsError("TC index exceeds max range", hints=(f"it is 0 to {_HARDWARE_CLASSES - 1}",))
    return number


_CLASSID = Form("CLASSID", parse_classid, pack=lambda handle, env: handle.number)
#: What is not compared, by the key that it follows in tc's order.
_BEHIND = {
    "": (
        Option("classid", "CLASSID", _CLASSID, "the class of packets that match"),
        Option("flowid", "CLASSID", _CLASSID, wrong="classid"),
        Option("hw_tc", "hw_tc", Form("NUMBER", read=_hardware_class), "the traffic class of hardware, 0 to 15"),
    ),
    "l2_miss": (
        Option("verbose", "verbose", Form(), "let the kernel say why hardware does not take it"),
        Option("skip_hw", "skip_hw", Form(), "let hardware not do it"),
        Option("skip_sw", "skip_sw", Form(), "let nothing but hardware do it"),
    ),
    "ct_label": (Option("indev", "INDEV", Form("DEVICE", read=_indev), "the device that it came in by"),),
    "enc_flags": (ACTION,),
}
_OPTIONS = (
    *_BEHIND[""],
    *(option for key in _KEYS for option in (_option(key), *_BEHIND.get(key.word, ()))),
)


def _place(options: DeclaredFilterOptions, place: FilterPlace) -> DeclaredFilterOptions:
    """Return the attributes of a filter: the protocol says which headers its keys are about.

    Raises InvalidOptionsError, UsageError.
    """
    given = dict(options.values)
    skips = SKIP_HW * given.pop("skip_hw", 0) | SKIP_SW * given.pop("skip_sw", 0)
    sent: Values = {"FLAGS": skips | _VERBOSE * given.pop("verbose", 0)}
    headers, words = Headers(place.protocol, given), list(given)
    for position, (word, value) in enumerate(given.items()):
        headers.later = words[position + 1 :]
        if word == "hw_tc":
            sent["CLASSID"] = Handle(place.parent >> 16, _FIRST_HARDWARE_CLASS + value)
        elif word in _BY_WORD:
            sent.update(_BY_WORD[word].attributes(value, headers))
        else:
            sent[word] = value
    if place.protocol != ALL:
        sent["KEY_ETH_TYPE"] = place.protocol
    return DeclaredFilterOptions(sent, options.actions)


def _show_beginning(values: Values, view: FilterView) -> list[Field]:
    fields = [Field("handle", view.handle, f"handle {view.handle:#x} ")] if view.handle else []
    number, first = values.get("CLASSID"), _FIRST_HARDWARE_CLASS
    if number is not None and first <= number & 0xFFFF < first + _HARDWARE_CLASSES:
        index = (number & 0xFFFF) - first
        fields.append(Field("hw_tc", index, f"hw_tc {index} "))
    elif number is not None:
        name = view.display.class_name(Handle.from_number(number))
        fields.append(Field("classid", name, f"classid {name} "))
    if "INDEV" in values:
        fields.append(Field("indev", values["INDEV"], f"\n  indev {values['INDEV']}"))
    return fields


def _keys(words: str) -> list[Shower]:
    return [show_key(_BY_WORD[word]) for word in words.split()]


#: In tc's order.
_SHOWN: tuple[Shower, ...] = (
    *_keys("num_of_vlans vlan_id vlan_prio vlan_ethtype cvlan_id cvlan_prio cvlan_ethtype dst_mac src_mac"),
    show_eth_type,
    *_keys("ip_proto ip_tos ip_ttl"),
    show_label_stack,
    *_keys("mpls_label mpls_tc mpls_bos mpls_ttl"),
    *(show_variant(_BY_WORD[word], ip_variant) for word in ("dst_ip", "src_ip")),
    *(show_variant(_BY_WORD[word], port_variant) for word in ("dst_port", "src_port")),
    show_port_ranges,
    *_keys("tcp_flags"),
    *(show_variant(_BY_WORD[word], icmp_variant) for word in ("type", "code")),
    *_keys("l2tpv3_sid spi arp_sip arp_tip arp_op arp_sha arp_tha pppoe_sid ppp_proto"),
    *_keys("enc_dst_ip enc_src_ip enc_key_id enc_dst_port enc_tos enc_ttl"),
    show_tunnel_options,
    *_keys("ip_flags enc_flags l2_miss ct_state ct_zone ct_mark ct_label"),
    show_cfm,
)


def _show_keys(values: Mapping[str, Any], view: FilterView) -> list[Part]:
    return [Group("keys", [part for show in _SHOWN for part in show(values, view)])]


def _show_flags(values: Values, view: FilterView) -> list[Field]:
    fields = [*flag_fields(values.get("FLAGS"), "\n  ", "")]
    if fields and fields[-1].key == "in_hw" and "IN_HW_COUNT" in values:
        count = values["IN_HW_COUNT"]
        fields.append(Field("in_hw_count", count, f" in_hw_count {count}"))
    return fields


def _refuse_tags(present: Attributes, requested: Attributes | None) -> str:
    """Refuse filters of VLAN tags and PPPoE, of which the kernel shows other EtherTypes than it was given."""
    tags = tuple(f"TCA_FLOWER_KEY_{part}" for part in ("VLAN_", "CVLAN_", "NUM_OF_VLANS", "PPP_PROTO", "PPPOE_SID"))
    if any(name.startswith(tags) for name in present):
        return "the kernel does not tell whole which EtherTypes it matches"
    return ""


KIND = filter(
    "flower",
    Declared(
        _OPTIONS,
        "*",
        (_show_beginning, _show_keys, _show_flags, show_actions),
        exact=False,
        notes="""
The words are read from left to right: protocol, vlan_ethtype, ppp_proto and ip_proto say what those behind them are
about.
""",
    ),
    prefix="TCA_FLOWER",
    attributes=(
        ("CLASSID", "uint32"),
        ("INDEV", "asciiz"),
        *rows("cdata", "ACT KEY_ETH_DST KEY_ETH_DST_MASK KEY_ETH_SRC KEY_ETH_SRC_MASK"),
        ("KEY_ETH_TYPE", "be16"),
        ("KEY_IP_PROTO", "uint8"),
        *rows("cdata", "KEY_IPV4_SRC KEY_IPV4_SRC_MASK KEY_IPV4_DST KEY_IPV4_DST_MASK"),
        *rows("cdata", "KEY_IPV6_SRC KEY_IPV6_SRC_MASK KEY_IPV6_DST KEY_IPV6_DST_MASK"),
        *rows("be16", "KEY_TCP_SRC KEY_TCP_DST KEY_UDP_SRC KEY_UDP_DST"),
        ("FLAGS", "uint32"),
        ("KEY_VLAN_ID", "uint16"),
        ("KEY_VLAN_PRIO", "uint8"),
        ("KEY_VLAN_ETH_TYPE", "be16"),
        ("KEY_ENC_KEY_ID", "be32"),
        *rows("cdata", "KEY_ENC_IPV4_SRC KEY_ENC_IPV4_SRC_MASK KEY_ENC_IPV4_DST KEY_ENC_IPV4_DST_MASK"),
        *rows("cdata", "KEY_ENC_IPV6_SRC KEY_ENC_IPV6_SRC_MASK KEY_ENC_IPV6_DST KEY_ENC_IPV6_DST_MASK"),
        *rows("be16", "KEY_TCP_SRC_MASK KEY_TCP_DST_MASK KEY_UDP_SRC_MASK KEY_UDP_DST_MASK"),
        *rows("be16", "KEY_SCTP_SRC_MASK KEY_SCTP_DST_MASK KEY_SCTP_SRC KEY_SCTP_DST"),
        *rows("be16", "KEY_ENC_UDP_SRC_PORT KEY_ENC_UDP_SRC_PORT_MASK"),
        *rows("be16", "KEY_ENC_UDP_DST_PORT KEY_ENC_UDP_DST_PORT_MASK"),
        *rows("be32", "KEY_FLAGS KEY_FLAGS_MASK"),
        *rows("uint8", "KEY_ICMPV4_CODE KEY_ICMPV4_CODE_MASK KEY_ICMPV4_TYPE KEY_ICMPV4_TYPE_MASK"),
        *rows("uint8", "KEY_ICMPV6_CODE KEY_ICMPV6_CODE_MASK KEY_ICMPV6_TYPE KEY_ICMPV6_TYPE_MASK"),
        *rows("cdata", "KEY_ARP_SIP KEY_ARP_SIP_MASK KEY_ARP_TIP KEY_ARP_TIP_MASK"),
        *rows("uint8", "KEY_ARP_OP KEY_ARP_OP_MASK"),
        *rows("cdata", "KEY_ARP_SHA KEY_ARP_SHA_MASK KEY_ARP_THA KEY_ARP_THA_MASK"),
        *rows("uint8", "KEY_MPLS_TTL KEY_MPLS_BOS KEY_MPLS_TC"),
        ("KEY_MPLS_LABEL", "uint32"),
        *rows("be16", "KEY_TCP_FLAGS KEY_TCP_FLAGS_MASK"),
        *rows("uint8", "KEY_IP_TOS KEY_IP_TOS_MASK KEY_IP_TTL KEY_IP_TTL_MASK"),
        ("KEY_CVLAN_ID", "uint16"),
        ("KEY_CVLAN_PRIO", "uint8"),
        ("KEY_CVLAN_ETH_TYPE", "be16"),
        *rows("uint8", "KEY_ENC_IP_TOS KEY_ENC_IP_TOS_MASK KEY_ENC_IP_TTL KEY_ENC_IP_TTL_MASK"),
        *rows("nested", "KEY_ENC_OPTS KEY_ENC_OPTS_MASK"),
        ("IN_HW_COUNT", "uint32"),
        *rows("be16", "KEY_PORT_SRC_MIN KEY_PORT_SRC_MAX KEY_PORT_DST_MIN KEY_PORT_DST_MAX"),
        *rows("uint16", "KEY_CT_STATE KEY_CT_STATE_MASK KEY_CT_ZONE KEY_CT_ZONE_MASK"),
        *rows("uint32", "KEY_CT_MARK KEY_CT_MARK_MASK"),
        *rows("cdata", "KEY_CT_LABELS KEY_CT_LABELS_MASK"),
        ("KEY_MPLS_OPTS", "nested"),
        *rows("uint32", "KEY_HASH KEY_HASH_MASK"),
        ("KEY_NUM_OF_VLANS", "uint8"),
        *rows("be16", "KEY_PPPOE_SID KEY_PPP_PROTO"),
        ("KEY_L2TPV3_SID", "be32"),
        ("L2_MISS", "uint8"),
        ("KEY_CFM", "nested"),
        *rows("be32", "KEY_SPI KEY_SPI_MASK KEY_ENC_FLAGS KEY_ENC_FLAGS_MASK"),
    ),
    actions="ACT",
    brief=("FLAGS",),
    sends_always=True,
    place=_place,
    restoration=Restoration(
        replaces=True,
        described=("TCA_FLOWER_IN_HW_COUNT",),
        refuse=_refuse_tags,
        resent=dict.fromkeys(("TCA_FLOWER_KEY_ENC_OPTS", "TCA_FLOWER_KEY_ENC_OPTS_MASK"), mark_inner),
    ),
)
