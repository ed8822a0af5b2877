"""The ``skbedit`` action: what the kernel keeps beside a packet (tc-skbedit(8);
include/uapi/linux/tc_act/tc_skbedit.h)."""

from __future__ import annotations

from pytc.errors import InvalidOptionsError
from pytc.handles import Handle, parse_classid
from pytc.render.documents import Field
from pytc.tc.kinds.action import action, parameters, show_closing, show_control
from pytc.tc.kinds.declaration import U16, U32, Declared, Form, Option
from pytc.tc.kinds.interface import Restoration
from pytc.words.engine import choose, unsigned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pytc.render.documents import Display
    from pytc.tc.kinds.action import DeclaredActionOptions

#: PACKET_HOST and so on (include/uapi/linux/if_packet.h), in the order in which abbreviations are tried.
_PACKET_TYPES = {"host": 0, "broadcast": 1, "multicast": 2, "otherhost": 3}
_PACKET_TYPE_NAMES = {number: name for name, number in _PACKET_TYPES.items()}
#: SKBEDIT_F_INHERITDSFIELD.
_INHERIT_DSFIELD = 0x20


def _mark(word: str) -> tuple[int, ...]:
    value, slash, mask = word.partition("/")
    convert = unsigned(U32)
    number = convert(value)
    if not slash:
        return (number,)
    try:
        return number, convert(mask)
    except ValueError:
        raise InvalidOptionsError(f"Illegal mask: {word}") from None


def _packet_type(word: str) -> int:
    name = choose(word, tuple(_PACKET_TYPES))
    if not name:
        raise ValueError(word)
    return _PACKET_TYPES[name]


def _show_class(key: str, number: int, display: Display) -> Field:
    name = display.class_name(Handle.from_number(number))
    return Field(key, name, f" {key} {name}")


def _show_type(key: str, number: int, display: Display) -> Field:
    name = _PACKET_TYPE_NAMES.get(number, number)
    return Field(key, name, f" {key} {name}")


def _check(options: DeclaredActionOptions, first: str) -> None:
    if not options.values and not options.number:
        names = ", ".join(option.word for option in _OPTIONS)
        raise InvalidOptionsError(f'skbedit: "{first}" says nothing of what to set: {names}, or an index, expected')


_QUEUE = Form("QUEUE", unsigned(U16, 10), lambda key, number, display: Field(key, number, f"{key} {number}"))
_CLASS = Form("CLASSID", parse_classid, _show_class, pack=lambda handle, env: handle.number)
_MARK = Form("MARK[/MASK]", _mark)
_TYPE = Form("{ host | otherhost | broadcast | multicast }", _packet_type, _show_type)
_INHERIT = Form(value=_INHERIT_DSFIELD)
_OPTIONS = (
    Option("queue_mapping", "QUEUE_MAPPING", _QUEUE, "sets the device's queue", wrong="Illegal queue_mapping: {}"),
    Option(
        "priority",
        "PRIORITY",
        _CLASS,
        "sets skb->priority: a class that a qdisc takes without asking filters",
        wrong="Illegal priority: {}",
    ),
    Option(
        "mark",
        "MARK MASK",
        _MARK,
        "sets the mark that fw filters, netfilter and BPF see; the bits in the MASK",
        wrong="Illegal mark: {}",
    ),
    Option("ptype", "PTYPE", _TYPE, "sets to whom the packet is", wrong="Illegal ptype ({})"),
    Option("inheritdsfield", "FLAGS", _INHERIT, "sets the priority to the DS field of the IP header"),
)


def _show_rest(values: dict[str, int], view: object) -> list[Field]:
    fields = []
    if (mark := values.get("MARK")) is not None:
        fields.append(Field("mark", mark, f" mark {mark}"))
    if (mask := values.get("MASK")) is not None:
        fields.append(Field("mask", f"{mask:x}", f"/{mask:#x}" if mask else "/0"))
    return fields


def _show_flags(values: dict[str, int], view: object) -> list[Field]:
    return [Field("inheritdsfield", None, " inheritdsfield")] if values.get("FLAGS", 0) & _INHERIT_DSFIELD else []


KIND = action(
    "skbedit",
    Declared(
        _OPTIONS,
        "PARMS QUEUE_MAPPING PRIORITY MARK MASK PTYPE FLAGS",
        ("queue_mapping priority", _show_rest, "ptype", _show_flags, show_control(), show_closing()),
        exact=False,
        notes="CONTROL is {pipe}.",
    ),
    prefix="TCA_SKBEDIT",
    attributes=(
        ("TM", "cdata"),
        ("PARMS", parameters()),
        ("PRIORITY", "uint32"),
        ("QUEUE_MAPPING", "uint16"),
        ("MARK", "uint32"),
        ("PAD", "cdata"),
        ("PTYPE", "uint16"),
        ("MASK", "uint32"),
        ("FLAGS", "uint64"),
        ("QUEUE_MAPPING_MAX", "uint16"),
    ),
    check=_check,
    restoration=Restoration(replaces=True),
)
