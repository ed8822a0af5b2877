"""Statistics of cake: of the qdisc with its tins, and of flows (TCA_CAKE_STATS_*, include/uapi/linux/pkt_sched.h)."""

from __future__ import annotations

from pytc.netlink.schema import Schema, split_attributes
from pytc.render.documents import ArrayField, Field
from pytc.tc.kinds.declaration import rows
from pytc.tc.kinds.shared.fields import counter, signed_time
from pytc.tc.rates import format_rate, format_size, format_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from pytc.render.documents import Display, Document, Part

#: TC_CAKE_MAX_TINS.
_MOST_TINS = 8
_STATISTICS = Schema(
    ("", "none"),
    ("PAD", "none"),
    ("CAPACITY_ESTIMATE64", "uint64"),
    *rows("uint32", "MEMORY_LIMIT MEMORY_USED AVG_NETOFF MIN_NETLEN MAX_NETLEN MIN_ADJLEN MAX_ADJLEN"),
    ("TIN_STATS", "cdata"),
    ("DEFICIT", "int32"),
    ("COBALT_COUNT", "uint32"),
    ("DROPPING", "uint32"),
    ("DROP_NEXT_US", "int32"),
    ("P_DROP", "uint32"),
    ("BLUE_TIMER_US", "int32"),
    ("ACTIVE_QUEUES", "uint32"),
)
_TIN = Schema(
    ("", "none"),
    ("PAD", "none"),
    ("SENT_PACKETS", "uint32"),
    ("SENT_BYTES64", "uint64"),
    ("DROPPED_PACKETS", "uint32"),
    ("DROPPED_BYTES64", "uint64"),
    ("ACKS_DROPPED_PACKETS", "uint32"),
    ("ACKS_DROPPED_BYTES64", "uint64"),
    ("ECN_MARKED_PACKETS", "uint32"),
    ("ECN_MARKED_BYTES64", "uint64"),
    ("BACKLOG_PACKETS", "uint32"),
    ("BACKLOG_BYTES", "uint32"),
    ("THRESHOLD_RATE64", "uint64"),
    *rows(
        "uint32",
        "TARGET_US INTERVAL_US WAY_INDIRECT_HITS WAY_MISSES WAY_COLLISIONS PEAK_DELAY_US AVG_DELAY_US BASE_DELAY_US "
        "SPARSE_FLOWS BULK_FLOWS UNRESPONSIVE_FLOWS MAX_SKBLEN FLOW_QUANTUM",
    ),
)
#: Members in JSON, in their order.
_MEMBERS = (
    ("threshold_rate", "THRESHOLD_RATE64"),
    ("sent_bytes", "SENT_BYTES64"),
    ("backlog_bytes", "BACKLOG_BYTES"),
    ("target_us", "TARGET_US"),
    ("interval_us", "INTERVAL_US"),
    ("peak_delay_us", "PEAK_DELAY_US"),
    ("avg_delay_us", "AVG_DELAY_US"),
    ("base_delay_us", "BASE_DELAY_US"),
    ("sent_packets", "SENT_PACKETS"),
    ("way_indirect_hits", "WAY_INDIRECT_HITS"),
    ("way_misses", "WAY_MISSES"),
    ("way_collisions", "WAY_COLLISIONS"),
    ("drops", "DROPPED_PACKETS"),
    ("ecn_mark", "ECN_MARKED_PACKETS"),
    ("ack_drops", "ACKS_DROPPED_PACKETS"),
    ("sparse_flows", "SPARSE_FLOWS"),
    ("bulk_flows", "BULK_FLOWS"),
    ("unresponsive_flows", "UNRESPONSIVE_FLOWS"),
    ("max_pkt_len", "MAX_SKBLEN"),
    ("flow_quantum", "FLOW_QUANTUM"),
)
#: Rows in text; None stands for a rate.
_ROWS: Sequence[tuple[str, str, Callable[[int], str] | None]] = (
    ("thresh", "THRESHOLD_RATE64", None),
    ("target", "TARGET_US", format_time),
    ("interval", "INTERVAL_US", format_time),
    ("pk_delay", "PEAK_DELAY_US", format_time),
    ("av_delay", "AVG_DELAY_US", format_time),
    ("sp_delay", "BASE_DELAY_US", format_time),
    ("backlog", "BACKLOG_BYTES", format_size),
    ("pkts", "SENT_PACKETS", str),
    ("bytes", "SENT_BYTES64", str),
    ("way_inds", "WAY_INDIRECT_HITS", str),
    ("way_miss", "WAY_MISSES", str),
    ("way_cols", "WAY_COLLISIONS", str),
    ("drops", "DROPPED_PACKETS", str),
    ("marks", "ECN_MARKED_PACKETS", str),
    ("ack_drop", "ACKS_DROPPED_PACKETS", str),
    ("sp_flows", "SPARSE_FLOWS", str),
    ("bk_flows", "BULK_FLOWS", str),
    ("un_flows", "UNRESPONSIVE_FLOWS", str),
    ("max_len", "MAX_SKBLEN", str),
    ("quantum", "FLOW_QUANTUM", str),
)
#: Names of tins by their number, which stands for what they are; other numbers have none.
_TINS = {3: ("Bulk", "Best Effort", "Voice"), 4: ("Bulk", "Best Effort", "Video", "Voice")}


