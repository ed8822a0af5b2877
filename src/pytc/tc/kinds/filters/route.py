"""The ``route`` filter: packets by the realms of their routes (tc-route(8); net/sched/cls_route.c).

The handle follows from the words: realm of the destination (8 bits, or 0x8000 for any), order (7 bits), realm of the
source or index of the device (16 bits).
"""

from __future__ import annotations

from pytc.errors import DeviceNotFoundError, InvalidOptionsError
from pytc.netlink.devices import device_index
from pytc.netlink.session import interface_name
from pytc.render.documents import Field
from pytc.tc.kinds.declaration import U32, Declared, Form, Option
from pytc.tc.kinds.filter import (
    ACTION,
    CLASSID,
    FLOWID,
    POLICE,
    filter,
    numeric_handle,
    show_actions,
    show_police,
)
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.fields import hexadecimal
from pytc.tc.kinds.shared.realms import parse_realm, realm_name
from pytc.words.engine import text, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.netlink.schema import Attributes
    from pytc.render.documents import Display, Part
    from pytc.tc.kinds.filter import DeclaredFilterOptions
    from pytc.tc.kinds.interface import FilterView
    from pytc.tc.kinds.layout import Values

_ANY_TO, _ANY_FROM, _DEVICE, _ORDER = 0x8000, 0xFFFF0000, 0x8000, 0x7F00


def _index(device: str) -> int:
    try:
        return device_index(device)
    except DeviceNotFoundError as error:
        raise InvalidOptionsError('Illegal "fromif"', hints=(str(error),)) from None


def _handle(word: str) -> int:
    """Return the number of a handle; behind ``@`` is the device whose index belongs to it."""
    number, at, device = word.partition("@")
    handle = numeric_handle(number)
    return handle | (_DEVICE | _index(device)) << 16 & U32 if at else handle


def _settle(options: DeclaredFilterOptions, word: str) -> tuple[DeclaredFilterOptions, str]:
    """Return the handle that follows from the words where none is given."""
    values = options.values
    if word and _handle(word):
        return options, word
    handle = values.get("TO", _ANY_TO)
    if "fromif" not in values:
        handle |= values["FROM"] << 16 if "FROM" in values else _ANY_FROM
    if order := values.get("order", 0):
        handle = handle & ~_ORDER | order << 8 & _ORDER
    return options, f"{handle:#x}@{values['fromif']}" if "fromif" in values else f"{handle:#x}"


def _complete(values: Values, env: object) -> None:
    if "fromif" in values:
        values["IIF"] = _index(values["fromif"])


def _show_handle(values: Values, view: FilterView) -> list[Part]:
    handle, order = view.handle, (view.handle & _ORDER) >> 8
    fields: list[Part] = [Field("fh", hexadecimal(handle), f"fh {handle:#010x} ")] if handle else []
    return [*fields, *([Field("order", order, f"order {order} ")] if order else [])]


def _show_realm(key: str, number: int, display: Display) -> Field:
    name = realm_name(number, numeric=display.numeric)
    return Field(key, name, f"{key} {name} ")


def _show_device(values: Values, view: FilterView) -> list[Part]:
    if "IIF" not in values:
        return []
    name = interface_name(values["IIF"])
    return [Field("fromif", name, f"fromif {name}")]


_REALM = Form("REALM", parse_realm, _show_realm)
_OPTIONS = (
    Option("to", "TO", _REALM, "the realm of the route to the destination"),
    Option("from", "FROM", _REALM, "the realm of the route to the source"),
    Option("fromif", "fromif", Form("DEVICE", text), "the device through which a packet came in"),
    CLASSID,
    FLOWID,
    POLICE,
    Option("order", "order", Form("NUMBER", unsigned(U32)), "tells filters with the same realms apart: 1 to 127"),
    ACTION,
)


def _refuse_move(present: Attributes, requested: Attributes | None) -> str:
    """A filter whose realms or device change is another one, with another handle."""
    if requested is None:
        return ""
    names = ("TCA_ROUTE4_TO", "TCA_ROUTE4_FROM", "TCA_ROUTE4_IIF")
    return "" if all(present.get(name) == requested.get(name) for name in names) else "it would get another handle"


KIND = filter(
    "route",
    Declared(
        _OPTIONS,
        "FROM TO IIF CLASSID",
        (_show_handle, "classid to from", _show_device, show_police, show_actions),
        complete=_complete,
        exact=False,
        notes="REALM is a number up to 255, or a name of rt_realms.",
    ),
    prefix="TCA_ROUTE4",
    attributes=(
        ("CLASSID", "uint32"),
        ("TO", "uint32"),
        ("FROM", "uint32"),
        ("IIF", "uint32"),
        ("POLICE", "cdata"),
        ("ACT", "cdata"),
    ),
    actions="ACT",
    police="POLICE",
    handle=_handle,
    settle=_settle,
    follows_from_words=lambda values: "fromif" not in values,
    restoration=Restoration(refuse=_refuse_move, place="first"),
)
