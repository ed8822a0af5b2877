"""The ``ipt`` ematch: a match of iptables (tc-ematch(8); include/uapi/linux/tc_ematch/tc_em_ipt.h, net/sched/em_ipt.c).

The kernel takes two of them, policy and addrtype. What their options mean, only iptables' own libraries know.
"""

from collections.abc import Sequence

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import Schema
from pytc.render.documents import Field, Part
from pytc.tc.kinds.interface import EmatchKind
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


def _parse(arguments: Arguments) -> bytes:
    words = [item.text for item in arguments.items]
    name = next((words[at + 1] for at, word in enumerate(words[:-1]) if word in ("-m", "--match")), "")
    raise InvalidOptionsError(
        f"ipt: failed to find match {name}"
        if name
        else f'ipt: failed to parse parameters: "-m MATCH" expected, {words}',
        hints=(
            "pytc does not load iptables' libraries, which alone know the options of matches; it shows such filters",
        ),
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
