"""Statistics of qdiscs and classes (include/uapi/linux/gen_stats.h)."""

import struct
from collections.abc import Mapping

from pytc.documents import Field
from pytc.netlink import constants as c
from pytc.netlink.messages import TcMessage, split_attributes
from pytc.rates import format_rate, format_size
from pytc.records import QueueStatistics

#: struct gnet_stats_basic, _queue, _rate_est and _rate_est64.
_BASIC, _QUEUE, _RATE, _RATE64, _PACKETS64 = (struct.Struct(layout) for layout in ("=QI", "=5I", "=2I", "=2Q", "=Q"))


def read_statistics(message: TcMessage) -> tuple[QueueStatistics | None, bytes]:
    """(TCA_STATS2 decoded, the kind's own statistics) of a qdisc or class; None where the kernel sends none."""
    raw = message.attributes.get("TCA_STATS2")
    if raw is None:
        return None, b""
    own = dict(split_attributes(raw)).get(c.STATS_APP) or message.attributes.get("TCA_XSTATS", b"")
    return unpack_statistics(raw), own


def unpack_statistics(raw: bytes) -> QueueStatistics:
    """The attributes inside TCA_STATS2 or TCA_ACT_STATS."""
    parts = dict(split_attributes(raw))
    sent, packets = _numbers(_BASIC, parts.get(c.STATS_BASIC, b""))
    qlen, backlog, drops, requeues, overlimits = _numbers(_QUEUE, parts.get(c.STATS_QUEUE, b""))
    if c.STATS_PKT64 in parts:
        packets = _numbers(_PACKETS64, parts[c.STATS_PKT64])[0]
    return QueueStatistics(sent, packets, drops, overlimits, requeues, backlog, qlen, _rate(parts))


def statistics_fields(statistics: QueueStatistics, before: str = " ") -> list[Field]:
    """As tc prints them, with ``before`` in front of each line."""
    sent, packets, drops, overlimits, requeues, backlog, qlen, rate = statistics
    fields = [
        Field("bytes", sent, f"{before}Sent {sent} bytes"), Field("packets", packets, f" {packets} pkt"),
        Field("drops", drops, f" (dropped {drops}"), Field("overlimits", overlimits, f", overlimits {overlimits}"),
        Field("requeues", requeues, f" requeues {requeues}) \n"),
    ]
    if rate is not None:
        fields += [Field("rate", rate[0], f"{before}rate {format_rate(rate[0])}"),
                   Field("pps", rate[1], f" {rate[1]}pps")]
    return [*fields, Field("backlog", backlog, f"{before}backlog {format_size(backlog)}"),
            Field("qlen", qlen, f" {qlen}p"),
            Field("", text=f" requeues {requeues}\n")]


def _rate(parts: Mapping[int, bytes]) -> tuple[int, int] | None:
    for number, layout in ((c.STATS_RATE_EST64, _RATE64), (c.STATS_RATE_EST, _RATE)):
        if number in parts:
            bytes_per_second, packets_per_second = _numbers(layout, parts[number])
            return bytes_per_second, packets_per_second
    return None


def _numbers(layout: struct.Struct, payload: bytes) -> tuple[int, ...]:
    """What an older kernel does not send is 0."""
    return layout.unpack_from(payload.ljust(layout.size, b"\0"))
