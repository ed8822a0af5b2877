"""The ``etf`` qdisc: packets go out at the times that their sockets say (tc-etf(8); include/uapi/linux/pkt_sched.h,
net/sched/sch_etf.c)."""

from __future__ import annotations

from pytc.render.documents import Field
from pytc.tc.kinds.declaration import ON, SIGNED, Declared, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.kinds.shared.clock_ids import clock_field, clock_form
from pytc.tc.kinds.shared.fields import number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View

#: TC_ETF_*, in the order in which they are printed.
_FLAGS = {"offload": 2, "deadline_mode": 1, "skip_sock_check": 4}


def _join_flags(values: Values) -> None:
    values["flags"] = sum(bit for name, bit in _FLAGS.items() if name in values)


def _show(values: Values, view: View) -> list[Field]:
    if "flags" not in values:
        return []
    switches = {name: "on" if values["flags"] & bit else "off" for name, bit in _FLAGS.items()}
    return [
        clock_field(values["clockid"], " "),
        number("delta", values["delta"]),
        *(
            Field(name, switch, f"{name} {switch}" + " " * (name != "skip_sock_check"))
            for name, switch in switches.items()
        ),
    ]


KIND = qdisc(
    "etf",
    Declared(
        options=(
            Option("offload", "offload", ON, "let the device's hardware wait for the times"),
            Option("deadline_mode", "deadline_mode", ON, "the times are deadlines: packets may go out earlier"),
            Option("delta", "delta", SIGNED._replace(name="NANOSECONDS"), "wake up as long before the times {0}"),
            Option("clockid", "clockid", clock_form("etf"), "the clock of the times: CLOCK_TAI ...", required=True),
            Option(
                "skip_sock_check", "skip_sock_check", ON, "take packets whose sockets have no times, too", exact=True
            ),
        ),
        sent="PARMS",
        shown=(_show,),
        check=_join_flags,
        exact=False,
        unknown='etf: unknown parameter "{}"',
        wrong='etf: illegal value for "{word}": "{}"',
        twice='etf: duplicate "{word}" specification',
    ),
    prefix="TCA_ETF",
    # struct tc_etf_qopt
    attributes=(("PARMS", Layout("2iI", "delta clockid=-1 flags")),),
)
