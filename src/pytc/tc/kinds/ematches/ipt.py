"""The ``ipt`` ematch: a match of iptables (tc-ematch(8); include/uapi/linux/tc_ematch/tc_em_ipt.h, net/sched/em_ipt.c).

The kernel takes two of them, policy and addrtype. What their options mean, only iptables' plugins know.
"""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Schema
from pytc.render.documents import Field
from pytc.tc.kinds.interface import EmatchKind

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.ematch_arguments import Arguments

_SCHEMA = Schema(
    ("TCA_EM_IPT_UNSPEC", "none"),
    ("TCA_EM_IPT_HOOK", "uint32"),
    ("TCA_EM_IPT_MATCH_NAME", "asciiz"),
    ("TCA_EM_IPT_MATCH_REVISION", "uint8"),
    ("TCA_EM_IPT_NFPROTO", "uint8"),
    ("TCA_EM_IPT_MATCH_DATA", "cdata"),
)
_IPV6 = 10  # NFPROTO_IPV6
#: struct xt_entry_match: ``match_size u16``, 29 bytes of a name, ``revision u8``.
_HEADER = struct.Struct("=H29sB")
_POST_ROUTING = 4  # NF_INET_POST_ROUTING


def _parse(arguments: Arguments) -> bytes:
    from pytc.tc.kinds.shared.xtables_library import IPV4, IPV6, encode_match

    words = [item.text for item in arguments.items]
    family = IPV6 if words[:1] == ["-6"] else IPV4
    rest = words[1:] if family == IPV6 else words
    if len(rest) < 2 or rest[0] != "-m":
        raise InvalidOptionsError(f'ipt: failed to parse parameters: "-m MATCH" expected, {words}')
    used, raw = encode_match(family, rest[1], tuple(rest[2:]))
    if used < len(rest) - 2:
        raise InvalidOptionsError(f'ipt: "{rest[2 + used]}" is no option of {rest[1]}')
    _, padded, revision = _HEADER.unpack_from(raw)
    return _SCHEMA.encode(
        [
            ("TCA_EM_IPT_HOOK", _POST_ROUTING),
            ("TCA_EM_IPT_MATCH_NAME", padded.partition(b"\0")[0].decode("ascii", "replace")),
            ("TCA_EM_IPT_MATCH_REVISION", revision),
            ("TCA_EM_IPT_NFPROTO", family),
            ("TCA_EM_IPT_MATCH_DATA", raw[_HEADER.size :]),
        ]
    )


def _show(data: bytes) -> Sequence[Part]:
    attributes = _SCHEMA.decode(data)
    name, revision = attributes.get("TCA_EM_IPT_MATCH_NAME", ""), attributes.get("TCA_EM_IPT_MATCH_REVISION", 0)
    is_ipv6 = attributes.get("TCA_EM_IPT_NFPROTO") == _IPV6
    options = attributes.get("TCA_EM_IPT_MATCH_DATA", b"").hex()
    return [
        *([Field("ipv6", True, "-6 ")] if is_ipv6 else []),
        Field("match", name, f"-m {name}"),
        Field("revision", revision, f" revision {revision}"),
        Field("options", options, f" options {options}"),
    ]


KIND = EmatchKind("ipt", 9, _parse, _show, "Usage: ipt([ -6 ] -m MATCH OPTIONS)")
