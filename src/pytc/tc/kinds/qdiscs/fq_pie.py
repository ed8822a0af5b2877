"""The ``fq_pie`` qdisc: flows in turn, with PIE for each (tc-fq_pie(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_fq_pie.c)."""

from __future__ import annotations

from pytc.tc.kinds.declaration import NUMBER, PACKETS, SIZE, Declared, Form, Option, rows
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.fields import statistics_lines
from pytc.tc.kinds.shared.pie import ALPHA, BETA, SWITCHES, TARGET, TUPDATE, restored_target
from pytc.words.engine import unsigned

KIND = qdisc(
    "fq_pie",
    Declared(
        options=(
            Option("limit", "LIMIT", PACKETS, "how many packets may wait {10240}", omit=0),
            Option("flows", "FLOWS", NUMBER, "the size of the table of flows {1024}", omit=0),
            TARGET,
            TUPDATE,
            ALPHA,
            BETA,
            Option("quantum", "QUANTUM", SIZE, "how much a flow may send in a turn {the MTU of the device}", omit=0),
            Option(
                "memory_limit", "MEMORY_LIMIT", SIZE, "how many bytes the packets that wait may take {32MB}", omit=0
            ),
            Option(
                "ecn_prob",
                "ECN_PROB",
                Form("PERCENT", unsigned(99)),
                "up to which chance of drops packets are marked {10}",
                omit=0,
            ),
            *SWITCHES,
        ),
        sent="LIMIT FLOWS TARGET TUPDATE ALPHA BETA QUANTUM MEMORY_LIMIT ECN_PROB ECN BYTEMODE DQ_RATE_ESTIMATOR",
        shown=("limit flows target tupdate alpha beta quantum memory_limit ecn_prob ecn bytemode dq_rate_estimator",),
    ),
    prefix="TCA_FQ_PIE",
    attributes=rows(
        "uint32",
        "LIMIT FLOWS TARGET TUPDATE ALPHA BETA QUANTUM MEMORY_LIMIT ECN_PROB ECN BYTEMODE DQ_RATE_ESTIMATOR",
    ),
    statistics=statistics_lines(
        Layout(
            "9I",
            "pkts_in dropped overlimit overmemory ecn_mark new_flow_count new_flows_len old_flows_len memory_used",
        ),
        "pkts_in overlimit overmemory dropped ecn_mark",
        "new_flow_count new_flows_len old_flows_len memory_used",
    ),
    nested=True,
    restoration=Restoration(described=("TCA_FQ_PIE_FLOWS",), resent={"TCA_FQ_PIE_TARGET": restored_target}),
)
