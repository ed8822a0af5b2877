"""The ``plug`` qdisc: a queue that lets packets go when it is told to (include/uapi/linux/pkt_sched.h,
net/sched/sch_plug.c). Kernels do not show its options."""

from __future__ import annotations

from pytc.tc.kinds.declaration import Declared, Form, Option
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc
from pytc.tc.rates import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.tc.kinds.layout import Values

#: TCQ_PLUG_*.
_BUFFER, _RELEASE_ONE, _RELEASE_INDEFINITE, _LIMIT = range(4)


def _choose(values: Values) -> None:
    """Let the last word decide what is done."""
    for action, limit in values.get("actions", ()):
        values["action"] = action
        values["limit"] = limit or values.get("limit", 0)


def _option(word: str, action: int, help: str) -> Option:
    return Option(word, "actions", Form(value=(action, 0)), help, many=True)


KIND = qdisc(
    "plug",
    Declared(
        options=(
            _option("block", _BUFFER, "hold back the packets that come from now on"),
            _option("release", _RELEASE_ONE, "let those go that came before the last block"),
            _option("release_indefinite", _RELEASE_INDEFINITE, "let all go, until the next block"),
            Option(
                "limit",
                "actions",
                Form("BYTES", lambda word: (_LIMIT, parse_size(word))),
                "how much may wait {the device's txqueuelen, in packets of its MTU}",
                many=True,
            ),
        ),
        sent="HEADER",
        check=_choose,
        sends_nothing=True,
        unknown='plug: unknown parameter "{}"',
        wrong='Illegal value for "{word}": "{}"',
    ),
    # struct tc_plug_qopt
    header=Layout("iI", "action limit"),
)
