"""The ``meta`` ematch: what is known of a packet besides its bytes (tc-ematch(8);
include/uapi/linux/tc_ematch/tc_em_meta.h, net/sched/em_meta.c)."""

from __future__ import annotations

import struct

from pytc.errors import InvalidOptionsError
from pytc.netlink.schema import join_attributes, split_attributes
from pytc.render.documents import Field, Group
from pytc.tc.kinds.interface import EmatchKind
from pytc.tc.kinds.shared.ematch_arguments import number_of
from pytc.tc.kinds.shared.ematch_parts import OPERANDS, operand_field, printable, signed_text
from pytc.typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytc.render.documents import Part
    from pytc.tc.kinds.shared.ematch_arguments import Argument, Arguments

#: TCF_META_TYPE_VAR and TCF_META_TYPE_INT: bytes, and a number.
_TEXT, _NUMBER = 0, 1
_VALUE = 0  # TCF_META_ID_VALUE
#: TCA_EM_META_HDR, TCA_EM_META_LVALUE, TCA_EM_META_RVALUE.
_HEADER, _LEFT, _RIGHT = 1, 2, 3
#: struct tcf_meta_val, twice: kind (type in the highest 4 bits, ID in the lowest 11), shift, op.
_OBJECTS = struct.Struct("=HBBHBB")
_INTEGER = struct.Struct("=I")
_ID_MASK = 0x7FF


class _Id(NamedTuple):
    number: int
    help: str
    has_text: bool = False


#: TCF_META_ID_*, those for which tc has words; the kernel has some more.
_SECTIONS = {
    "Generic": {
        "random": _Id(1, "a random number of 32 bits"),
        "loadavg_1": _Id(2, "the load average of the last minute"),
        "loadavg_5": _Id(3, "that of the last 5 minutes"),
        "loadavg_15": _Id(4, "that of the last 15 minutes"),
    },
    "Interfaces": {"dev": _Id(5, "the device: its index, or its name", True)},
    "Packet attributes": {
        "priority": _Id(6, "skb->priority"),
        "protocol": _Id(7, "the protocol of the link layer"),
        "pkt_type": _Id(8, "to whom the packet is: host, broadcast, multicast, otherhost, outgoing are 0 to 4"),
        "pkt_len": _Id(9, "the length of the packet"),
        "data_len": _Id(10, "the length of what is not in the first buffer"),
        "mac_len": _Id(11, "the length of the link layer's header"),
    },
    "Netfilter": {"nf_mark": _Id(12, "the mark"), "fwmark": _Id(12, "the same")},
    "Traffic Control": {"tc_index": _Id(13, "skb->tc_index")},
    "Routing": {
        "rt_classid": _Id(14, "the realm"),
        "rt_iif": _Id(15, "the index of the device it came in through"),
        "vlan": _Id(46, "the VLAN tag"),
    },
    "Sockets": {
        "sk_family": _Id(16, "the address family"),
        "sk_state": _Id(17, "the state"),
        "sk_reuse": _Id(18, "SO_REUSEADDR"),
        "sk_bind_if": _Id(19, "the device it is bound to", True),
        "sk_refcnt": _Id(20, "the number of references"),
        "sk_shutdown": _Id(21, "the directions that are shut down"),
        "sk_proto": _Id(22, "the protocol"),
        "sk_type": _Id(23, "the type"),
        "sk_rcvbuf": _Id(24, "the size of the receive buffer"),
        "sk_rmem": _Id(25, "the bytes of the receive queue"),
        "sk_wmem": _Id(26, "the bytes of the transmit queue"),
        "sk_omem": _Id(27, "the bytes of options and filters"),
        "sk_wmem_queue": _Id(28, "the bytes of the persistent queue"),
        "sk_snd_queue": _Id(30, "the length of the send queue"),
        "sk_rcv_queue": _Id(29, "the length of the receive queue"),
        "sk_err_queue": _Id(31, "the length of the error queue"),
        "sk_fwd_alloc": _Id(32, "the memory that is reserved"),
        "sk_sndbuf": _Id(33, "the size of the send buffer"),
    },
}
_IDS = {name: entry for section in _SECTIONS.values() for name, entry in section.items()}
_NAMES = {entry.number: name for name, entry in reversed(_IDS.items())}
_WITH_TEXT = frozenset(entry.number for entry in _IDS.values() if entry.has_text)