def qdisc_statistics(raw: bytes, display: Display) -> Document:
    """Return the statistics of a qdisc as tc prints them: a table of tins in text."""
    values = _STATISTICS.decode(raw)
    fields: list[Part] = []
    if "MEMORY_USED" in values and "MEMORY_LIMIT" in values:
        used, limit = values["MEMORY_USED"], values["MEMORY_LIMIT"]
        fields += [
            Field("memory_used", used, f" memory used: {format_size(used)}"),
            Field("memory_limit", limit, f" of {format_size(limit)}\n"),
        ]
    if "CAPACITY_ESTIMATE64" in values:
        rate = values["CAPACITY_ESTIMATE64"]
        fields.append(Field("capacity_estimate", rate, f" capacity estimate: {format_rate(rate, iec=display.iec)}\n"))
    fields += _range(values, " min/max network layer size: {:12} /", "network", "NETLEN")
    fields += _range(values, " min/max overhead-adjusted size: {:8} /", "adj", "ADJLEN")
    for name, attribute, text in (
        ("active_queues", "ACTIVE_QUEUES", " active queues:              {:12}\n"),
        ("avg_hdr_offset", "AVG_NETOFF", " average network hdr offset: {:12}\n\n"),
    ):
        if attribute in values:
            fields.append(Field(name, values[attribute], text.format(values[attribute])))
    tins = [_TIN.decode(tin) for _, tin in split_attributes(values.get("TIN_STATS", b""))][:_MOST_TINS]
    if not tins:
        return fields
    members = [[Field(name, tin[key]) for name, key in _MEMBERS if key in tin] for tin in tins]
    return [*fields, Field("", text=_table(tins, display)), ArrayField("tins", members)]


def _range(values: Mapping[str, Any], text: str, name: str, attribute: str) -> list[Field]:
    least, most = values.get(f"MIN_{attribute}"), values.get(f"MAX_{attribute}")
    if least is None or most is None:
        return []
    return [
        Field(f"min_{name}_size", least, text.format(least)),
        Field(f"max_{name}_size", most, f"{most:8}\n"),
    ]


def _table(tins: Sequence[Mapping[str, Any]], display: Display) -> str:
    names = _TINS.get(len(tins), tuple(f"Tin {number}" for number in range(len(tins))))
    lines = ["".join([" " * 10, *(f" {name:>12}" for name in names)])]
    for name, key, spelled in _ROWS:
        spell = spelled or (lambda rate: format_rate(rate, iec=display.iec))
        if key in tins[0]:
            lines.append("".join([f"  {name:<8}", *(f" {spell(tin.get(key, 0)):>12}" for tin in tins)]))
    return "\n".join([*lines, ""])


def flow_statistics(raw: bytes, display: Display) -> Document:
    """Return the statistics of a flow, which cake shows as a class."""
    values = _STATISTICS.decode(raw)
    fields: list[Field] = []
    if "DEFICIT" in values:
        fields.append(counter("deficit", values["DEFICIT"], "  "))
    if "COBALT_COUNT" in values:
        fields.append(counter("count", values["COBALT_COUNT"]))
    if values.get("DROPPING"):
        fields.append(Field("dropping", True, " dropping"))
        if "DROP_NEXT_US" in values:
            fields.append(signed_time("drop_next", values["DROP_NEXT_US"]))
    if "P_DROP" in values:
        fields.append(counter("blue_prob", values["P_DROP"]))
        if "BLUE_TIMER_US" in values:
            fields.append(signed_time("blue_timer", values["BLUE_TIMER_US"]))
    return fields
