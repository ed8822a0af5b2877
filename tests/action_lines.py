"""Command lines with actions, for all tests that compare pytc with tc: right ones by kind, and wrong ones.

``_`` stands for the blanks inside bytecode.
"""

from __future__ import annotations

import re

_ADD = "actions add action "

#: Right lines, which the kernel takes too; each action has an index of its own.
BY_KIND: dict[str, tuple[str, ...]] = {
    "mirred": (
        "mirred egress redirect dev em1 index 1", "mirred egress mirror dev em1 index 2",
        "mirred ingress redirect dev em1 index 3", "mirred ingress mirror dev em1 drop index 4",
        "mirred ingress index 5 mirror dev em1 ok", "mirred egress redirect index 6 dev em1",
        "mirred e m d em1 pi ind 7", "mirred i r d em1 i 8", "mirred egress mirror dev em1 jump 2 index 9",
        "mirred in mi de em1 recl index 10",
        "mirred egress mirror dev em1 index 11 cookie 0102", "mirred egress redirect dev em1 index 12 no_percpu",
        "mirred egress redirect dev em1 index 13 action mirred egress mirror dev em1 trap index 14",
    ),
    "csum": (
        "csum ip4h index 1", "csum iph and icmp or igmp + tcp udp udplite and sctp pipe index 2",
        "csum iph and sctp drop index 3", "csum u and udpl t s index 4", "csum tcp csum udp index 5",
        "csum ic ig ipv4h reclassify index 6", "csum i + s continue index 7", "csum a tcp jump 1 index 8",
        "csum igmp index 9 cookie ff hw_stats disabled",
    ),
    "skbedit": (
        "skbedit mark 5 index 1", "skbedit mark 5/0xf priority 1:2 queue_mapping 3 ptype host pipe index 2",
        "skbedit m 0x7/017 p 6 q 65535 pt otherhost i ind 3", "skbedit inheritdsfield index 4",
        "skbedit priority :6 ok index 5", "skbedit priority root index 6", "skbedit priority 1a: continue index 7",
        "skbedit ptype otherhost drop index 8", "skbedit ptype multi index 9", "skbedit ptype b index 10",
        "skbedit mark 5 mark 6 index 11", "skbedit mark 0/0 priority none queue_mapping 0 index 12",
        "skbedit mark 4294967295/0xffffffff trap index 13", "skbedit mark 5 index 14 action skbedit mark 6 index 15",
    ),
    "vlan": (
        "vlan pop index 1", "vlan push id 5 index 2", "vlan push id 5 protocol 802.1ad priority 3 index 3",
        "vlan push id 0xffe protocol 802.1Q pri 7 drop index 4", "vlan pus prot 802.1q i 017 index 5",
        "vlan push protocol 802.1AD id 3 index 6", "vlan modify id 7 priority 2 drop index 7", "vlan m i 7 index 8",
        "vlan pop_eth index 9", "vlan push_eth dst_mac 00:11:22:33:44:55 src_mac 0:1:2:3:4:f6 index 10",
        "vlan push_ s 00:11:22:33:44:55 d 00:11:22:33:44:66 trap index 11", "vlan po jump 3 index 12",
        "vlan push id 5 id 6 index 13 action vlan pop index 14",
    ),
}

#: Right lines that the kernel refuses when the index names nothing, or outside of a filter.
REFUSED = (
    "mirred index 50", "mirred egress mirror dev em1 goto chain 3", "skbedit index 77", "vlan index 7",
    "csum tcp goto chain 9", "mirred egress redirect index 5 action ok",
)