class _Object(NamedTuple):
    """One side of a comparison; ``value`` is that of a constant, or the mask of what the ID stands for."""

    type: int
    id: int
    shift: int = 0
    value: bytes = b""

    @property
    def attribute(self) -> bytes | None:
        """Return the attribute for the value; like tc, with a mask of 0 where none is given."""
        if self.type == _NUMBER:
            return self.value or _INTEGER.pack(0)
        return self.value if self.id == _VALUE else None

    def as_text(self, arguments: Arguments) -> _Object:
        """Return an object that can be compared with text; raises InvalidOptionsError."""
        if self.type == _TEXT:
            return self
        if self.id not in _WITH_TEXT:
            raise arguments.error("lvalue and rvalue are not compatible.", named=False)
        return self._replace(type=_TEXT)


def _parse(arguments: Arguments) -> bytes:
    if arguments.peek() == "list":
        raise _listed()
    left = _take_object(arguments, "missing arguments")
    operand = OPERANDS.get(arguments.take("missing operand").text)
    if operand is None:
        raise arguments.error("invalid operand")
    right = _take_object(arguments, "missing rvalue")
    if not arguments.done:
        arguments.take()
        raise arguments.error("unexpected trailer")
    if _TEXT in (left.type, right.type):
        left, right = left.as_text(arguments), right.as_text(arguments)
    kinds = (left.type << 12 | left.id, left.shift, operand, right.type << 12 | right.id, right.shift, 0)
    sent = [(_HEADER, _OBJECTS.pack(*kinds))]
    sent += [
        (number, value) for number, value in ((_LEFT, left.attribute), (_RIGHT, right.attribute)) if value is not None
    ]
    return join_attributes(sent)


def _take_object(arguments: Arguments, missing: str) -> _Object:
    word: Argument = arguments.take(missing)
    if word.is_quoted:
        return _Object(_TEXT, _VALUE, value=word.data)
    number = number_of(word.text)
    if number is not None:
        return _Object(_NUMBER, _VALUE, value=_INTEGER.pack(number))
    if word.text not in _IDS:
        raise arguments.error("unknown meta id")
    found = _Object(_NUMBER, _IDS[word.text].number)
    while arguments.peek() in ("shift", "mask"):
        if arguments.take().text == "shift":
            found = found._replace(shift=arguments.take_number("invalid shift, must be numeric") & 0xFF)
        else:
            found = found._replace(value=_INTEGER.pack(arguments.take_number("invalid mask, must be numeric")))
    return found


def _listed() -> InvalidOptionsError:
    lines = []
    for section, entries in _SECTIONS.items():
        lines.append(f"{section}:")
        lines += [
            f"  {name:<14} {'INT,VAR' if entry.has_text else 'INT':<8} {entry.help}" for name, entry in entries.items()
        ]
    error = InvalidOptionsError("\n".join(["  ID             Type     Meaning", *lines]))
    error.has_several_lines = True
    return error


def _show(data: bytes) -> Sequence[Part]:
    parts = dict(split_attributes(data))
    kind, shift, operand, other, other_shift, _ = _OBJECTS.unpack_from(parts.get(_HEADER, b""))
    return [
        Group("left", _object(kind, shift, parts.get(_LEFT))),
        *operand_field(operand, " "),
        Group("right", _object(other, other_shift, parts.get(_RIGHT))),
    ]


def _object(kind: int, shift: int, value: bytes | None) -> Sequence[Part]:
    type, id = kind >> 12, kind & _ID_MASK
    if id == _VALUE:
        if value is None:
            raise ValueError("a constant without its value")
        return [_constant(type, value)]
    name = _NAMES.get(id)
    fields = [Field("id", name or id, name or f"[unknown meta id {id}]")]
    if shift:
        fields.append(Field("shift", shift, f" shift {shift}"))
    if type == _NUMBER and value:
        mask = _INTEGER.unpack_from(value)[0]
        fields += [Field("mask", f"{mask:#x}", f" mask {mask:#010x}")] if mask else []
    return fields


def _constant(type: int, value: bytes) -> Field:
    if type == _NUMBER:
        number = _INTEGER.unpack_from(value)[0]
        return Field("value", number, signed_text(number))
    text = printable(value)
    if text == value.decode("latin-1"):
        return Field("value", text, text)
    return Field("value", value.hex(), "".join(f"{byte:02x} " for byte in value) + f'"{text}"')


KIND = EmatchKind(
    "meta",
    4,
    _parse,
    _show,
    'Usage: meta(OBJECT { eq | lt | gt } OBJECT), OBJECT := { NUMBER | "TEXT" | ID [ shift SHIFT ] [ mask MASK ] }; '
    "meta(list) lists the IDs",
)
