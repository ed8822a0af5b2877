"""The ``atm`` qdisc: classes that are virtual circuits of ATM (include/uapi/linux/pkt_sched.h and
net/sched/sch_atm.c of Linux 6.2, the last that has it). tc has not had it since 6.3.

Its classes are shown. They cannot be added: the circuit is a socket, which takes libatm and hardware of that time.
"""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import Declared, Form, Option, rows
from pytc.tc.kinds.layout import Layout
from pytc.tc.kinds.qdisc import qdisc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from pytc.tc.kinds.layout import Values
    from pytc.tc.kinds.qdisc import View
    from pytc.words.engine import Cursor

#: struct sockaddr_atmpvc: the interface, the path and the circuit.
_ADDRESS = Layout("H2xhhi", "family itf vpi vci")
#: ATM_VS_*.
_STATES = ("IDLE", "CONNECTED", "CLOSING", "LISTEN", "INUSE", "BOUND")


def _refuse(word: str) -> Callable[[Cursor], Any]:
    def read(cursor: Cursor) -> Any:
        raise InvalidOptionsError(
            f'pytc does not open circuits of ATM, as "{word}" asks for', hints=("classes of atm are shown alone",)
        )

    return read


def _need_circuit(values: Values) -> None:
    raise InvalidOptionsError("pytc does not open circuits of ATM", hints=("classes of atm are shown alone",))


def _show_class(values: Values, view: View) -> Iterator[Field]:
    if len(values.get("ADDR", b"")) >= _ADDRESS.size:
        address = _ADDRESS.unpack(values["ADDR"])
        name = f"{address['itf']}.{address['vpi']}.{address['vci']}"
        yield Field("pvc", name, f"pvc {name} ")
    if "HDR" in values:
        name = ".".join(f"{byte:02x}" for byte in values["HDR"]) or "."
        yield Field("hdr", name, f"hdr {name} ")
    if "EXCESS" in values:
        name = view.display.class_name(Handle.from_number(values["EXCESS"])) if values["EXCESS"] else "clp"
        yield Field("excess", name, f"excess {name} ")
    if "STATE" in values:
        number = values["STATE"]
        name = _STATES[number] if number < len(_STATES) else str(number)
        yield Field("state", name, f"{name} ")


def _option(word: str, name: str, help: str) -> Option:
    return Option(word, word, Form(name, read=_refuse(word)), help)


KIND = qdisc(
    "atm",
    Declared(sends_nothing=True, notes="Classes that are virtual circuits of ATM. It has no options."),
    classes=Declared(
        options=(
            _option("pvc", "ADDRESS", "a permanent circuit"),
            _option("svc", "ADDRESS", "a switched circuit"),
            _option("qos", "QOS", "the quality of service of the circuit"),
            _option("sndbuf", "BYTES", "the size of its buffer"),
            _option("sap", "SAP", "the service access point of a switched circuit"),
            _option("hdr", "HEX", "what goes before each packet {aa.aa.03.00.00.00.08.00}"),
            _option("excess", "{ CLASSID | clp }", "the class of packets beyond the rate; clp: this one, marked {clp}"),
            _option("clip", "", "the circuit takes part in IP over ATM"),
        ),
        shown=(_show_class,),
        check=_need_circuit,
        notes="pytc does not open circuits: it shows classes of atm, and adds none.",
    ),
    prefix="TCA_ATM",
    attributes=(
        *rows("cdata", "FD PTR HDR"),
        ("EXCESS", "uint32"),
        ("ADDR", "cdata"),
        ("STATE", "uint32"),
    ),
)
