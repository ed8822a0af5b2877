"""The ``vlan`` action: VLAN tags, and Ethernet headers, come and go (tc-vlan(8);
include/uapi/linux/tc_act/tc_vlan.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError, UsageError
from pytc.protocols import format_protocol, parse_protocol
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U16, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.tc.kinds.shared.addresses import parse_mac
from pytc.words.engine import unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from pytc.render.documents import Part
    from pytc.tc.kinds.action import DeclaredActionOptions
    from pytc.tc.kinds.interface import RenderEnv
    from pytc.tc.kinds.layout import Values

#: TCA_VLAN_ACT_*; 0 where the index alone names an existing action.
_VERBS = {"pop": 1, "push": 2, "modify": 3, "pop_eth": 4, "push_eth": 5}
_NAMES = {0: "", **{number: name for name, number in _VERBS.items()}}
_MAX_PRIORITY = 7
_PROTOCOLS = (0x8100, 0x88A8)
_MAC_SIZE = 6
#: What goes with which verbs, and which of it there must be.
_FITTING = (
    ("push/modify", ("push", "modify"), ("id", "protocol", "priority"), ("id",)),
    ("push_eth", ("push_eth",), ("dst_mac", "src_mac"), ("dst_mac", "src_mac")),
)
_TWICE = 'unexpected "{}" - action already specified'


def _check_values(values: Values) -> None:
    """Raise UsageError for options that do not fit the verb, or precede it."""
    verb, names = _NAMES[values.get("v_action", 0)], list(values)
    for of, verbs, words, _ in _FITTING:
        for word in words:
            name = _OPTIONS[word].into
            if name in values and (verb not in verbs or names.index(name) < names.index("v_action")):
                raise UsageError(f'Error: argument "{word}" is wrong: only valid for {of}, and behind that')


def _check(options: DeclaredActionOptions, first: str) -> None:
    values = options.values
    verb = _NAMES[values.get("v_action", 0)]
    for _, verbs, _, needed in _FITTING:
        for word in needed:
            if verb in verbs and _OPTIONS[word].into not in values:
                raise InvalidOptionsError(f"{word} needs to be set for {verb}")
    protocol = values.get("PUSH_VLAN_PROTOCOL", _PROTOCOLS[0])
    if protocol not in _PROTOCOLS:
        raise InvalidOptionsError(f"protocol not supported: {format_protocol(protocol)}; 802.1Q or 802.1ad expected")


def _show_verb(values: Values, view: RenderEnv) -> Iterable[Part]:
    number = values["v_action"]
    verb = _NAMES.get(number, str(number))
    yield Field("vlan_action", verb, f" {verb}")
    if verb in ("push", "modify"):
        protocol = values.get("PUSH_VLAN_PROTOCOL")
        shown = f"[{protocol}]" if view.display.numeric else format_protocol(protocol or 0)
        named: tuple[tuple[str, Any], ...] = (
            ("id", values.get("PUSH_VLAN_ID")),
            ("protocol", shown if protocol is not None else None),
            ("priority", values.get("PUSH_VLAN_PRIORITY")),
        )
        yield from (Field(name, value, f" {name} {value}") for name, value in named if value is not None)
    elif verb == "push_eth":
        for name in ("dst_mac", "src_mac"):
            raw = values.get(_OPTIONS[name].into, b"")
            if len(raw) == _MAC_SIZE:
                yield Field(name, raw.hex(":"), f" {name} {raw.hex(':')}")


_MAC = Form("ADDRESS", parse_mac)
_OPTIONS = {
    option.word: option
    for option in (
        *(Option(verb, "v_action", Form(value=number), twice=_TWICE) for verb, number in _VERBS.items()),
        Option("id", "PUSH_VLAN_ID", Form("ID", unsigned(U16)), "the number of the VLAN"),
        Option(
            "protocol",
            "PUSH_VLAN_PROTOCOL",
            Form("PROTOCOL", parse_protocol),
            "802.1Q or 802.1ad {802.1Q}",
        ),
        Option(
            "priority",
            "PUSH_VLAN_PRIORITY",
            Form("PRIORITY", unsigned(_MAX_PRIORITY)),
            f"0 to {_MAX_PRIORITY} {{0}}",
            wrong='Error: argument "{}" is wrong: prio is invalid',
        ),
        Option("dst_mac", "PUSH_ETH_DST", _MAC, "of the new header"),
        Option("src_mac", "PUSH_ETH_SRC", _MAC, "of the new header"),
    )
}

KIND = action(
    "vlan",
    Declared(
        tuple(_OPTIONS.values()),
        "PARMS PUSH_VLAN_ID PUSH_VLAN_PROTOCOL PUSH_VLAN_PRIORITY PUSH_ETH_DST PUSH_ETH_SRC",
        (_show_verb, show_control(), show_closing()),
        check=_check_values,
        exact=False,
        wrong='Error: argument "{}" is wrong: {word} is invalid',
        notes="pop, push and modify work on the outer VLAN tag; pop_eth and push_eth on the Ethernet header. "
        "CONTROL is {pipe}.",
        forms=(
            "action vlan pop",
            "action vlan { push | modify } id ID [ protocol PROTOCOL ] [ priority PRIORITY ]",
            "action vlan pop_eth",
            "action vlan push_eth dst_mac ADDRESS src_mac ADDRESS",
            "action vlan index INDEX",
        ),
    ),
    prefix="TCA_VLAN",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", parameters("i", "v_action")),
        ("PUSH_VLAN_ID", "uint16"),
        ("PUSH_VLAN_PROTOCOL", "be16"),
        ("PAD", "cdata"),
        ("PUSH_VLAN_PRIORITY", "uint8"),
        ("PUSH_ETH_DST", "cdata"),
        ("PUSH_ETH_SRC", "cdata"),
    ),
    check=_check,
    restoration=Restoration(replaces=True),
)
