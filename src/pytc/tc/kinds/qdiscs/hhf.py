"""The ``hhf`` qdisc: heavy flows wait behind the others (include/uapi/linux/pkt_sched.h, net/sched/sch_hhf.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import NUMBER, PACKETS, SIZE, TIME, U32, Declared, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import statistics_lines
from pytc.words.engine import unsigned

_BYTES = SIZE._replace(convert=unsigned(U32))

KIND = qdisc(
    "hhf",
    Declared(
        options=(
            Option("limit", "BACKLOG_LIMIT", PACKETS, "how many packets may wait {1000}", omit=0),
            Option(
                "quantum", "QUANTUM", _BYTES, "how much a bucket may send in a turn {the MTU of the device}", omit=0
            ),
            Option("hh_limit", "HH_FLOWS_LIMIT", NUMBER, "how many heavy flows there may be {2048}", omit=0),
            Option(
                "reset_timeout", "RESET_TIMEOUT", TIME, "how often the counters of flows start again {40ms}", omit=0
            ),
            Option("admit_bytes", "ADMIT_BYTES", _BYTES, "what a flow sends before it is heavy {131072}", omit=0),
            Option("evict_timeout", "EVICT_TIMEOUT", TIME, "how long an idle flow is still heavy {1s}", omit=0),
            Option(
                "non_hh_weight",
                "NON_HH_WEIGHT",
                NUMBER,
                "how much more the other flows may send than the heavy ones {2}",
                omit=0,
            ),
        ),
        sent="BACKLOG_LIMIT QUANTUM HH_FLOWS_LIMIT RESET_TIMEOUT ADMIT_BYTES EVICT_TIMEOUT NON_HH_WEIGHT",
        shown=("limit quantum hh_limit reset_timeout admit_bytes evict_timeout non_hh_weight",),
    ),
    prefix="TCA_HHF",
    attributes=rows(
        "uint32", "BACKLOG_LIMIT QUANTUM HH_FLOWS_LIMIT RESET_TIMEOUT ADMIT_BYTES EVICT_TIMEOUT NON_HH_WEIGHT"
    ),
    statistics=statistics_lines(
        Layout("4I", "drop_overlimit hh_overlimit tot_hh cur_hh"),
        "drop_overlimit hh_overlimit tot_hh cur_hh",
        whole=True,
    ),
    restoration=Restoration(),
)
