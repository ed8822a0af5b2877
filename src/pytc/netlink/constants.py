"""Numbers of rtnetlink (include/uapi/linux/{netlink,rtnetlink,pkt_sched}.h), C names in the comments."""

from __future__ import annotations

# Message types.
NOOP, ERROR, DONE = 1, 2, 3  # NLMSG_*
NEWQDISC, DELQDISC, GETQDISC = 36, 37, 38  # RTM_*
NEWTCLASS, DELTCLASS, GETTCLASS = 40, 41, 42
NEWTFILTER, DELTFILTER, GETTFILTER = 44, 45, 46
NEWACTION, DELACTION, GETACTION = 48, 49, 50
NEWCHAIN, DELCHAIN, GETCHAIN = 100, 101, 102

# Flags, NLM_F_*.
REQUEST, ACK, ECHO, DUMP_INTR = 0x1, 0x4, 0x8, 0x10
DUMP = 0x300
REPLACE, EXCL, CREATE = 0x100, 0x200, 0x400
ROOT = 0x100
ACK_CAPPED, ACK_TLVS = 0x100, 0x200

# In the place of a device's index: the parent is the index of a block, TCM_IFINDEX_MAGIC_BLOCK.
BLOCK = -1

# Socket level SOL_NETLINK and its options.
SOL_NETLINK, EXT_ACK, CAP_ACK = 270, 11, 10
AF_NETLINK, NETLINK_ROUTE = 16, 0

# Attributes of an extended acknowledgement, NLMSGERR_ATTR_*.
ATTR_MSG = 1

# TCA_STATS_* inside TCA_STATS2.
STATS_BASIC, STATS_RATE_EST, STATS_QUEUE, STATS_APP, STATS_RATE_EST64 = 1, 2, 3, 4, 5
STATS_BASIC_HW, STATS_PKT64 = 7, 8