#: Wrong lines, and what stderr has to name; none of them gets as far as the kernel.
WRONG: tuple[tuple[str, str], ...] = (
    ("action mirred", "not complete"),
    ("action mirred foo", "foo"),
    ("action mirred redirect dev em1", "redirect"),
    ("action mirred action egress", "action"),
    ("action mirred egress", "not complete"),
    ("action mirred egress redirect", "not complete"),
    ("action mirred egress redirect dev", "not complete"),
    ("action mirred egress dev em1", "dev"),
    ("action mirred egress foo", "foo"),
    ("action mirred egress redirect dev nosuch", 'Cannot find device "nosuch"'),
    ("action mirred egress redirect mirror dev em1", "mirror"),
    ("action mirred egress mirror redirect dev em1", "redirect"),
    ("action mirred egress ingress redirect dev em1", "ingress"),
    ("action mirred ingress egress redirect dev em1", "egress"),
    ("action mirred egress redirect dev em1 dev em2", "dev"),
    ("action mirred egress redirect dev em1 index x", "x"),
    ("action mirred egress redirect index 5 dev em1 index 6", "index"),
    ("action mirred index x", "x"),
    ("action mirred index", "not complete"),
    ("action mirred index 5 egress redirect dev em1", "egress"),
    ("action mirred egress mirror dev em1 jump", "not complete"),
    ("action mirred egress mirror dev em1 goto chain x", "x"),
    ("action mirred egress redirect dev em1 bogus", "bogus"),
    ("action csum", "not complete"),
    ("action csum foo", "foo"),
    ("action csum and", "empty"),
    ("action csum tcp index x", "x"),
    ("action csum tcp index", "not complete"),
    ("action csum tcp csum", "not complete"),
    ("action csum tcp foo", "foo"),
    ("action csum tcp goto", "not complete"),
    ("action csum tcp goto foo", "foo"),
    ("action csum tcp goto chain x", "x"),
    ("action csum tcp jump", "not complete"),
    ("action skbedit", "not complete"),
    ("action skbedit foo", "foo"),
    ("action skbedit drop", "drop"),
    ("action skbedit mark", "not complete"),
    ("action skbedit mark x", "x"),
    ("action skbedit mark 5/", "5/"),
    ("action skbedit mark 5/x", "5/x"),
    ("action skbedit mark /5", "/5"),
    ("action skbedit mark -1", "-1"),
    ("action skbedit mark 4294967296", "4294967296"),
    ("action skbedit mark 1 jump x", "x"),
    ("action skbedit priority 1:x", "1:x"),
    ("action skbedit priority 99999:1", "99999:1"),
    ("action skbedit queue_mapping 65536", "65536"),
    ("action skbedit queue_mapping 0x3", "0x3"),
    ("action skbedit ptype foo", "foo"),
    ("action skbedit ptype", "not complete"),
    ("action skbedit index x", "x"),
    ("action skbedit i 5", "5"),
    ("action skbedit mark 5 bogus", "bogus"),
    ("action vlan", "not complete"),
    ("action vlan foo", "foo"),
    ("action vlan pop push", "push"),
    ("action vlan pop pop", "pop"),
    ("action vlan push", "id"),
    ("action vlan modify priority 3", "id"),
    ("action vlan push id", "not complete"),
    ("action vlan push id x", "x"),
    ("action vlan push id 65536", "65536"),
    ("action vlan push id 5 protocol foo", "foo"),
    ("action vlan push id 5 protocol ip", "protocol"),
    ("action vlan push id 5 priority 8", "8"),
    ("action vlan push id 5 priority", "not complete"),
    ("action vlan pop id 5", "id"),
    ("action vlan id 5 push", "id"),
    ("action vlan protocol 802.1q", "protocol"),
    ("action vlan pop dst_mac 00:11:22:33:44:55", "dst_mac"),
    ("action vlan push_eth", "dst_mac"),
    ("action vlan push_eth dst_mac x", "x"),
    ("action vlan push_eth dst_mac 00:11:22:33:44:55", "src_mac"),
    ("action vlan push_eth src_mac 00:11:22:33:44:55", "dst_mac"),
    ("action vlan push_eth dst_mac 00:11:22:33:44:555 src_mac 1:2:3:4:5:6", "44:555"),
    ("action vlan pop index x", "x"),
    ("action vlan pop goto chain 99999999999", "99999999999"),
    ("action vlan pop bogus", "bogus"),
    ("action goto chain x", "x"),
    ("action nosuch", "nosuch"),
    ("action drop action", "action"),
)


def words_of(line: str) -> list[str]:
    """Words at blanks, with ``_`` for the blanks inside bytecode."""
    return [word.replace("_", " ") if re.match(r"\d+,\d", word) else word for word in line.split()]


def added(kind: str) -> list[str]:
    """The lines of a kind as commands."""
    return [_ADD + line for line in BY_KIND[kind]]
