"""Statistics of qdiscs and classes (include/uapi/linux/gen_stats.h)."""

from __future__ import annotations

import struct

from pytc.netlink import constants as c
from pytc.netlink.schema import split_attributes
from pytc.render.documents import Field, Group
from pytc.tc.rates import format_rate, format_size
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from pytc.netlink.messages import TcMessage
    from pytc.render.documents import Part

#: struct gnet_stats_basic, _queue, _rate_est and _rate_est64.
_OLD = struct.Struct("=Q7I")
_BASIC, _QUEUE, _RATE, _RATE64, _PACKETS64 = (struct.Struct(layout) for layout in ("=QI", "=5I", "=2I", "=2Q", "=Q"))


class QueueStatistics(NamedTuple):
    """The counters of TCA_STATS2.

    ``rate`` is (bytes/s, packets/s) of a rate estimator, None without one; ``hardware`` (bytes, packets) of those that
    hardware handled. ``counted`` and ``queued`` say whether the kernel sends the counters, and those of a queue;
    ``old`` that they come from TCA_STATS.
    """

    bytes: int = 0
    packets: int = 0
    drops: int = 0
    overlimits: int = 0
    requeues: int = 0
    backlog: int = 0
    qlen: int = 0
    rate: tuple[int, int] | None = None
    hardware: tuple[int, int] = (0, 0)
    counted: bool = True
    queued: bool = True
    old: bool = False


def read_statistics(message: TcMessage) -> tuple[QueueStatistics | None, bytes]:
    """Return (TCA_STATS2 decoded, the kind's own) of a qdisc or class; None where the kernel sends none."""
    raw = message.attributes.get("TCA_STATS2")
    if raw is None:
        return None, b""
    kind_statistics = dict(split_attributes(raw)).get(c.STATS_APP) or message.attributes.get("TCA_XSTATS", b"")
    return unpack_statistics(raw), kind_statistics


def unpack_statistics(raw: bytes) -> QueueStatistics:
    """Return the counters inside TCA_STATS2 or TCA_ACT_STATS."""
    parts = dict(split_attributes(raw))
    sent, packets = _numbers(_BASIC, parts.get(c.STATS_BASIC, b""))
    qlen, backlog, drops, requeues, overlimits = _numbers(_QUEUE, parts.get(c.STATS_QUEUE, b""))
    packets = _numbers(_PACKETS64, parts.get(c.STATS_PKT64, b""))[0] or packets
    by_hardware, packets_by_hardware = _numbers(_BASIC, parts.get(c.STATS_BASIC_HW, b""))
    return QueueStatistics(
        sent,
        packets,
        drops,
        overlimits,
        requeues,
        backlog,
        qlen,
        _rate(parts),
        (by_hardware, packets_by_hardware),
        c.STATS_BASIC in parts,
        c.STATS_QUEUE in parts,
    )


def unpack_old_statistics(raw: bytes) -> QueueStatistics:
    """Return ``struct tc_stats``, which the kernel sends of filters with the old attribute for police.

    ``bytes u64``, then u32 each: ``packets, drops, overlimits, bps, pps, qlen, backlog``.
    """
    sent, packets, drops, overlimits, rate, packet_rate, qlen, backlog = _numbers(_OLD, raw)
    return QueueStatistics(
        sent,
        packets,
        drops,
        overlimits,
        0,
        backlog,
        qlen,
        (rate, packet_rate) if rate or packet_rate else None,
        old=True,
    )


def filter_statistics(statistics: QueueStatistics, *, iec: bool = False) -> list[Part]:
    """Return counters as tc prints them behind a filter."""
    if not statistics.old:
        return [Group("stats", statistics_fields(statistics, iec=iec)), Field("", text="\n")]
    sent, packets, drops, overlimits, _, backlog, qlen, rate, *_ = statistics
    bytes_rate, packet_rate = rate or (0, 0)
    more: list[Part] = []
    more += [Field("", text="rate ")] if rate else []
    more += [Field("rate", bytes_rate, f"{format_rate(bytes_rate, iec=iec)} ")] if bytes_rate else []
    more += [Field("pps", packet_rate, f"{packet_rate}pps ")] if packet_rate else []
    more += [Field("", text="backlog ")] if backlog or qlen else []
    more += [Field("backlog", backlog, f"{format_size(backlog)} ")] if backlog else []
    more += [Field("qlen", qlen, f"{qlen}p ")] if qlen else []
    return [
        Field("bytes", sent, f" Sent {sent} bytes"),
        Field("packets", packets, f" {packets} pkts"),
        Field("dropped", drops, f" (dropped {drops}, "),
        Field("overlimits", overlimits, f"overlimits {overlimits}) \n"),
        *([Field("", text=" "), *more, Field("", text="\n")] if more else []),
    ]


def statistics_fields(statistics: QueueStatistics, before: str = " ", *, iec: bool = False) -> list[Field]:
    """Return counters as tc prints them, with ``before`` in front of each line; ``iec`` is for the rate."""
    fields = _counters(statistics, before) if statistics.counted else []
    if statistics.queued:
        drops, overlimits, requeues = statistics.drops, statistics.overlimits, statistics.requeues
        fields += [
            Field("drops", drops, f" (dropped {drops}"),
            Field("overlimits", overlimits, f", overlimits {overlimits}"),
            Field("requeues", requeues, f" requeues {requeues}) "),
        ]
    fields += _by_hardware(statistics, before)
    if statistics.rate is not None:
        rate, packet_rate = statistics.rate
        fields += [
            Field("rate", rate, f"\n{before}rate {format_rate(rate, iec=iec)}"),
            Field("pps", packet_rate, f" {packet_rate}pps"),
        ]
    if statistics.queued:
        new_line = "\n" if statistics.rate is None else ""
        fields += [
            Field("backlog", statistics.backlog, f"{new_line}{before}backlog {format_size(statistics.backlog)}"),
            Field("qlen", statistics.qlen, f" {statistics.qlen}p"),
            Field("", text=f" requeues {statistics.requeues}"),
        ]
    return [*fields, Field("", text="\n")]


def _counters(statistics: QueueStatistics, before: str) -> list[Field]:
    sent, packets = statistics.bytes, statistics.packets
    return [Field("bytes", sent, f"{before}Sent {sent} bytes"), Field("packets", packets, f" {packets} pkt")]


def _by_hardware(statistics: QueueStatistics, before: str) -> list[Field]:
    """Return what hardware counted, and what is left of the counters for software."""
    sent, packets = statistics.hardware
    if not sent and not packets:
        return []
    fields = []
    rest, packets_left = statistics.bytes - sent, statistics.packets - packets
    if statistics.counted and rest >= 0 and packets_left >= 0:
        fields = [
            Field("sw_bytes", rest, f"\n{before}Sent software {rest} bytes"),
            Field("sw_packets", packets_left, f" {packets_left} pkt"),
        ]
    return [
        *fields,
        Field("hw_bytes", sent, f"\n{before}Sent hardware {sent} bytes"),
        Field("hw_packets", packets, f" {packets} pkt"),
    ]


def _rate(parts: Mapping[int, bytes]) -> tuple[int, int] | None:
    for number, layout in ((c.STATS_RATE_EST64, _RATE64), (c.STATS_RATE_EST, _RATE)):
        if number in parts:
            bytes_per_second, packets_per_second = _numbers(layout, parts[number])
            return bytes_per_second, packets_per_second
    return None


def _numbers(layout: struct.Struct, payload: bytes) -> tuple[int, ...]:
    """Return numbers, 0 for those that an older kernel does not send."""
    return layout.unpack_from(payload.ljust(layout.size, b"\0"))
